"""A template creates a table whose policy denies writing: may a role that IAM allows everything write nevertheless?"""

from tests import engines, probes

DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["dynamodb:PutItem", "dynamodb:PartiQLInsert"],
    "Resource": "*",
}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "probe",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "ResourcePolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [DENY]}},
    },
}


class TablePoliciesTest(probes.RequestTest):
    unpatched = ("done", "done", "done")
    patched = ("AccessDeniedException", "AccessDeniedException", "done")

    def probe(self, engine):
        account = engines.new_account()
        engine.deploy(account, {"Resources": {"Table": TABLE}}, name="probe")
        client = engine.client("dynamodb", engine.session(account, engines.allow("dynamodb:*")))
        return (
            engines.outcome(client.put_item, TableName="probe", Item={"pk": {"S": "1"}}),
            engines.outcome(client.execute_statement, Statement="INSERT INTO probe VALUE {'pk': '2'}"),
            engines.outcome(client.get_item, TableName="probe", Key={"pk": {"S": "1"}}),
        )
