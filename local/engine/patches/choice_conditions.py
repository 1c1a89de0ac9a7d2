"""Step Functions refuses a condition of a Choice that is neither true nor false.

Source: AWS Step Functions Developer Guide, "Choice workflow state", `Condition`,
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html, and "Transforming data with JSONata", "Error
handling", https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html

MiniStack 1.5.33 takes what JSONata counts as true.
"""

import support


def apply():
    """Fail a Choice whose condition is no boolean."""
    from ministack.services import stepfunctions

    support.original(stepfunctions, "_evaluate_jsonata_choice_rule", "(rule, raw_input, ctx)")
    evaluate = support.original(
        stepfunctions, "_evaluate_jsonata", "(expression, raw_input, ctx=None, result=None, error_output=None)"
    )

    def evaluate_rule(rule, raw_input, ctx):
        condition = rule.get("Condition")
        if isinstance(condition, str) and condition.startswith("{%") and condition.endswith("%}"):
            condition = evaluate(condition[2:-2].strip(), raw_input, ctx)
        if not isinstance(condition, bool):
            raise stepfunctions._ExecutionError(
                "States.QueryEvaluationError",
                f"The JSONata expression '{rule.get('Condition')}' specified for the field 'Condition' returned an "
                "unexpected result type. Expected 'boolean'.",
            )
        return condition

    stepfunctions._evaluate_jsonata_choice_rule = evaluate_rule
