"""AWS authorizes CreatePolicy on the ARN of the policy that is created.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)", https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 authorizes it on everything.
"""

import support


def apply():
    """Report the ARN that the policy will have."""
    from ministack.core import iam_actions

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "iam" and "CreatePolicy" in query_params.get("Action", []):
            policy_path, name = query_params.get("Path", ["/"])[0], query_params["PolicyName"][0]
            return f"arn:aws:iam::{account_id}:policy{policy_path}{name}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
