"""A rule has a long pattern."""

import json

from tests import engines, probes


class EventPatternSizeTest(probes.RequestTest):
    unpatched = "done"
    patched = "ValidationException"

    def probe(self, engine):
        events = engine.client("events", engines.new_account())
        pattern = json.dumps({"source": [f"{'x' * 50}{n}" for n in range(90)]})
        return engines.outcome(events.put_rule, Name="probe", EventPattern=pattern)
