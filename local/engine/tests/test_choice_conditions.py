"""A Choice has a condition that is a text."""

from tests import engines, probes


class ChoiceConditionsTest(probes.RequestTest):
    unpatched = "SUCCEEDED"
    patched = "States.QueryEvaluationError"

    def probe(self, engine):
        states = {
            "Choose": {"Type": "Choice", "Choices": [{"Condition": "{% 'yes' %}", "Next": "End"}], "Default": "End"},
            "End": {"Type": "Succeed"},
        }
        execution = engine.execute(engines.new_account(), states)
        return execution.get("error", execution["status"])
