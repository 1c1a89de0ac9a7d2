"""A session changes a key, a role and the policy of a function while a trail logs."""

import json

from tests import engines, probes


class CloudtrailEventsTest(probes.RequestTest):
    unpatched = []
    patched = [
        ("aws.iam", "CreateRole", "us-east-1", "arn:aws:iam::ACCOUNT:role/team/caller", {"roleName": "new"}),
        ("aws.kms", "CreateKey", "us-east-1", "arn:aws:iam::ACCOUNT:role/team/caller", {"description": "new"}),
        (
            "aws.lambda",
            "AddPermission20150331v2",
            "us-east-1",
            "arn:aws:iam::ACCOUNT:role/team/caller",
            {"functionName": "probe"},
        ),
    ]

    def probe(self, engine):
        account = engines.new_account()
        queue = engine.queue(account)
        engine.rule(account, {"Arn": queue}, pattern={"detail-type": ["AWS API Call via CloudTrail"]})
        session = engine.session(account, engines.allow(["kms:*", "iam:*", "lambda:*"]), path="/team/")
        engine.function(account, probes.LISTS_KEYS)
        trail = engine.client("cloudtrail", account)
        trail.create_trail(Name="probe", S3BucketName="probe")
        trail.start_logging(Name="probe")
        kms, iam = engine.client("kms", session), engine.client("iam", session, region="eu-west-1")
        kms.create_key(Description="new")
        kms.list_keys()
        trust = engines.document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName="new", AssumeRolePolicyDocument=trust)
        iam.get_role(RoleName="new")
        engine.client("lambda", session).add_permission(
            FunctionName="probe", StatementId="new", Action="lambda:InvokeFunction", Principal=account
        )
        # A thread of its own emits each event.
        engines.wait_for(lambda: len(engine.messages(queue, seconds=0)) >= 3, self.patience)
        return sorted(self.summary(message, account) for message in engine.messages(queue, seconds=0))

    def summary(self, message, account):
        event = json.loads(message["Body"])
        detail = event["detail"]
        issuer = detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"].replace(account, "ACCOUNT")
        chosen = ("roleName", "description", "functionName")
        parameters = {name: value for name, value in detail["requestParameters"].items() if name in chosen}
        return event["source"], detail["eventName"], event["region"], issuer, parameters
