"""A service and a resource control policy deny a role what a policy of its account allows."""

from botocore.exceptions import ClientError

from tests import engines, probes


class OrganizationPoliciesTest(probes.RequestTest):
    unpatched = ("the policy cannot be attached", "the policy cannot be attached")
    patched = (
        "with an explicit deny in a service control policy",
        "with an explicit deny in a resource control policy",
    )

    def probe(self, engine):
        return tuple(self.denial(engine, kind) for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"))

    def denial(self, engine, kind):
        manager, account = engines.new_account(), engines.new_account()
        organizations = engine.client("organizations", manager)
        deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
        if kind == "RESOURCE_CONTROL_POLICY":
            deny["Principal"] = "*"
            root = organizations.list_roots()["Roots"][0]["Id"]
            organizations.enable_policy_type(RootId=root, PolicyType=kind)
        policy = organizations.create_policy(Name="probe", Description="", Type=kind, Content=engines.document(deny))
        policy = policy["Policy"]["PolicySummary"]["Id"]
        if engines.outcome(organizations.attach_policy, PolicyId=policy, TargetId=account) != "done":
            return "the policy cannot be attached"
        kms = engine.client("kms", engine.session(account, engines.allow("kms:*")))
        try:
            kms.list_keys()
        except ClientError as error:
            message = error.response["Error"]["Message"]
            return message[message.index("with") :]
        return "the call is allowed"
