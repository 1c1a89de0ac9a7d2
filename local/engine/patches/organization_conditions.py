"""AWS sets aws:PrincipalOrgID and aws:ResourceOrgID to the organizations of the caller's and the resource's account.

Source: IAM User Guide, "AWS global condition context keys", `aws:PrincipalOrgID` and `aws:ResourceOrgID`,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

MiniStack 1.5.33 sets aws:PrincipalOrgID only for accounts that manage an organization, and never aws:ResourceOrgID.
Here all accounts belong to one organization, except those whose ids start with 99: those belong to none.
"""

import support

# ORGANIZATION in local/src/events.rs.
ORGANIZATION = "o-abcde12345"
OUTSIDE = "99"


def organization_of(account):
    """Return the id of the organization of an account, or None."""
    return None if account is None or account.startswith(OUTSIDE) else ORGANIZATION


def apply():
    """Resolve both condition keys by the ids of the accounts."""
    from ministack.core import iam_evaluator

    resolve = support.original(iam_evaluator, "_resolve_condition_key", support.RESOLVE_CONDITION_KEY)

    def resolve_organization(key, ctx):
        name = key.lower()
        if name == "aws:principalorgid":
            return organization_of(ctx.principal_account)
        if name == "aws:resourceorgid":
            return organization_of(iam_evaluator._account_from_arn(ctx.resource_arn) or ctx.principal_account)
        return resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_organization
