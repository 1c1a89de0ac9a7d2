"""A role that the policy of a key names is deleted and created again."""

import json

from tests import engines, probes


class DeletedPrincipalsTest(probes.RequestTest):
    unpatched = "the role"
    patched = "its unique id"

    def probe(self, engine):
        account = engines.new_account()
        role = engine.role(account, name="probe")
        iam, kms = engine.client("iam", account), engine.client("kms", account)
        statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
        root = {**statement, "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        policy = engines.document(root, {**statement, "Principal": {"AWS": role}})
        key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
        unique_id = iam.get_role(RoleName="probe")["Role"]["RoleId"]
        iam.delete_role(RoleName="probe")
        engine.role(account, name="probe")
        document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
        return {role: "the role", unique_id: "its unique id"}[document["Statement"][1]["Principal"]["AWS"]]
