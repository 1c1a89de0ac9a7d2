"""In a Region that an account has disabled, AWS does not know the account's credentials.

Source: AWS Account Management Reference Guide, "Enable or disable AWS Regions in your account",
https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html, and IAM User Guide, "Manage AWS STS in
an AWS Region", https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html

MiniStack 1.5.33 has neither DisableRegion nor EnableRegion, and every Region of every account is open.
"""

import support


def apply():
    """Close and open Regions, and refuse calls in closed ones."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import account

    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    support.original(account, "_get_region_opt_status", "(payload)")
    closed = set()

    def disable(payload):
        closed.add((get_account_id(), payload.get("RegionName")))
        return account._json(200, {})

    def enable(payload):
        closed.discard((get_account_id(), payload.get("RegionName")))
        return account._json(200, {})

    def enforce_in_open_regions(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if closed:
            principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
            if (getattr(principal, "account", None), region) in closed and service != "account":
                message = "The security token included in the request is invalid."
                return iam_evaluator.AuthError("UnrecognizedClientException", message)
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    account._DISPATCH["/disableRegion"] = disable
    account._DISPATCH["/enableRegion"] = enable
    iam_evaluator.enforce = enforce_in_open_regions
