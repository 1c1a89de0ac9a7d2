"""Service and resource control policies deny calls, those of the root user included, and the message names the kind.

Service control policies concern the callers of the accounts that they are attached to, resource control policies the
resources of these accounts in STS, KMS, Secrets Manager, S3 and SQS, whoever calls. Neither concerns the management
account. Source: AWS Organizations User Guide, "Service control policies (SCPs)",
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html, and "Resource control
policies (RCPs)", https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html, and IAM
User Guide, "Troubleshoot access denied error messages",
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html

MiniStack 1.5.33 stores the policies and does not apply them, and attaches them to accounts that it has created only. Of
this patch, explicit denials count, and policies of organizational units do not.
"""

import contextvars

import support
from patches.organization_conditions import organization_of

SERVICE, RESOURCE = "service control policy", "resource control policy"
KINDS = {"SERVICE_CONTROL_POLICY": SERVICE, "RESOURCE_CONTROL_POLICY": RESOURCE}
SERVICES_OF_RESOURCES = ("sts:", "kms:", "secretsmanager:", "s3:", "sqs:")

denied_by = contextvars.ContextVar("denied_by", default=None)


def account_of(resource_arn):
    """Return the account in an ARN, or None."""
    parts = resource_arn.split(":")
    return parts[4] if len(parts) > 5 and parts[4].isdigit() else None


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

    def policies_of(account, kind):
        for (manager, policy), targets in list(organizations._attachments._data.items()):
            if account in targets and account != manager and policy != organizations.FULL_ACCESS_POLICY_ID:
                stored = organizations._policies._data[(manager, policy)]
                if KINDS.get(stored["Type"]) == kind:
                    yield iam_evaluator.parse_policy_document(stored["_Content"])

    def denying(context, resource_account):
        """Return the kind of the policy that denies the call, or None."""
        concerned = [(SERVICE, context.principal_account)]
        if context.action.startswith(SERVICES_OF_RESOURCES):
            concerned.append((RESOURCE, resource_account))
        for kind, account in concerned:
            policies = list(policies_of(account, kind))
            if policies and iam_evaluator.evaluate(context, policies).decision == "Deny":
                return kind
        return None

    def enforce_with_policies(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied_by.set(None)
        principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
        if not isinstance(principal, iam_evaluator.AuthError):
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
            if kind := denying(context, account_of(resource_arn) or get_account_id()):
                denied_by.set(kind)
                return iam_evaluator.EvalResult("Deny", principal_arn=principal.arn)
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    def respond(service, action, principal_arn, request_id, **more):
        if kind := denied_by.get():
            more["message"] = (
                f"User: {principal_arn} is not authorized to perform: {action} on resource: "
                f"{more.get('resource_arn', '*')} with an explicit deny in a {kind}"
            )
        return access_denied_response(service, action, principal_arn, request_id, **more)

    organizations._target = any_target
    iam_evaluator.enforce = enforce_with_policies
    iam_actions.access_denied_response = respond
