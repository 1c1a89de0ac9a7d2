"""What AWS refuses, or decides by, and MiniStack 1.5.33 does not. Each rule names its source."""

import contextvars
import json
import re

# The organization of every account here but those whose ids start with OUTSIDE; ORGANIZATION in local/src/events.rs.
ORGANIZATION = "o-abcde12345"
OUTSIDE = "99"

_kms_caller = contextvars.ContextVar("kms_caller", default=None)
_simulated = contextvars.ContextVar("simulated", default={})


def refuse_placeholders_in_parameters():
    """Parameter Store takes no value with double braces, since parameters cannot be nested (API reference, PutParameter, "Value")."""
    from ministack.core.responses import error_response_json
    from ministack.services import ssm

    put_parameter = ssm._put_parameter

    def put_parameter_without_braces(data):
        if "{{" in data.get("Value", ""):
            message = "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value."
            return error_response_json("ValidationException", message, 400)
        return put_parameter(data)

    ssm._put_parameter = put_parameter_without_braces


def check_source_arns_of_permissions():
    """The region and the account of a permission's SourceArn are real ones or empty, and no wildcards (API reference and CloudFormation schema of
    AWS::Lambda::Permission, SourceArn)."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    add_permission = lambda_svc._add_permission
    valid = re.compile(
        r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
    )

    def add_valid_permission(name, data, *rest, **more):
        source = data.get("SourceArn")
        if source is not None and not valid.fullmatch(source):
            message = f"1 validation error detected: Value '{source}' at 'sourceArn' failed to satisfy constraint: {valid.pattern}"
            return error_response_json("ValidationException", message, 400)
        return add_permission(name, data, *rest, **more)

    lambda_svc._add_permission = add_valid_permission


def check_that_key_policies_admit_their_writer():
    """A key policy has to let whoever sets it call PutKeyPolicy again (API reference, CreateKey, ReplicateKey and PutKeyPolicy, "Policy"): by the policy
    itself, or by an identity policy where the key policy delegates to the account. It is the ordinary authorization of a call, conditions
    included, with the new policy in place. Whether the tags of a key in the making count there is documented nowhere: here they do not."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import error_response_json, get_account_id, get_region
    from ministack.services import kms

    enforce, create, replicate, put = iam_evaluator.enforce, kms._create_key, kms._replicate_key, kms._put_key_policy

    def enforce_and_remember(access_key_id, iam_action, service, *rest, **more):
        if service == "kms":
            _kms_caller.set(access_key_id)
        return enforce(access_key_id, iam_action, service, *rest, **more)

    def refusal(policy, region, key):
        caller = _kms_caller.get()
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

    def existing(data):
        return (kms._resolve_key(data.get("KeyId", "")) or {}).get("KeyId", "")

    kms._create_key = lambda data: refusal(data.get("Policy"), get_region(), "of-no-id-yet") or create(data)
    kms._replicate_key = lambda data: (
        refusal(data.get("Policy"), data.get("ReplicaRegion"), existing(data)) or replicate(data)
    )
    kms._put_key_policy = lambda data: refusal(data.get("Policy"), get_region(), existing(data)) or put(data)
    iam_evaluator.enforce = enforce_and_remember


def know_condition_keys():
    """iam:PermissionsBoundary is the boundary in the request that creates a role or sets its boundary, else the one that the role has (Service
    Authorization Reference, IAM). kms:CallerAccount is the account of the caller (KMS developer guide, "AWS KMS condition keys").
    aws:PrincipalOrgID and aws:ResourceOrgID are the organization of the caller's and of the resource's account (IAM user guide, "AWS global
    condition context keys"): one organization here, to which every account belongs but those that start with OUTSIDE. IAM's simulator knows of the
    request what its caller gives, and nothing else (API reference, SimulatePrincipalPolicy, "ContextEntries")."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import iam

    resolve, request_tag_context = iam_evaluator._resolve_condition_key, iam_actions.request_tag_context
    in_request = ("iam:CreateRole", "iam:PutRolePermissionsBoundary")
    of_role = (
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteRolePermissionsBoundary",
    )

    def first(params, name):
        value = params.get(name)
        return value[0] if isinstance(value, list) else value

    def context_with_boundary(service, iam_action, body, params):
        context = request_tag_context(service, iam_action, body, params)
        boundary = None
        if iam_action in in_request:
            boundary = first(params, "PermissionsBoundary")
        elif iam_action in of_role:
            role = iam._roles.get_scoped(get_account_id(), None, first(params, "RoleName")) or {}
            boundary = role.get("PermissionsBoundary")
        if boundary:
            context["iam:PermissionsBoundary"] = boundary
        return context

    def organization_of(account):
        return None if account is None or account.startswith(OUTSIDE) else ORGANIZATION

    simulate = iam._simulate_principal_policy

    def simulate_with_context(params):
        entries, number = {}, 1
        while name := first(params, f"ContextEntries.member.{number}.ContextKeyName"):
            entries[name.lower()] = first(params, f"ContextEntries.member.{number}.ContextKeyValues.member.1")
            number += 1
        reset = _simulated.set(entries)
        try:
            return simulate(params)
        finally:
            _simulated.reset(reset)

    def resolve_more(key, context):
        name = key.lower()
        if name in _simulated.get():
            return _simulated.get()[name]
        if name == "kms:calleraccount":
            return context.principal_account
        if name == "aws:principalorgid":
            return organization_of(context.principal_account)
        if name == "aws:resourceorgid":
            return organization_of(iam_evaluator._account_from_arn(context.resource_arn) or context.principal_account)
        return resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_more
    iam_actions.request_tag_context = context_with_boundary
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_with_context


def install():
    refuse_placeholders_in_parameters()
    check_source_arns_of_permissions()
    check_that_key_policies_admit_their_writer()
    know_condition_keys()
