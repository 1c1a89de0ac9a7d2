"""A caller may delete managed policies that have a tag."""

from tests import engines, probes


class PolicyTagsConditionTest(probes.RequestTest):
    unpatched = ("AccessDenied", "AccessDenied")
    patched = ("done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        iam = engine.client("iam", account)
        document = engines.document(engines.allow("kms:Encrypt"))
        tagged, plain = (
            iam.create_policy(PolicyName=name, PolicyDocument=document, Tags=tags)["Policy"]["Arn"]
            for name, tags in (("tagged", [{"Key": "owner", "Value": "probe"}]), ("plain", []))
        )
        only_tagged = engines.allow("iam:DeletePolicy", Condition={"StringEquals": {"aws:ResourceTag/owner": "probe"}})
        delete = engine.client("iam", engine.session(account, only_tagged)).delete_policy
        return tuple(engines.outcome(delete, PolicyArn=policy) for policy in (tagged, plain))
