"""AWS replaces policy variables, for example ${aws:PrincipalTag/team}, by the values of the request's condition keys.

They stand in resources and in the values of string and ARN operators. A variable without a value is like no resource
and equal to nothing, so that inverted operators such as ArnNotEquals match: a Deny then holds. Source: IAM User Guide,
"IAM policy elements: Variables and tags",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

MiniStack 1.5.33 sets aws:PrincipalTag to the tags of the role or user and of its session, but compares variables as
they are written.
"""

import dataclasses
import re

import support

VARIABLE = re.compile(r"\$\{([^},]+:[^},]+?)(?:, *'([^']*)')?\}")
WITH_VARIABLES = re.compile(r"(for(all|any)values?:)?(string|arn)", re.IGNORECASE)
# No ARN is like this pattern.
NOTHING = ""


def apply():
    """Replace the variables of a statement before it is compared with a request."""
    from ministack.core import iam_evaluator

    first_match = support.original(iam_evaluator, "_first_match", "(ctx, stmts, effect)")
    conditions_met = support.original(iam_evaluator, "_conditions_met", "(conditions, ctx)")

    def replaced(text, ctx):
        """Return a text without variables, or None if one of them has no value."""
        missing = []

        def value_of(variable):
            value = iam_evaluator._resolve_condition_key(variable[1], ctx)
            value = variable[2] if value is None else value
            # A key with several values cannot be a variable.
            if not isinstance(value, str):
                missing.append(variable[1])
            return str(value)

        text = VARIABLE.sub(value_of, text)
        return None if missing else text

    def resources(patterns, ctx):
        found = [replaced(pattern, ctx) for pattern in patterns]
        return [NOTHING if pattern is None else pattern for pattern in found]

    def first_match_of_replaced(ctx, stmts, effect):
        statements = []
        for statement in stmts:
            named, excluded = resources(statement.resources, ctx), resources(statement.not_resources, ctx)
            statements.append(dataclasses.replace(statement, resources=named, not_resources=excluded))
        return first_match(ctx, statements, effect)

    def values(expected, ctx):
        expected = expected if isinstance(expected, list) else [expected]
        found = [replaced(value, ctx) if isinstance(value, str) else value for value in expected]
        return [value for value in found if value is not None]

    def conditions_of_replaced_met(conditions, ctx):
        return conditions_met(
            {
                operator: {key: values(expected, ctx) for key, expected in compared.items()}
                if WITH_VARIABLES.match(operator) and isinstance(compared, dict)
                else compared
                for operator, compared in (conditions or {}).items()
            },
            ctx,
        )

    iam_evaluator._first_match = first_match_of_replaced
    iam_evaluator._conditions_met = conditions_of_replaced_met
