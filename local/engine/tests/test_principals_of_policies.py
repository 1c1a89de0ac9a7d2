"""Roles and keys get policies with principals that exist or not, and policies that are none."""

from tests import engines, probes


class PrincipalsOfPoliciesTest(probes.RequestTest):
    unpatched = ("done",) * 5
    patched = (
        "MalformedPolicyDocument",
        "MalformedPolicyDocument",
        "done",
        "MalformedPolicyDocumentException",
        "done",
    )

    def probe(self, engine):
        account = engines.new_account()
        iam, kms = engine.client("iam", account), engine.client("kms", account)
        there = engine.role(account, name="there")
        gone = f"arn:aws:iam::{account}:role/gone"
        key = kms.create_key()["KeyMetadata"]["KeyId"]

        def trust(principal):
            return engines.document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"})

        def key_policy(principal):
            root = f"arn:aws:iam::{account}:root"
            statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
            return engines.document(*({**statement, "Principal": {"AWS": it}} for it in (root, principal)))

        def create(name, policy):
            return engines.outcome(iam.create_role, RoleName=name, AssumeRolePolicyDocument=policy)

        def put(policy):
            return engines.outcome(kms.put_key_policy, KeyId=key, Policy=policy)

        return (
            create("one", trust(gone)),
            create("two", '{"Version": "2012-10-17"}'),
            create("three", trust(there)),
            put(key_policy(gone)),
            put(key_policy(there)),
        )
