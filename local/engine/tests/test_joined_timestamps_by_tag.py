"""A tag chooses when an account has joined its organization."""

import datetime

from tests import engines, probes


class JoinedTimestampsByTagTest(probes.RequestTest):
    unpatched = 0
    patched = 30

    def probe(self, engine):
        organizations = engine.client("organizations", engines.new_account())
        tags = [{"Key": "local:joined-hours-ago", "Value": "30"}]
        status = organizations.create_account(Email="a@example.com", AccountName="a", Tags=tags)["CreateAccountStatus"]
        joined = organizations.describe_account(AccountId=status["AccountId"])["Account"]["JoinedTimestamp"]
        return round((datetime.datetime.now(datetime.timezone.utc) - joined).total_seconds() / 3600)
