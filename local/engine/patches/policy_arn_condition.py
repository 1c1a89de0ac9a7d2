"""AWS sets the condition key iam:PolicyARN to the managed policy that is attached or detached.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)", https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 does not set the key.
"""

import support


def apply():
    """Add iam:PolicyARN to the context of AttachRolePolicy and DetachRolePolicy."""
    from ministack.core import iam_actions

    request_tag_context = support.original(iam_actions, "request_tag_context", support.REQUEST_TAG_CONTEXT)

    def context_with_policy(service, iam_action, body, params):
        context = request_tag_context(service, iam_action, body, params)
        if iam_action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            context["iam:policyarn"] = support.first(params, "PolicyArn") or ""
        return context

    iam_actions.request_tag_context = context_with_policy
