"""A caller that has permissions on a key calls it by its alias, and creates another alias."""

from tests import engines, probes


class KeyAliasResourcesTest(probes.RequestTest):
    unpatched = ("AccessDeniedException",) * 3
    patched = ("done", "done", "AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        root = engine.client("kms", account)
        key, other = (root.create_key()["KeyMetadata"] for _ in range(2))
        root.create_alias(AliasName="alias/probe", TargetKeyId=key["KeyId"])
        root.create_alias(AliasName="alias/other", TargetKeyId=other["KeyId"])
        on_key = engines.allow(["kms:DescribeKey", "kms:CreateAlias"], key["Arn"])
        kms = engine.client("kms", engine.session(account, on_key))
        return (
            engines.outcome(kms.describe_key, KeyId="alias/probe"),
            engines.outcome(kms.create_alias, AliasName="alias/new", TargetKeyId=key["KeyId"]),
            engines.outcome(kms.describe_key, KeyId="alias/other"),
        )
