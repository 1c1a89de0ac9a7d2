"""Step Functions limits names, data and history of an execution.

A name has at most 80 characters, input and output of a state 256 KiB, and a history 25,000 events. Source: AWS Step
Functions API Reference, StartExecution, `name` and `input`,
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html, and Developer Guide, "Step
Functions service quotas", https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html

MiniStack 1.5.33 has no limits.
"""

import support

NAME = 80
DATA = 262144
EVENTS = 25000


def apply():
    """Refuse what is over a limit, and fail an execution that reaches one."""
    from ministack.core.responses import error_response_json
    from ministack.services import stepfunctions

    start_execution = support.original(stepfunctions, "_start_execution", "(data)")
    add_event = support.original(stepfunctions, "_add_event", "(execution, event_type, details=None)")

    def start(data):
        if len(data.get("name") or "") > NAME:
            return error_response_json("InvalidName", f"Invalid Name: '{data['name']}'", 400)
        if len(data.get("input", "").encode()) > DATA:
            return error_response_json("ValidationException", "'input' is longer than 262144 bytes", 400)
        return start_execution(data)

    def add(execution, event_type, details=None):
        entered = (details or {}).get("stateEnteredEventDetails", {})
        if len(entered.get("input", "").encode()) > DATA:
            raise stepfunctions._ExecutionError(
                "States.DataLimitExceeded",
                f"The state '{entered['name']}' returned a result with a size exceeding the maximum number of bytes "
                "service limit.",
            )
        if len(execution["events"]) >= EVENTS and execution["status"] == "RUNNING":
            raise stepfunctions._ExecutionError(
                "States.Runtime", f"The execution reached the maximum number of history events ({EVENTS})."
            )
        return add_event(execution, event_type, details)

    stepfunctions._start_execution = start
    stepfunctions._add_event = add
