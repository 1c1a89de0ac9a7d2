"""AWS sets the condition key aws:SecureTransport to true for requests over TLS, which is how the AWS SDKs send them.

Source: IAM User Guide, "AWS global condition context keys", `aws:SecureTransport`,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

MiniStack 1.5.33 sets it to false in the embedded cloud, which uses plain HTTP because its requests never leave the
machine.
"""

import support


def apply():
    """Resolve aws:SecureTransport to true."""
    from ministack.core import iam_evaluator

    resolve = support.original(iam_evaluator, "_resolve_condition_key", support.RESOLVE_CONDITION_KEY)

    def resolve_transport(key, ctx):
        return "true" if key.lower() == "aws:securetransport" else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_transport
