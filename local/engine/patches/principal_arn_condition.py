"""AWS sets the condition key aws:PrincipalArn to the ARN of the role, with its path, when a session of a role calls.

Source: IAM User Guide, "AWS global condition context keys", `aws:PrincipalArn`,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

MiniStack 1.5.33 sets it to the ARN of the session.
"""

import support


def apply():
    """Resolve aws:PrincipalArn of a session to the ARN of its role."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    resolve = support.original(iam_evaluator, "_resolve_condition_key", support.RESOLVE_CONDITION_KEY)

    def resolve_principal(key, ctx):
        if key.lower() == "aws:principalarn" and ":assumed-role/" in ctx.principal_arn:
            name = ctx.principal_arn.split("/")[1]
            role = iam._roles.get_scoped(ctx.principal_account, None, name)
            return role["Arn"] if role else ctx.principal_arn
        return resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_principal
