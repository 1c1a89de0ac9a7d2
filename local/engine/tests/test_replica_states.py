"""A key is replicated, and its replica is looked at and tagged at once and a little later."""

from tests import engines, probes


class ReplicaStatesTest(probes.RequestTest):
    unpatched = ("Enabled", "done", "Enabled", "done")
    patched = ("Creating", "KMSInvalidStateException", "Enabled", "done")

    def probe(self, engine):
        account = engines.new_account()
        kms, elsewhere = engine.client("kms", account), engine.client("kms", account, "eu-west-1")
        key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")

        def state():
            return elsewhere.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]

        def tag():
            return engines.outcome(elsewhere.tag_resource, KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])

        first = state(), tag()
        engines.wait_for(lambda: state() != "Creating")
        return (*first, state(), tag())
