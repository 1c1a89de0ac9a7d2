"""AWS authorizes a call about a role on the ARN of the role, path included.

A call names a role by its name, a simulation by its ARN. Of a role that does not exist, AWS knows no path.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)",
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 authorizes it on an ARN without the path, and simulates no policies of a role that has one.
"""

import support


def apply():
    """Report the ARN that the role has."""
    from ministack.core import iam_actions
    from ministack.services import iam

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        arn = extract(service, method, path, headers, body, query_params, region, account_id)
        name = support.first(query_params, "RoleName")
        is_there = support.first(query_params, "Action") != "CreateRole"
        if service == "iam" and name and is_there and arn == f"arn:aws:iam::{account_id}:role/{name}":
            role = iam._roles.get_scoped(account_id, None, name) or {}
            return role.get("Arn", arn)
        return arn

    simulate = support.entry(iam._IAM_HANDLERS, "SimulatePrincipalPolicy", "iam._IAM_HANDLERS")

    def simulate_without_path(p):
        prefix, _, rest = support.first(p, "PolicySourceArn").partition(":role/")
        return simulate({**p, "PolicySourceArn": [f"{prefix}:role/{rest.rsplit('/', 1)[-1]}"]} if rest else p)

    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_without_path
    iam_actions.extract_resource_arn = extract_resource_arn
