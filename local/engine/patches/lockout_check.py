"""AWS refuses a key policy that does not allow the caller to call PutKeyPolicy again.

The policy itself may allow it, or an identity policy where the key policy delegates to the account. Source: AWS KMS API
Reference, CreateKey, ReplicateKey and PutKeyPolicy, `Policy`,
https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html

MiniStack 1.5.33 accepts any policy. The check of this patch is the ordinary authorization of the call, conditions
included, with the new policy in place. Whether the tags of a key that is being created count there is documented
nowhere: here they do not.
"""

import contextvars
import json

import support

caller_of_kms = contextvars.ContextVar("caller_of_kms", default=None)


def refusal(policy, region, key):
    """Return the answer that refuses a policy of a key, or None if the caller could change the policy again."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import error_response_json, get_account_id

    caller = caller_of_kms.get()
    if not policy or caller is None:
        return None
    try:
        json.loads(policy)
    except ValueError:
        return error_response_json("MalformedPolicyDocumentException", "The policy document is malformed.", 400)
    account = get_account_id()
    principal = iam_evaluator.resolve_principal(caller, account)
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action="kms:PutKeyPolicy",
        resource_arn=f"arn:aws:kms:{region}:{account}:key/{key}",
        region=region,
        principal_keys=principal.keys,
    )
    if principal.policies is None:
        allowed = iam_evaluator.evaluate_resource_policy(policy, context)
    else:
        by_identity = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        allowed = iam_evaluator.combine_resource_policy(
            by_identity, context, policy, account, required=True, limits=principal.limits
        )
    if allowed.decision == "Allow":
        return None
    message = "The new key policy will not allow you to update the key policy in the future."
    return error_response_json("MalformedPolicyDocumentException", message, 400)


def apply():
    """Check each new key policy before it is stored."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_region
    from ministack.services import kms

    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    create_key = support.original(kms, "_create_key", "(data)")
    replicate_key = support.original(kms, "_replicate_key", "(data)")
    put_key_policy = support.original(kms, "_put_key_policy", "(data)")

    def enforce_and_remember(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if service == "kms":
            caller_of_kms.set(access_key_id)
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    def existing(data):
        return (kms._resolve_key(data.get("KeyId", "")) or {}).get("KeyId", "")

    def create_checked(data):
        return refusal(data.get("Policy"), get_region(), "of-no-id-yet") or create_key(data)

    def replicate_checked(data):
        return refusal(data.get("Policy"), data.get("ReplicaRegion"), existing(data)) or replicate_key(data)

    def put_checked(data):
        return refusal(data.get("Policy"), get_region(), existing(data)) or put_key_policy(data)

    iam_evaluator.enforce = enforce_and_remember
    kms._create_key = create_checked
    kms._replicate_key = replicate_checked
    kms._put_key_policy = put_checked
