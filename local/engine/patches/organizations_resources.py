"""AWS authorizes calls of Organizations on the account or organizational unit that they name.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Organizations",
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html

MiniStack 1.5.33 authorizes every call on the organization. The organization in these ARNs is always `o-local`.
"""

import json

import support


def apply():
    """Report the ARN of the account or organizational unit in the request."""
    from ministack.core import iam_actions

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "organizations" and body[:1] == b"{":
            request = json.loads(body)
            named = (request.get(field) for field in ("AccountId", "ChildId", "OrganizationalUnitId", "ResourceId"))
            child = next(filter(None, named), None)
            if child:
                kind = "ou" if child.startswith("ou-") else "account"
                return f"arn:aws:organizations::{account_id}:{kind}/o-local/{child}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
