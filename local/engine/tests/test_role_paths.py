"""A caller may change the roles in one path."""

from tests import engines, probes


class RolePathsTest(probes.RequestTest):
    unpatched = ("AccessDenied", "AccessDenied", "AccessDenied", "implicitDeny")
    patched = ("done", "AccessDenied", "AccessDenied", "allowed")

    def probe(self, engine):
        account = engines.new_account()
        owner = engine.client("iam", account)
        trust = engines.document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
        owner.create_role(RoleName="inside", Path="/mine/", AssumeRolePolicyDocument=trust)
        owner.create_role(RoleName="outside", AssumeRolePolicyDocument=trust)
        in_path = engines.allow("iam:GetRole", f"arn:aws:iam::{account}:role/mine/*")
        iam = engine.client("iam", engine.session(account, in_path))
        read = tuple(engines.outcome(iam.get_role, RoleName=name) for name in ("inside", "outside", "missing"))
        policy = engines.document(engines.allow("kms:Decrypt"))
        owner.put_role_policy(RoleName="inside", PolicyName="keys", PolicyDocument=policy)
        inside = f"arn:aws:iam::{account}:role/mine/inside"
        simulated = owner.simulate_principal_policy(PolicySourceArn=inside, ActionNames=["kms:Decrypt"])
        return *read, simulated["EvaluationResults"][0]["EvalDecision"]
