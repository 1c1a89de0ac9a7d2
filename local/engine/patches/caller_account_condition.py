"""AWS sets the condition key kms:CallerAccount to the account of the caller.

Source: AWS KMS Developer Guide, "AWS KMS condition keys", `kms:CallerAccount`,
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html

MiniStack 1.5.33 does not set the key.
"""

import support


def apply():
    """Resolve kms:CallerAccount to the account of the principal."""
    from ministack.core import iam_evaluator

    resolve = support.original(iam_evaluator, "_resolve_condition_key", support.RESOLVE_CONDITION_KEY)

    def resolve_caller(key, ctx):
        return ctx.principal_account if key.lower() == "kms:calleraccount" else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_caller
