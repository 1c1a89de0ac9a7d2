"""AWS authorizes GetParametersByPath on the path.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Systems Manager",
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html

MiniStack 1.5.33 authorizes it on everything.
"""

import json

import support


def apply():
    """Report the ARN of the path."""
    from ministack.core import iam_actions

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
            parameters = json.loads(body)["Path"].strip("/")
            return f"arn:aws:ssm:{region}:{account_id}:parameter/{parameters}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
