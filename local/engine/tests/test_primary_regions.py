"""The primary of a key with a replica moves, to a Region without a replica and to that of the replica."""

from tests import engines, probes


class PrimaryRegionsTest(probes.RequestTest):
    unpatched = ("InvalidAction", "InvalidAction", "us-east-1", "REPLICA")
    patched = ("NotFoundException", "done", "eu-west-1", "PRIMARY")

    def probe(self, engine):
        account = engines.new_account()
        kms, elsewhere = engine.client("kms", account), engine.client("kms", account, "eu-west-1")
        key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
        engines.wait_for(lambda: elsewhere.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "Creating")

        def move(region):
            return engines.outcome(kms.update_primary_region, KeyId=key, PrimaryRegion=region)

        moved = move("eu-central-1"), move("eu-west-1")
        topology = elsewhere.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
        return (*moved, topology["PrimaryKey"]["Region"], topology["MultiRegionKeyType"])
