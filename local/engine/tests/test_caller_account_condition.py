"""A policy names the account of the caller of KMS."""

from tests import engines, probes


class CallerAccountConditionTest(probes.RequestTest):
    unpatched = "AccessDeniedException"
    patched = "done"

    def probe(self, engine):
        account = engines.new_account()
        in_account = engines.allow("kms:ListKeys", Condition={"StringEquals": {"kms:CallerAccount": account}})
        return engines.outcome(engine.client("kms", engine.session(account, in_account)).list_keys)
