"""The policy of a key denies everybody but one role: a session of it, and one of another role, use the key."""

from tests import engines, probes


class DeniedOthersTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("done", "AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        one = engine.session(account, engines.allow("kms:*"), name="one")
        other = engine.session(account, engines.allow("kms:*"), name="other")
        root = f"arn:aws:iam::{account}:root"
        policy = engines.document(
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
            {
                "Effect": "Deny",
                "NotPrincipal": {"AWS": [root, f"arn:aws:iam::{account}:role/one"]},
                "Action": "kms:DescribeKey",
                "Resource": "*",
            },
        )
        key = engine.client("kms", account).create_key(Policy=policy)["KeyMetadata"]["KeyId"]
        return tuple(engines.outcome(engine.client("kms", it).describe_key, KeyId=key) for it in (one, other))
