"""AWS authorizes CreatePolicy and CreateRole on the ARN of what is created, path included.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)", https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 authorizes the former on everything, and the latter on the ARN without the path.
"""

import support

KINDS = {"CreatePolicy": ("policy", "PolicyName"), "CreateRole": ("role", "RoleName")}


def apply():
    """Report the ARN that the policy or role will have."""
    from ministack.core import iam_actions

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        kind, name = KINDS.get(query_params.get("Action", [""])[0], ("", ""))
        if service == "iam" and name in query_params:
            path_of_new = query_params.get("Path", ["/"])[0]
            return f"arn:aws:iam::{account_id}:{kind}{path_of_new}{query_params[name][0]}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
