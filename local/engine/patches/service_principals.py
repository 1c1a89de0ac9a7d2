"""A trust policy that names an AWS service lets no root user of an account assume the role.

Source: IAM User Guide, "AWS JSON policy elements: Principal", "AWS service principals",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

MiniStack 1.5.33 lets the root user of any account assume such a role.
"""

import json

import support


def without_services(document):
    """Return a trust policy without principals that are services."""
    try:
        policy = json.loads(document) if isinstance(document, str) else document
        statements = policy["Statement"]
    except (ValueError, TypeError, KeyError):
        return document

    def stripped(statement):
        principal = statement.get("Principal")
        if not isinstance(principal, dict):
            return statement
        return {**statement, "Principal": {kind: it for kind, it in principal.items() if kind != "Service"}}

    statements = [statements] if isinstance(statements, dict) else statements
    return {**policy, "Statement": [stripped(it) for it in statements]}


def apply():
    """Evaluate trust policies for callers of STS, none of which is a service."""
    from ministack.core import iam_evaluator

    evaluate = support.original(iam_evaluator, "evaluate_trust_policy", "(trust_doc, caller_arn, ctx=None)")

    def evaluate_for_caller(trust_doc, caller_arn, ctx=None):
        return evaluate(without_services(trust_doc), caller_arn, ctx)

    iam_evaluator.evaluate_trust_policy = evaluate_for_caller
