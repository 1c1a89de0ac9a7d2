"""A policy of the organization denies a role what a policy of its account allows."""

from botocore.exceptions import ClientError

from tests import engines, probes


class ServiceControlPoliciesTest(probes.RequestTest):
    unpatched = "the policy cannot be attached"
    patched = "with an explicit deny in a service control policy"

    def probe(self, engine):
        manager, account = engines.new_account(), engines.new_account()
        organizations = engine.client("organizations", manager)
        deny = {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}
        policy = organizations.create_policy(
            Name="probe", Description="", Type="SERVICE_CONTROL_POLICY", Content=engines.document(deny)
        )["Policy"]["PolicySummary"]["Id"]
        if engines.outcome(organizations.attach_policy, PolicyId=policy, TargetId=account) != "done":
            return "the policy cannot be attached"
        kms = engine.client("kms", engine.session(account, engines.allow("kms:*")))
        try:
            kms.list_keys()
        except ClientError as error:
            message = error.response["Error"]["Message"]
            return message[message.index("with") :]
        return "the call is allowed"
