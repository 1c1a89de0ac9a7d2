"""AWS fails a task that waits for a task token at once if the function that gets the token fails.

The task fails with the error of the function, to which its Retry and Catch apply. Source: AWS Step Functions Developer
Guide, "Discover service integration patterns", "Wait for a Callback with Task Token",
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html

MiniStack 1.5.33 ignores the failure and waits for the token until the task times out.
"""

import threading

import support


def apply():
    """Report the error of the function to the task that waits for its token."""
    from ministack.services import stepfunctions

    invoke_with_callback = support.original(
        stepfunctions, "_invoke_with_callback", "(resource, input_data, token, state_def)"
    )
    call_lambda = support.original(stepfunctions, "_call_lambda", "(func_ref, event)")
    # The engine calls the function in the thread that waits afterwards.
    waiting = threading.local()

    def invoke_and_remember(resource, input_data, token, state_def):
        waiting.token = token
        try:
            return invoke_with_callback(resource, input_data, token, state_def)
        finally:
            waiting.token = None

    def call_and_report(func_ref, event):
        try:
            return call_lambda(func_ref, event)
        except stepfunctions._ExecutionError as error:
            task = stepfunctions._task_tokens.get(getattr(waiting, "token", None))
            if task:
                task["error"] = {"Error": error.error, "Cause": error.cause}
                task["event"].set()
            raise

    stepfunctions._invoke_with_callback = invoke_and_remember
    stepfunctions._call_lambda = call_and_report
