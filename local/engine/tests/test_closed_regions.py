"""A Region is disabled, a role makes a call in it, and it is enabled again."""

from tests import engines, probes


class ClosedRegionsTest(probes.RequestTest):
    unpatched = ("InvalidAction", "done", "done", "InvalidAction", "done")
    patched = ("done", "UnrecognizedClientException", "done", "done", "done")

    def probe(self, engine):
        account = engines.new_account()
        session = engine.session(account, engines.allow("kms:*"))
        settings = engine.client("account", account)

        def call(region):
            return engines.outcome(engine.client("kms", session, region).list_keys)

        return (
            engines.outcome(settings.disable_region, RegionName="eu-south-1"),
            call("eu-south-1"),
            call("us-east-1"),
            engines.outcome(settings.enable_region, RegionName="eu-south-1"),
            call("eu-south-1"),
        )
