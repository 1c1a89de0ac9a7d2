"""A table of DynamoDB has a policy, which can refuse what IAM allows, and statements of PartiQL are authorized.

CloudFormation sets the policy of a table that it creates. Statements are authorized as dynamodb:PartiQLSelect,
PartiQLInsert, PartiQLUpdate or PartiQLDelete on their table. Sources: Amazon DynamoDB Developer Guide, "Using
resource-based policies for DynamoDB",
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html; "IAM security
policies with PartiQL for DynamoDB", https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html

MiniStack 1.5.33 keeps the policy that PutResourcePolicy sets and does not evaluate it, ignores that of a template, and
authorizes statements as an action of its own on every resource.
"""

import json
import re

import support

STATEMENT = re.compile(r"""\s*(SELECT|INSERT|UPDATE|DELETE)\b(?:.*?\bFROM\b|\s+INTO)?\s+["']?([\w.-]+)""", re.I | re.S)


def statement_of(body):
    """Return what the first statement of a request does, and its table."""
    data = json.loads(body or b"{}")
    first = (data.get("Statements") or data.get("TransactStatements") or [data])[0]
    found = STATEMENT.match(first.get("Statement") or "")
    return found.groups() if found else None


def apply():
    """Evaluate the policies of tables, store those of templates, and authorize statements."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import dynamodb
    from ministack.services.cloudformation import provisioners

    extract_action = support.original(
        iam_actions, "extract_iam_action", "(service, method, path, headers, body, query_params)"
    )
    extract_arn = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)
    handlers = support.entry(provisioners._RESOURCE_HANDLERS, "AWS::DynamoDB::Table", "provisioners._RESOURCE_HANDLERS")
    create = support.entry(handlers, "create", "the handlers of AWS::DynamoDB::Table")
    support.expect_signature(create, "(logical_id, props, stack_name)", "the handler that creates a table")

    def table_policy_for_arn(arn):
        account = arn.split(":")[4]
        found = dynamodb._resource_policies.get_scoped(account, arn.split(":")[3], arn)
        return (found["Policy"], account) if found else None

    def create_with_policy(logical_id, props, stack_name):
        name, attributes = create(logical_id, props, stack_name)
        document = (props.get("ResourcePolicy") or {}).get("PolicyDocument")
        if document:
            dynamodb._put_resource_policy({"ResourceArn": attributes["Arn"], "Policy": json.dumps(document)})
        return name, attributes

    def action_of(service, method, path, headers, body, query_params):
        action = extract_action(service, method, path, headers, body, query_params)
        if service == "dynamodb" and action and "Execute" in action and (statement := statement_of(body)):
            return f"dynamodb:PartiQL{statement[0].capitalize()}"
        return action

    def arn_of(service, method, path, headers, body, query_params, region, account_id):
        arn = extract_arn(service, method, path, headers, body, query_params, region, account_id)
        if service == "dynamodb" and arn == "*" and b"Statement" in (body or b"") and (statement := statement_of(body)):
            return f"arn:aws:dynamodb:{region}:{account_id}:table/{statement[1]}"
        return arn

    dynamodb.table_policy_for_arn = table_policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    iam_actions.extract_iam_action = action_of
    iam_actions.extract_resource_arn = arn_of
    handlers["create"] = create_with_policy
