"""Step Functions makes the calls of a state machine with the state machine's role.

It starts another state machine and waits for it (`.sync:2`) only if the role may also follow and stop the execution,
and maintain the rule by which EventBridge reports its end. Source: AWS Step Functions Developer Guide, "How Step
Functions generates IAM policies for integrated services", and "Start a new AWS Step Functions state machine from a
running execution",
https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html, and
https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html

MiniStack 1.5.33 asks nobody. This patch authorizes the two kinds of calls that atlas-cmk makes: functions by their
ARNs, and state machines. AWS looks at the rule when the state machine is created, this patch when the call is made.
"""

import contextvars

import support

RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
caller = contextvars.ContextVar("caller_of_state_machine", default=None)


def apply():
    """Authorize each call of a state machine on its role."""
    from ministack.services import stepfunctions

    execute_task = support.original(stepfunctions, "_execute_task", "(state_def, raw_input, execution, ctx)")
    call_lambda = support.original(stepfunctions, "_call_lambda", "(func_ref, event)")
    start = support.original(stepfunctions, "_invoke_nested_start_execution_sync", "(resource, input_data)")

    def execute_as_role(state_def, raw_input, execution, ctx):
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"].split("/")[0]) or {}
        before = caller.set((machine.get("roleArn"), execution["executionArn"].rpartition(":")[2]))
        try:
            return execute_task(state_def, raw_input, execution, ctx)
        finally:
            caller.reset(before)

    def require(action, resource, error):
        if caller.get() is None:
            return
        role, session = caller.get()
        account, name = role.split(":")[4], role.rpartition("/")[2]
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        if not support.role_may(role, session, action, resource):
            message = f"User: {arn} is not authorized to perform: {action} on resource: {resource}"
            raise stepfunctions._ExecutionError(error, message)

    def call_as_role(func_ref, event):
        if str(func_ref).startswith("arn:"):
            require("lambda:InvokeFunction", func_ref, "Lambda.AWSLambdaException")
        return call_lambda(func_ref, event)

    def start_as_role(resource, input_data):
        machine = input_data["StateMachineArn"]
        _, _, _, region, account, *_ = machine.split(":")
        executions = f"{machine.replace(':stateMachine:', ':execution:')}:*"
        rule = f"arn:aws:events:{region}:{account}:rule/{RULE}"
        error = "StepFunctions.AccessDeniedException"
        require("states:StartExecution", machine, error)
        for action in ("states:DescribeExecution", "states:StopExecution"):
            require(action, executions, error)
        for action in ("events:DescribeRule", "events:PutRule", "events:PutTargets"):
            require(action, rule, error)
        return start(resource, input_data)

    stepfunctions._execute_task = execute_as_role
    stepfunctions._call_lambda = call_as_role
    stepfunctions._invoke_nested_start_execution_sync = start_as_role
