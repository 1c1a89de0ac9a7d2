"""A session that a tag lets use a key does so at once, and a little later."""

import time

from tests import engines, probes


class TagsOfKeysTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("AccessDeniedException", "done")

    def probe(self, engine):
        account = engines.new_account()
        parameters = engine.client("ssm", account)
        parameters.put_parameter(Name="/engine/tags-of-keys", Value="100", Type="String")
        tagged = {"StringEquals": {"aws:ResourceTag/team": "payments"}}
        session = engine.session(account, engines.allow("kms:DescribeKey", Condition=tagged))
        tags = [{"TagKey": "team", "TagValue": "payments"}]
        key = engine.client("kms", account).create_key(Tags=tags)["KeyMetadata"]["KeyId"]
        describe = engine.client("kms", session).describe_key
        first = engines.outcome(describe, KeyId=key)
        time.sleep(1.5)
        return first, engines.outcome(describe, KeyId=key)
