"""An account that was closed is suspended: nobody assumes its roles.

Source: AWS Organizations User Guide, "Closing a member account in an organization",
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_close.html

MiniStack 1.5.33 changes the status of the account only, and closes accounts that it has created only. Of this patch,
other calls in the account are not refused.
"""

import support
from patches.organization_conditions import organization_of
from patches.organization_policies import account_of


def apply():
    """Close any account of the organization, and refuse to assume its roles."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import organizations

    close_account = support.entry(organizations._DISPATCH, "CloseAccount", "organizations._DISPATCH")
    support.expect_signature(close_account, "(payload)", "the handler of CloseAccount")
    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    suspended = set()

    def close_any_account(payload):
        account = payload.get("AccountId") or ""
        answer = close_account(payload)
        if answer[0] < 400 or len(account) == 12 and organization_of(account):
            suspended.add(account)
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"
        return answer

    def enforce_unless_suspended(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if iam_action == "sts:AssumeRole" and account_of(resource_arn) in suspended:
            principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
            return iam_evaluator.EvalResult("ImplicitDeny", principal_arn=getattr(principal, "arn", ""))
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    organizations._DISPATCH["CloseAccount"] = close_any_account
    iam_evaluator.enforce = enforce_unless_suspended
