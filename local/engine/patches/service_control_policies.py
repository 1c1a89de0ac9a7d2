"""Service control policies deny calls in the accounts that they are attached to, the root user's included.

The message names them. They do not concern the management account. Source: AWS Organizations User Guide, "Service
control policies (SCPs)",
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html, and IAM User Guide,
"Troubleshoot access denied error messages",
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

MiniStack 1.5.33 stores the policies and does not apply them, and attaches them to accounts that it has created only. Of
this patch, explicit denials count, and policies of organizational units do not.
"""

import contextvars

import support
from patches.organization_conditions import organization_of

denied_by_policy = contextvars.ContextVar("denied_by_policy", default=False)


def apply():
    """Attach policies to any account of the organization, and deny what they deny."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import organizations

    target = support.original(organizations, "_target", "(target_id)")
    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    access_denied_response = iam_actions.access_denied_response
    support.require(callable(access_denied_response), "the engine has no iam_actions.access_denied_response")

    def any_target(target_id):
        found = target(target_id)
        is_account = target_id.isdigit() and len(target_id) == 12 and organization_of(target_id)
        return ({"Id": target_id}, "ACCOUNT") if found[0] is None and is_account else found

    def policies_of(account):
        for (manager, policy), targets in list(organizations._attachments._data.items()):
            if account in targets and account != manager and policy != organizations.FULL_ACCESS_POLICY_ID:
                content = organizations._policies._data[(manager, policy)]["_Content"]
                yield iam_evaluator.parse_policy_document(content)

    def enforce_with_policies(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied_by_policy.set(False)
        principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
        policies = [] if isinstance(principal, iam_evaluator.AuthError) else list(policies_of(principal.account))
        if policies:
            context = iam_evaluator.EvalContext(
                principal_arn=principal.arn,
                principal_type=principal.type,
                principal_account=principal.account,
                action=iam_action,
                resource_arn=resource_arn,
                region=region,
                service_context={key.lower(): value for key, value in (service_context or {}).items()},
                principal_keys=principal.keys,
            )
            if iam_evaluator.evaluate(context, policies).decision == "Deny":
                denied_by_policy.set(True)
                return iam_evaluator.EvalResult("Deny", principal_arn=principal.arn)
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    def respond(service, action, principal_arn, request_id, **more):
        if denied_by_policy.get():
            more["message"] = (
                f"User: {principal_arn} is not authorized to perform: {action} on resource: "
                f"{more.get('resource_arn', '*')} with an explicit deny in a service control policy"
            )
        return access_denied_response(service, action, principal_arn, request_id, **more)

    organizations._target = any_target
    iam_evaluator.enforce = enforce_with_policies
    iam_actions.access_denied_response = respond
