"""A distributed Map has an expression for its items, and one in its processor."""

import json

from tests import engines, probes


class DistributedMapsTest(probes.RequestTest):
    unpatched = "States.ExceedToleratedFailureThreshold"
    patched = [2, 3]

    def probe(self, engine):
        each = {
            "Type": "Map",
            "Items": "{% [1, 2] %}",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Add",
                "States": {"Add": {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": True}},
            },
            "End": True,
        }
        execution = engine.execute(engines.new_account(), {"Map": each})
        return execution.get("error") or json.loads(execution["output"])
