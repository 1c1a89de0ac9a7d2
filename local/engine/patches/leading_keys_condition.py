"""AWS sets the condition key dynamodb:LeadingKeys to the partition keys of the items that a request reads or writes.

A transaction is authorized item by item. A scan names no item, so it has no such key. Source: Amazon DynamoDB Developer
Guide, "Using IAM policy conditions for fine-grained access control",
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html

MiniStack 1.5.33 does not set the key.
"""

import json
import re

import support


class ItemsTable(str):
    """The ARN of a table, with the partition keys of the items that a check is about."""

    __slots__ = ("keys",)


def parsed(body):
    """Return the body of a request, or nothing if it has none."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def partition_key(table):
    """Return the name of the partition key of a table, by its name or ARN."""
    from ministack.services import dynamodb

    found = dynamodb._tables.get(table.rsplit("/", 1)[-1])
    return found and found["pk_name"]


def value_of(attribute):
    """Return the value of an attribute without its type."""
    return str(next(iter(attribute.values()), "")) if isinstance(attribute, dict) else ""


def of_query(request, name):
    """Return the partition key that a query names."""
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    terms = re.findall(r"([#\w.-]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or "")
    found = [value_of(values.get(value)) for path, value in terms if names.get(path, path) == name]
    conditions = (request.get("KeyConditions") or {}).get(name) or {}
    return found + [value_of(value) for value in conditions.get("AttributeValueList") or []]


def of_items(request):
    """Return the partition keys of the items that a request for one table names."""
    name = partition_key(request.get("TableName") or "")
    items = [request[place] for place in ("Key", "Item") if isinstance(request.get(place), dict)]
    return [value_of(item[name]) for item in items if name in item] + of_query(request, name)


def of_batch(table, entry):
    """Return the partition keys of the items that a batch names of one table."""
    puts = [inner for request in entry for inner in request.values()] if isinstance(entry, list) else []
    keys = [{"Key": key} for key in entry.get("Keys") or []] if isinstance(entry, dict) else []
    return [key for item in puts + keys for key in of_items({**item, "TableName": table})]


def apply():
    """Set the key for single requests and batches, and for each item of a transaction."""
    from ministack.core import iam_actions, iam_evaluator

    context_of = support.original(iam_actions, "dynamodb_service_context", "(body)")
    checks_of = support.original(iam_actions, "dynamodb_transaction_checks", "(iam_action, body, region, account_id)")
    enforce = support.original(
        iam_evaluator, "enforce", "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)"
    )

    def context_with_keys(body):
        data = parsed(body)
        batches = data.get("RequestItems")
        batches = batches.items() if isinstance(batches, dict) else []
        keys = of_items(data) + [key for table, entry in batches for key in of_batch(table, entry)]
        return {**context_of(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}

    def checks_with_keys(iam_action, body, region, account_id):
        checks = checks_of(iam_action, body, region, account_id)
        requests = [request for item in parsed(body).get("TransactItems") or [] for request in item.values()]
        for place, (action, arn) in enumerate(checks):
            table = ItemsTable(arn)
            table.keys = of_items(requests[place]) if len(requests) == len(checks) else []
            checks[place] = (action, table)
        return checks

    def enforce_with_keys(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if keys := getattr(resource_arn, "keys", None):
            service_context = {**(service_context or {}), "dynamodb:LeadingKeys": keys}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    iam_actions.dynamodb_service_context = context_with_keys
    iam_actions.dynamodb_transaction_checks = checks_with_keys
    iam_evaluator.enforce = enforce_with_keys
