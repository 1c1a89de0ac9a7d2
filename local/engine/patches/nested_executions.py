"""A nested execution that fails, fails its task with States.TaskFailed and the description of the execution as cause.

One that cannot be started fails its task with an error of Step Functions. Source: AWS Step Functions Developer Guide,
"Discover service integration patterns", "Run a Job (.sync)",
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html, and "Start workflow executions from a
task state", https://docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html

MiniStack 1.5.33 fails the task with error and cause of the nested execution, and with the bare name of the error.
"""

import json

import support


def apply():
    """Name the errors as AWS does."""
    from ministack.services import stepfunctions

    failure = support.original(stepfunctions, "_nested_execution_failure", "(payload)")
    start = support.original(stepfunctions, "_start_sync_execution", "(data)")

    def describe(payload):
        error, cause = failure(payload)
        described = {"Error": error, "Cause": cause}
        names = ("executionArn", "input", "inputDetails", "name", "startDate", "stateMachineArn", "status", "stopDate")
        described |= {name[0].upper() + name[1:]: payload[name] for name in names if name in payload}
        return "States.TaskFailed", json.dumps(described)

    def start_with_names(data):
        status, headers, body = start(data)
        payload = json.loads(body) if body else {}
        if status >= 400 and "__type" in payload:
            name = payload["__type"]
            suffix = "" if name == "ExecutionLimitExceeded" or name.endswith("Exception") else "Exception"
            body = json.dumps({**payload, "__type": f"StepFunctions.{name}{suffix}"}).encode()
        return status, headers, body

    stepfunctions._nested_execution_failure = describe
    stepfunctions._start_sync_execution = start_with_names
