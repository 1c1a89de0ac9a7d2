"""Calls are made until their bucket is empty, and again after a while; a state machine starts another one."""

import json
import time

from tests import engines, probes


class ThrottlingTest(probes.RequestTest):
    unpatched = (*("done",) * 4, "ParameterNotFound", "SUCCEEDED")
    patched = (
        *("done", "done", "ThrottlingException", "done"),
        '{"states:ListStateMachines": {"made": 4, "refused": 1}}',
        "StepFunctions.AWSStepFunctionsException",
    )

    def probe(self, engine):
        account = engines.new_account()
        session = engine.session(account, engines.allow("states:*"))
        limits = json.dumps({"states:ListStateMachines": [2, 0.05]})
        parameters = engine.client("ssm", account)
        parameters.put_parameter(Name="/engine/throttling", Value=limits, Type="String")
        machines = engine.client("stepfunctions", session)
        first = [engines.outcome(machines.list_state_machines) for _ in range(3)]
        time.sleep(0.5)
        later = engines.outcome(machines.list_state_machines)
        calls = engines.outcome(parameters.get_parameter, Name="/engine/calls")
        if calls == "done":
            calls = parameters.get_parameter(Name="/engine/calls")["Parameter"]["Value"]
        engine.execute(account, {"Only": {"Type": "Succeed"}}, name="other")
        limits = json.dumps({"states:StartExecution": [1, 0]})
        parameters.put_parameter(Name="/engine/throttling", Value=limits, Type="String", Overwrite=True)
        start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
        start["Arguments"] = {"StateMachineArn": f"arn:aws:states:{engines.REGION}:{account}:stateMachine:other"}
        ended = engine.execute(account, {"Only": start})
        return (*first, later, calls, ended.get("error") or ended["status"])
