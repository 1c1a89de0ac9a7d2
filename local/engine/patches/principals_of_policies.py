"""IAM and KMS refuse a policy with a principal that does not exist, and one that is no policy.

Source: IAM User Guide, "AWS JSON policy elements: Principal",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html, and AWS KMS API Reference,
PutKeyPolicy, `MalformedPolicyDocumentException`,
https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html

MiniStack 1.5.33 stores trust policies and key policies as they come.
"""

import json
import re

import support

ROLE_OR_USER = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(role|user)/(?:.*/)?([^/]+)")


def statements_of(text):
    """Return the statements of a policy, or None if the text is none."""
    try:
        statements = json.loads(text)["Statement"]
    except (ValueError, TypeError, KeyError):
        return None
    statements = [statements] if isinstance(statements, dict) else statements
    elements = ("Effect", "Action", "Principal")
    is_whole = all(all(it in statement or f"Not{it}" in statement for it in elements) for statement in statements)
    return statements if statements and is_whole else None


def missing(statements, iam):
    """Return the first principal that does not exist, or None."""
    for statement in statements:
        principal = statement.get("Principal") or statement.get("NotPrincipal")
        named = principal.get("AWS", []) if isinstance(principal, dict) else []
        for arn in [named] if isinstance(named, str) else named:
            match = ROLE_OR_USER.fullmatch(arn)
            store = (iam._roles if match[2] == "role" else iam._users)._data if match else {}
            if match and store.get((match[1], match[3]), {}).get("Arn") != arn:
                return arn
    return None


def apply():
    """Look for each principal of a new policy."""
    from ministack.core.responses import error_response_json
    from ministack.services import iam, kms

    create_role = support.entry(iam._IAM_HANDLERS, "CreateRole", "iam._IAM_HANDLERS")
    update_trust = support.entry(iam._IAM_HANDLERS, "UpdateAssumeRolePolicy", "iam._IAM_HANDLERS")
    create_key = support.original(kms, "_create_key", "(data)")
    replicate_key = support.original(kms, "_replicate_key", "(data)")
    put_key_policy = support.original(kms, "_put_key_policy", "(data)")

    def refusal(text):
        statements = statements_of(text)
        if statements is None:
            return "This policy contains invalid Json or lacks an element"
        arn = missing(statements, iam)
        return arn and f'Invalid principal in policy: "AWS":"{arn}"'

    def of_role(change, name):
        def checked(p):
            why = refusal(support.first(p, name))
            return iam._error(400, "MalformedPolicyDocument", why, ns="iam") if why else change(p)

        return checked

    def of_key(change):
        def checked(data):
            why = data.get("Policy") and refusal(data["Policy"])
            return error_response_json("MalformedPolicyDocumentException", why, 400) if why else change(data)

        return checked

    iam._IAM_HANDLERS["CreateRole"] = of_role(create_role, "AssumeRolePolicyDocument")
    iam._IAM_HANDLERS["UpdateAssumeRolePolicy"] = of_role(update_trust, "PolicyDocument")
    kms._create_key = of_key(create_key)
    kms._replicate_key = of_key(replicate_key)
    kms._put_key_policy = of_key(put_key_policy)
