"""AWS evaluates the time-out of a task that waits for a task token.

In a state that uses JSONata, `TimeoutSeconds` may be an expression. Source: AWS Step Functions Developer Guide, "Task
workflow state", `TimeoutSeconds`, https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html

MiniStack 1.5.33 fails the state: it takes the text of the expression for a number. This patch also scales the time by
SFN_WAIT_SCALE, as MiniStack scales the other waits of an execution.
"""

import support


def apply():
    """Replace an expression by its scaled value before the task runs."""
    from ministack.services import stepfunctions

    execute_task = support.original(stepfunctions, "_execute_task", "(state_def, raw_input, execution, ctx)")
    state_field = support.original(
        stepfunctions, "_jsonata_state_field", "(state_def, field, expected, raw_input, ctx)"
    )

    def execute_with_timeout(state_def, raw_input, execution, ctx):
        if "waitForTaskToken" in state_def.get("Resource", "") and isinstance(state_def.get("TimeoutSeconds"), str):
            seconds = state_field(state_def, "TimeoutSeconds", "number", raw_input, ctx)
            state_def = {**state_def, "TimeoutSeconds": seconds * stepfunctions._SFN_WAIT_SCALE}
        return execute_task(state_def, raw_input, execution, ctx)

    stepfunctions._execute_task = execute_with_timeout
