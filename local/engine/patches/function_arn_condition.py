"""AWS sets the condition key lambda:SourceFunctionArn to the function whose code calls with its own credentials.

Source: AWS Lambda Developer Guide, "Using source function ARN to control function access behavior",
https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html

MiniStack 1.5.33 does not set the key.
"""

import support

KEY = "lambda:sourcefunctionarn"


def apply():
    """Remember which credentials are a function's, and set the key in its requests."""
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import lambda_svc

    execution_credentials = support.original(lambda_runtime, "execution_credentials", "(config)")
    principal_keys = support.original(iam_evaluator, "_principal_keys", "(credential)")
    functions = {}

    def credentials_of(config):
        credentials = execution_credentials(config)
        functions[credentials["AWS_ACCESS_KEY_ID"]] = config.get("FunctionArn")
        return credentials

    def keys_of(credential):
        function = functions.get(credential.access_key_id)
        keys = principal_keys(credential)
        return {**keys, KEY: function} if function else keys

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials_of
    iam_evaluator._principal_keys = keys_of
