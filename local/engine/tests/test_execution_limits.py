"""An execution has a long name, a large input, or passes on much data."""

from tests import engines, probes


class ExecutionLimitsTest(probes.RequestTest):
    unpatched = ("done", "done", "SUCCEEDED")
    patched = ("InvalidName", "ValidationException", "States.DataLimitExceeded")

    def probe(self, engine):
        account = engines.new_account()
        states = {
            "Grow": {"Type": "Pass", "Output": {"text": "{% $pad('', 280000, 'x') %}"}, "Next": "End"},
            "End": {"Type": "Succeed"},
        }
        execution = engine.execute(account, states)
        start = engine.client("stepfunctions", account).start_execution
        machine = execution["stateMachineArn"]
        return (
            engines.outcome(start, stateMachineArn=machine, name="n" * 81),
            engines.outcome(start, stateMachineArn=machine, input='"' + "x" * 262144 + '"'),
            execution.get("error", execution["status"]),
        )
