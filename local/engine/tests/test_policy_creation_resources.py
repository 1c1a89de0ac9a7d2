"""A caller may create policies in one path."""

from tests import engines, probes


class PolicyCreationResourcesTest(probes.RequestTest):
    unpatched = ("AccessDenied", "AccessDenied")
    patched = ("done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        on_path = engines.allow("iam:CreatePolicy", f"arn:aws:iam::{account}:policy/mine/*")
        create = engine.client("iam", engine.session(account, on_path)).create_policy
        policy = engines.document(engines.allow("kms:Encrypt"))
        return tuple(
            engines.outcome(create, PolicyName="probe", Path=path, PolicyDocument=policy) for path in ("/mine/", "/")
        )
