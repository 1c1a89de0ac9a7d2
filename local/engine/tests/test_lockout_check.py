"""A key is created, replicated and changed with a policy that locks the caller out."""

from tests import engines, probes

REFUSED = "MalformedPolicyDocumentException"


class LockoutCheckTest(probes.RequestTest):
    unpatched = ("done",) * 4
    patched = (REFUSED, REFUSED, REFUSED, "done")

    def probe(self, engine):
        account = engines.new_account()
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:Decrypt",
            "Resource": "*",
        }
        locked = engines.document(statement)
        delegating = engines.document({**statement, "Action": "kms:*"})
        kms = engine.client("kms", engine.session(account, engines.allow("kms:*")))
        key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        return (
            engines.outcome(kms.create_key, Policy=locked),
            engines.outcome(kms.replicate_key, KeyId=key, ReplicaRegion="eu-west-1", Policy=locked),
            engines.outcome(kms.put_key_policy, KeyId=key, Policy=locked),
            engines.outcome(kms.create_key, Policy=delegating),
        )
