"""A policy compares aws:PrincipalArn with the ARN of a role that has a path."""

from tests import engines, probes


class PrincipalArnConditionTest(probes.RequestTest):
    unpatched = "AccessDeniedException"
    patched = "done"

    def probe(self, engine):
        account = engines.new_account()
        role = f"arn:aws:iam::{account}:role/team/caller"
        if_role = engines.allow("kms:ListKeys", Condition={"ArnEquals": {"aws:PrincipalArn": role}})
        session = engine.session(account, if_role, path="/team/")
        return engines.outcome(engine.client("kms", session).list_keys)
