"""AWS resolves pseudo parameters, mappings and joined lists in the conditions of a template.

Conditions may use `Ref`, `Fn::FindInMap` and `Fn::Join`. Source: AWS CloudFormation User Guide, "Condition
functions", "Supported functions",
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html

MiniStack 1.5.33 compares the name `AWS::Region` itself, and the objects with `Fn::FindInMap` and `Fn::Join` themselves.
"""

import support


def resolved(expression, pseudo_parameters, mappings, parameters):
    """Return the expression with pseudo parameters, values of mappings and joined lists in place of references."""
    if isinstance(expression, list):
        return [resolved(item, pseudo_parameters, mappings, parameters) for item in expression]
    if not isinstance(expression, dict):
        return expression
    if expression.get("Ref") in pseudo_parameters:
        return pseudo_parameters[expression["Ref"]]
    expression = {key: resolved(value, pseudo_parameters, mappings, parameters) for key, value in expression.items()}
    if "Fn::FindInMap" in expression:
        name, first, second = expression["Fn::FindInMap"]
        return mappings[name][first][second]
    if "Fn::Join" in expression:
        delimiter, items = expression["Fn::Join"]
        if isinstance(items, dict):
            # The value of a parameter that is a list is one text here.
            items = str(parameters[items["Ref"]]["Value"]).split(",")
        return delimiter.join(items)
    return expression


def apply():
    """Resolve pseudo parameters and mappings before conditions are evaluated."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate_conditions = support.original(engine, "_evaluate_conditions", "(template, params)")

    def evaluate_resolved(template, params):
        here = {"AWS::Region": get_region(), "AWS::Partition": "aws", "AWS::AccountId": get_account_id()}
        conditions = resolved(template.get("Conditions", {}), here, template.get("Mappings", {}), params)
        return evaluate_conditions({**template, "Conditions": conditions}, params)

    # Each of these modules has imported the function by name.
    for module in (changesets, engine, handlers, stacks):
        support.original(module, "_evaluate_conditions", "(template, params)")
        module._evaluate_conditions = evaluate_resolved
