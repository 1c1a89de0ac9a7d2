"""AWS rules invoke functions asynchronously: Lambda retries a failed event and sends it to the on-failure destination.

Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation",
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

MiniStack 1.5.33 invokes the function once and ignores its failure.
"""

import json

import support


def apply():
    """Dispatch to functions as asynchronous invocations."""
    from ministack.services import eventbridge, lambda_svc

    support.original(eventbridge, "_dispatch_to_lambda", "(arn, payload)")
    function_of = support.original(lambda_svc, "_get_func_record_for_ref", "(function_ref)")
    support.original(lambda_svc, "invoke_async_with_retry", "(func, event)")

    def dispatch_to_lambda(arn, payload):
        function, _, name = function_of(arn)
        if not function:
            raise support.UndeliverableError("RESOURCE_NOT_FOUND", f"there is no function {name}")
        lambda_svc.invoke_async_with_retry(function, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch_to_lambda
