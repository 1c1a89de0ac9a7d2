"""AWS authorizes SimulatePrincipalPolicy on the principal whose policies are simulated.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)", https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 authorizes it on everything.
"""

import support


def apply():
    """Report PolicySourceArn as the resource of a simulation."""
    from ministack.core import iam_actions

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "iam" and "SimulatePrincipalPolicy" in query_params.get("Action", []):
            return query_params["PolicySourceArn"][0]
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
