"""AWS refuses a permission whose SourceArn has a wildcard as Region or account.

Region and account must be real ones or empty. Source: the pattern of `SourceArn` in AWS Lambda API Reference,
AddPermission, https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html, and in the CloudFormation schema of
AWS::Lambda::Permission.

MiniStack 1.5.33 accepts any text.
"""

import re

import support

VALID = re.compile(
    r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
)


def apply():
    """Validate SourceArn before the permission is added."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    add_permission = support.original(
        lambda_svc, "_add_permission", "(func_name, data, query_params=None, path_qualifier=None)"
    )

    def add_valid_permission(func_name, data, query_params=None, path_qualifier=None):
        source = data.get("SourceArn")
        if source is not None and not VALID.fullmatch(source):
            message = (
                f"1 validation error detected: Value '{source}' at 'sourceArn' failed to satisfy constraint: "
                f"{VALID.pattern}"
            )
            return error_response_json("ValidationException", message, 400)
        return add_permission(func_name, data, query_params, path_qualifier)

    lambda_svc._add_permission = add_valid_permission
