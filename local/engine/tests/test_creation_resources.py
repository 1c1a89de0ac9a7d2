"""A caller may create policies and roles in one path."""

from tests import engines, probes


class CreationResourcesTest(probes.RequestTest):
    unpatched = ("AccessDenied",) * 4
    patched = ("done", "AccessDenied", "done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        arn = f"arn:aws:iam::{account}"
        on_path = engines.allow(["iam:CreatePolicy", "iam:CreateRole"], [f"{arn}:policy/mine/*", f"{arn}:role/mine/*"])
        iam = engine.client("iam", engine.session(account, on_path))
        policy = engines.document(engines.allow("kms:Encrypt"))
        trust = engines.document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})

        def create_role(path):
            return engines.outcome(iam.create_role, RoleName="probe", Path=path, AssumeRolePolicyDocument=trust)

        def create_policy(path):
            return engines.outcome(iam.create_policy, PolicyName="probe", Path=path, PolicyDocument=policy)

        return create_policy("/mine/"), create_policy("/"), create_role("/mine/"), create_role("/")
