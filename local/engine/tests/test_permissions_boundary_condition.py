"""A caller may create roles, and change their policies, if they have a boundary."""

from tests import engines, probes


class PermissionsBoundaryConditionTest(probes.RequestTest):
    unpatched = ("AccessDenied",) * 4
    patched = ("done", "AccessDenied", "done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        root = engine.client("iam", account)
        document = engines.document(engines.allow("kms:Encrypt"))
        boundary = root.create_policy(PolicyName="boundary", PolicyDocument=document)["Policy"]["Arn"]
        trust = engines.document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
        root.create_role(RoleName="bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
        root.create_role(RoleName="free", AssumeRolePolicyDocument=trust)
        bounded = engines.allow(
            ["iam:CreateRole", "iam:PutRolePolicy"], Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}}
        )
        iam = engine.client("iam", engine.session(account, bounded))
        create = {"AssumeRolePolicyDocument": trust}
        put = {"PolicyName": "probe", "PolicyDocument": document}
        return (
            engines.outcome(iam.create_role, RoleName="new-bounded", PermissionsBoundary=boundary, **create),
            engines.outcome(iam.create_role, RoleName="new-free", **create),
            engines.outcome(iam.put_role_policy, RoleName="bounded", **put),
            engines.outcome(iam.put_role_policy, RoleName="free", **put),
        )
