"""A policy requires TLS."""

from tests import engines, probes


class SecureTransportConditionTest(probes.RequestTest):
    unpatched = "AccessDeniedException"
    patched = "done"

    def probe(self, engine):
        account = engines.new_account()
        over_tls = engines.allow("kms:ListKeys", Condition={"Bool": {"aws:SecureTransport": "true"}})
        return engines.outcome(engine.client("kms", engine.session(account, over_tls)).list_keys)
