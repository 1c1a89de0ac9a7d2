"""What several patches need."""

import contextvars
import inspect

ENGINE = "MiniStack 1.5.33"

# The parameters of functions that several patches replace.
EXTRACT_RESOURCE_ARN = "(service, method, path, headers, body, query_params, region, account_id)"
REQUEST_TAG_CONTEXT = "(service, iam_action, body, params)"
RESOLVE_CONDITION_KEY = "(key, ctx)"


class IncompatibleEngineError(Exception):
    """The engine lacks what a patch replaces, or has it with another signature."""


class UndeliverableError(Exception):
    """EventBridge cannot deliver an event to a target. Its arguments are the error code and the message."""


def require(condition, problem):
    """Raise unless the engine is as a patch expects it."""
    if not condition:
        raise IncompatibleEngineError(f"{problem}. The patches are for {ENGINE}.")


def expect_signature(function, signature, name):
    """Raise unless the function takes exactly these parameters, for example `(data, allow_aws_source=False)`."""
    require(callable(function), f"the engine has no {name}")
    found = inspect.signature(function)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    found = str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    require(found == signature, f"{name} takes {found}, not {signature}")


def original(module, name, signature):
    """Return the function of the engine that a patch replaces. Raise if it is gone or takes other parameters."""
    function = getattr(module, name, None)
    expect_signature(function, signature, f"{module.__name__}.{name}")
    return function


def entry(table, key, name):
    """Return an entry of one of the engine's tables. Raise if it is gone."""
    require(key in table, f"{name} has no {key}")
    return table[key]


def first(params, name):
    """Return a parameter of a request in the query protocol, which may be a list of values."""
    value = params.get(name)
    return value[0] if isinstance(value, list) else value


def in_scope(account, region, what, *arguments):
    """Run a function as a request of another account and region would."""
    from ministack.core import responses

    def run():
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        return what(*arguments)

    return contextvars.copy_context().run(run)


def role_may(role, session, action, resource, context=None):
    """Whether the policies and the boundary of a role allow an action to one of its sessions."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    account, name = role.split(":")[4], role.rpartition("/")[2]
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3],
        service_context={key.lower(): value for key, value in (context or {}).items()},
    )
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    policies = iam_evaluator._gather_role_policies(name, account)
    return iam_evaluator.evaluate(request, policies, *limits).decision == "Allow"
