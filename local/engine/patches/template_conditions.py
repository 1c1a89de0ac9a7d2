"""AWS resolves pseudo parameters and mappings in the conditions of a template.

Conditions may use `Ref` and `Fn::FindInMap`. Source: AWS CloudFormation User Guide, "Condition functions", "Supported
functions", https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html

MiniStack 1.5.33 compares the name `AWS::Region` itself, and the object with `Fn::FindInMap` itself.
"""

import support


def resolved(expression, pseudo_parameters, mappings):
    """Return the expression with pseudo parameters and values of mappings in place of the references to them."""
    if isinstance(expression, list):
        return [resolved(item, pseudo_parameters, mappings) for item in expression]
    if not isinstance(expression, dict):
        return expression
    if expression.get("Ref") in pseudo_parameters:
        return pseudo_parameters[expression["Ref"]]
    expression = {key: resolved(value, pseudo_parameters, mappings) for key, value in expression.items()}
    if "Fn::FindInMap" in expression:
        name, first, second = expression["Fn::FindInMap"]
        return mappings[name][first][second]
    return expression


def apply():
    """Resolve pseudo parameters and mappings before conditions are evaluated."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate_conditions = support.original(engine, "_evaluate_conditions", "(template, params)")

    def evaluate_resolved(template, params):
        here = {"AWS::Region": get_region(), "AWS::Partition": "aws", "AWS::AccountId": get_account_id()}
        conditions = resolved(template.get("Conditions", {}), here, template.get("Mappings", {}))
        return evaluate_conditions({**template, "Conditions": conditions}, params)

    # Each of these modules has imported the function by name.
    for module in (changesets, engine, handlers, stacks):
        support.original(module, "_evaluate_conditions", "(template, params)")
        module._evaluate_conditions = evaluate_resolved
