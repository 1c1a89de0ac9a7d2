"""A role may use items of one partition key: which puts, queries, batches, transactions and scans succeed?"""

from tests import engines, probes

TABLE = "probe"
DENIED = "AccessDeniedException"


def item(key):
    """Return an item, or its key."""
    return {"pk": {"S": key}}


def transaction(*keys):
    """Return a transaction that puts items."""
    return {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item(key)}} for key in keys]}


def batch(*keys):
    """Return a batch that puts items."""
    return {"RequestItems": {TABLE: [{"PutRequest": {"Item": item(key)}} for key in keys]}}


def query(key):
    """Return a query of a partition."""
    values = {":key": {"S": key}}
    return {"TableName": TABLE, "KeyConditionExpression": "pk = :key", "ExpressionAttributeValues": values}


class LeadingKeysConditionTest(probes.RequestTest):
    unpatched = (DENIED,) * 8
    patched = ("done", DENIED, "done", DENIED, "done", DENIED, "done", DENIED)

    def probe(self, engine):
        account = engines.new_account()
        engine.client("dynamodb", account).create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        condition = {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "own#*"},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        own = engines.allow("dynamodb:*", Condition=condition)
        client = engine.client("dynamodb", engine.session(account, own))
        return (
            engines.outcome(client.put_item, TableName=TABLE, Item=item("own#1")),
            engines.outcome(client.put_item, TableName=TABLE, Item=item("other#1")),
            engines.outcome(client.query, **query("own#1")),
            engines.outcome(client.query, **query("other#1")),
            engines.outcome(client.transact_write_items, **transaction("own#2", "own#3")),
            engines.outcome(client.transact_write_items, **transaction("own#4", "other#4")),
            engines.outcome(client.batch_write_item, **batch("own#5")),
            engines.outcome(client.scan, TableName=TABLE),
        )
