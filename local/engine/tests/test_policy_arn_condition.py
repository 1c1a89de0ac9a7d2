"""A caller may attach one managed policy."""

from tests import engines, probes


class PolicyArnConditionTest(probes.RequestTest):
    unpatched = ("AccessDenied", "AccessDenied")
    patched = ("done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        iam = engine.client("iam", account)
        document = engines.document(engines.allow("kms:Encrypt"))
        mine, other = (
            iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"] for name in ("mine", "other")
        )
        engine.role(account, name="target")
        only_mine = engines.allow("iam:AttachRolePolicy", Condition={"ArnEquals": {"iam:PolicyARN": mine}})
        attach = engine.client("iam", engine.session(account, only_mine)).attach_role_policy
        return tuple(engines.outcome(attach, RoleName="target", PolicyArn=policy) for policy in (mine, other))
