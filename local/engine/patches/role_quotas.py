"""IAM limits the trust policy, the inline policies and the tags of a role.

A trust policy has at most 2,048 characters unless the quota is raised, all inline policies of a role together have
10,240, white space not counted, and a role has 50 tags. Source: IAM User Guide, "IAM and AWS STS quotas",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html

MiniStack 1.5.33 has no limits.
"""

import support

TRUST_POLICY = 2048
INLINE_POLICIES = 10240
TAGS = 50


def size(document):
    """Return the number of characters that count."""
    return len("".join(document.split()))


def apply():
    """Refuse what is over a quota."""
    from ministack.services import iam

    create_role = support.entry(iam._IAM_HANDLERS, "CreateRole", "iam._IAM_HANDLERS")
    update_trust = support.entry(iam._IAM_HANDLERS, "UpdateAssumeRolePolicy", "iam._IAM_HANDLERS")
    put_role_policy = support.entry(iam._IAM_HANDLERS, "PutRolePolicy", "iam._IAM_HANDLERS")
    tag_role = support.entry(iam._IAM_HANDLERS, "TagRole", "iam._IAM_HANDLERS")

    def exceeded(quota, value):
        return iam._error(409, "LimitExceeded", f"Cannot exceed quota for {quota}: {value}", ns="iam")

    def trust_is_over(document):
        return size(document or "") > TRUST_POLICY

    def create(p):
        if trust_is_over(support.first(p, "AssumeRolePolicyDocument")):
            return exceeded("ACLSizePerRole", TRUST_POLICY)
        if len(iam._extract_tags(p)) > TAGS:
            return exceeded("TagsPerRole", TAGS)
        return create_role(p)

    def update(p):
        if trust_is_over(support.first(p, "PolicyDocument")):
            return exceeded("ACLSizePerRole", TRUST_POLICY)
        return update_trust(p)

    def put(p):
        role = iam._roles.get(support.first(p, "RoleName"))
        name, document = support.first(p, "PolicyName"), support.first(p, "PolicyDocument")
        if role is not None:
            others = [it for other, it in role["InlinePolicies"].items() if other != name]
            if sum(size(it) for it in [*others, document or ""]) > INLINE_POLICIES:
                role_name = role["RoleName"]
                message = f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for role {role_name}"
                return iam._error(409, "LimitExceeded", message, ns="iam")
        return put_role_policy(p)

    def tag(p):
        role = iam._roles.get(support.first(p, "RoleName"))
        if role is not None:
            keys = {iam._identity_tag_key(it["Key"]) for it in [*role["Tags"], *iam._extract_tags(p)]}
            if len(keys) > TAGS:
                return exceeded("TagsPerRole", TAGS)
        return tag_role(p)

    iam._IAM_HANDLERS["CreateRole"] = create
    iam._IAM_HANDLERS["UpdateAssumeRolePolicy"] = update
    iam._IAM_HANDLERS["PutRolePolicy"] = put
    iam._IAM_HANDLERS["TagRole"] = tag
