"""A statement with NotPrincipal denies everybody but those that it names.

Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html

MiniStack 1.5.33 skips such statements. This patch leaves a session out by its role or its own ARN, and skips statements
that allow, which AWS advises against.
"""

import json

import support


def resolved(document, caller, is_named):
    """Return a document in which NotPrincipal of a Deny became a Principal for callers that it does not name."""
    try:
        policy = json.loads(document) if isinstance(document, str) else document
        statements = policy["Statement"]
    except (ValueError, TypeError, KeyError):
        return document

    def statement_for_caller(statement):
        if statement.get("Effect") != "Deny" or "NotPrincipal" not in statement:
            return statement
        excepted = is_named(statement["NotPrincipal"], caller)
        return {**statement, "Principal": {} if excepted else "*"}

    statements = [statements] if isinstance(statements, dict) else statements
    return {**policy, "Statement": [statement_for_caller(it) for it in statements]}


def apply():
    """Evaluate key policies and trust policies with it."""
    from ministack.core import iam_evaluator

    of_resource = support.original(
        iam_evaluator,
        "evaluate_resource_policy",
        "(doc, ctx, service=None, named_only=False, direct_only=False)",
    )
    of_role = support.original(iam_evaluator, "evaluate_trust_policy", "(trust_doc, caller_arn, ctx=None)")

    def is_named(principal, caller):
        return iam_evaluator._names_caller(principal, caller)

    def evaluate_resource_policy(doc, ctx, service=None, named_only=False, direct_only=False):
        return of_resource(resolved(doc, ctx.principal_arn, is_named), ctx, service, named_only, direct_only)

    def evaluate_trust_policy(trust_doc, caller_arn, ctx=None):
        return of_role(resolved(trust_doc, caller_arn, is_named), caller_arn, ctx)

    iam_evaluator.evaluate_resource_policy = evaluate_resource_policy
    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy
