"""A tag chooses the id of a key."""

from tests import engines, probes

WANTED = "11111111-2222-3333-4444-555555555555"


class KeyIdsByTagTest(probes.RequestTest):
    unpatched = (False, False)
    patched = (True, False)

    def probe(self, engine):
        kms = engine.client("kms", engines.new_account())
        tagged = kms.create_key(Tags=[{"TagKey": "local:key-id", "TagValue": WANTED}])
        plain = kms.create_key()
        return tagged["KeyMetadata"]["KeyId"] == WANTED, plain["KeyMetadata"]["KeyId"] == WANTED
