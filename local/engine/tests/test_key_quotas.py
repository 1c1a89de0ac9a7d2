"""A key gets a long policy and many tags."""

from tests import engines, probes

REFUSED = "LimitExceededException"


class KeyQuotasTest(probes.RequestTest):
    unpatched = ("done",) * 3
    patched = (REFUSED, "done", REFUSED)

    def probe(self, engine):
        account = engines.new_account()
        kms = engine.client("kms", account)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        root = {"AWS": f"arn:aws:iam::{account}:root"}
        statement = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
        policy = engines.document(*({**statement, "Sid": f"Number{n}"} for n in range(400)))

        def tag(*keys):
            tags = [{"TagKey": str(it), "TagValue": ""} for it in keys]
            return engines.outcome(kms.tag_resource, KeyId=key, Tags=tags)

        return engines.outcome(kms.put_key_policy, KeyId=key, Policy=policy), tag(*range(50)), tag(50)
