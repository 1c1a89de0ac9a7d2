"""AWS limits the size of a parameter, and how many a page of GetParametersByPath has.

A standard parameter has at most 4 KB and an advanced one 8 KB; a page has at most 10 parameters. Source: AWS Systems
Manager API Reference, PutParameter, `Tier`, and GetParametersByPath, `MaxResults`,
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html

MiniStack 1.5.33 has no limits.
"""

import support

SIZES = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
PAGE = 10


def apply():
    """Refuse larger values and larger pages."""
    from ministack.core.responses import error_response_json
    from ministack.services import ssm

    put_parameter = support.original(ssm, "_put_parameter", "(data)")
    get_parameters_by_path = support.original(ssm, "_get_parameters_by_path", "(data)")

    def put_small_parameter(data):
        tier = data.get("Tier") or "Standard"
        limit = SIZES.get(tier, SIZES["Standard"])
        if len(data.get("Value", "").encode()) > limit:
            message = f"{tier} tier parameters support a maximum parameter value of {limit} characters."
            return error_response_json("ValidationException", message, 400)
        return put_parameter(data)

    def get_small_page(data):
        if int(data.get("MaxResults") or PAGE) > PAGE:
            message = (
                f"Value '{data['MaxResults']}' at 'maxResults' failed to satisfy constraint: Member must have value "
                f"less than or equal to {PAGE}"
            )
            return error_response_json("ValidationException", message, 400)
        return get_parameters_by_path(data)

    ssm._put_parameter = put_small_parameter
    ssm._get_parameters_by_path = get_small_page
