"""Somebody puts an event in the place of an AWS service."""

from tests import engines, probes


class AwsEventSourcesTest(probes.RequestTest):
    unpatched = "NotAuthorizedForSourceException"
    patched = None

    def probe(self, engine):
        answer = engine.put_event(engines.new_account(), source="aws.kms")
        return answer["Entries"][0].get("ErrorCode")
