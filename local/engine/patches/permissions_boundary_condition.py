"""AWS sets the condition key iam:PermissionsBoundary to the boundary in the request, or to that of the role.

The former applies to requests that create a role or set its boundary. Source: Service Authorization Reference,
"Actions, resources, and condition keys for AWS Identity and Access Management (IAM)",
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 does not set the key.
"""

import support

IN_REQUEST = ("iam:CreateRole", "iam:PutRolePermissionsBoundary")
OF_ROLE = (
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
)


def apply():
    """Add iam:PermissionsBoundary to the context of calls that change roles."""
    from ministack.core import iam_actions
    from ministack.core.responses import get_account_id
    from ministack.services import iam

    request_tag_context = support.original(iam_actions, "request_tag_context", support.REQUEST_TAG_CONTEXT)

    def context_with_boundary(service, iam_action, body, params):
        context = request_tag_context(service, iam_action, body, params)
        boundary = None
        if iam_action in IN_REQUEST:
            boundary = support.first(params, "PermissionsBoundary")
        elif iam_action in OF_ROLE:
            role = iam._roles.get_scoped(get_account_id(), None, support.first(params, "RoleName")) or {}
            boundary = role.get("PermissionsBoundary")
        if boundary:
            context["iam:PermissionsBoundary"] = boundary
        return context

    iam_actions.request_tag_context = context_with_boundary
