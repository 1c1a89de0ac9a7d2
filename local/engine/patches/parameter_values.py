"""AWS refuses a parameter whose value has double braces.

"You can't include values wrapped in double brackets", since parameters cannot be nested in the values of other
parameters. Source: AWS Systems Manager API Reference, PutParameter, `Value`,
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html

MiniStack 1.5.33 stores such a value.
"""

import support


def apply():
    """Refuse values with double braces."""
    from ministack.core.responses import error_response_json
    from ministack.services import ssm

    put_parameter = support.original(ssm, "_put_parameter", "(data)")

    def put_parameter_without_braces(data):
        if "{{" in data.get("Value", ""):
            message = """Parameter value can't nest another parameter. Do not use "{{}}" in the value."""
            return error_response_json("ValidationException", message, 400)
        return put_parameter(data)

    ssm._put_parameter = put_parameter_without_braces
