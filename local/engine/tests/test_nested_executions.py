"""A state machine runs one that fails, and one that does not exist."""

import json

from tests import engines, probes


class NestedExecutionsTest(probes.RequestTest):
    unpatched = ("Probe.Failed", "because", "StateMachineDoesNotExist")
    patched = ("States.TaskFailed", "Probe.Failed: because", "StepFunctions.StateMachineDoesNotExistException")

    def probe(self, engine):
        account = engines.new_account()
        fails = {"Type": "Fail", "Error": "Probe.Failed", "Cause": "because"}
        engine.execute(account, {"Only": fails}, name="fails")

        def nest(name, parent):
            machine = f"arn:aws:states:{engines.REGION}:{account}:stateMachine:{name}"
            task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
            return engine.execute(
                account, {"Only": {**task, "Arguments": {"StateMachineArn": machine, "Input": {}}}}, name=parent
            )

        ended, not_started = nest("fails", "one"), nest("none", "two")
        cause = ended["cause"]
        if cause.startswith("{"):
            described = json.loads(cause)
            cause = f"{described['Error']}: {described['Cause']}"
        return ended["error"], cause, not_started["error"]
