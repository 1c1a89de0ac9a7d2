"""AWS emits an event for every call that changes something, on the default bus of an account where a trail logs.

The events of IAM are emitted in us-east-1 only. Sources: Amazon EventBridge User Guide, "Receiving events from AWS
services via AWS CloudTrail", https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html;
AWS CloudTrail User Guide, "CloudTrail userIdentity element",
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html; AWS Lambda
Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail",
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html

MiniStack 1.5.33 emits no such events. This patch emits those of IAM and KMS, and of changes of tables of DynamoDB,
functions of Lambda, state machines, topics and secrets.
"""

import json
import threading
import time
import uuid
from urllib.parse import parse_qs, unquote

import support

# Calls that only read, or use a key. Those that read and write items of tables are no management events.
READING = ("Get", "List", "Describe", "Encrypt", "Decrypt", "Generate", "ReEncrypt", "Simulate", "Sign", "Verify")
OF_ITEMS = ("Batch", "Execute", "Query", "Scan", "Transact", "PutItem", "UpdateItem", "DeleteItem")

# Of the other services, what changes the configuration of something that is there. Values of secrets stay out.
SERVICES = ("iam", "kms", "dynamodb", "lambda", "states", "sns", "secretsmanager")
CHANGING = ("Add", "Delete", "Put", "Remove", "Set", "Update")
LAMBDA_VERSIONS = {
    "AddPermission": "20150331v2",
    "DeleteFunction": "20150331",
    "RemovePermission": "20150331v2",
    "UpdateFunctionCode": "20150331v2",
    "UpdateFunctionConfiguration": "20150331v2",
}

IAM_REGION = "us-east-1"


def lower_first(value):
    """Return the value with the names of its fields in the lower camel case of CloudTrail."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: lower_first(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [lower_first(inner) for inner in value]
    return value


def operation(service, method, path, headers, body, query_params):
    """Return the name of the operation that a request calls, and its parameters."""
    from ministack.core import iam_actions

    if service == "lambda":
        action = iam_actions.extract_iam_action(service, method, path, headers, body, query_params) or ""
        name = action.split(":")[-1]
        function = unquote(path.split("/functions/", 1)[-1].split("/")[0])
        return name + LAMBDA_VERSIONS.get(name, ""), {"FunctionName": function}
    if service in ("kms", "dynamodb", "states", "secretsmanager"):
        return headers.get("x-amz-target", "").split(".")[-1], json.loads(body or b"{}")
    fields = {**parse_qs(body.decode("utf-8", "replace")), **query_params}
    fields = {key: value[0] if isinstance(value, list) else value for key, value in fields.items()}
    return fields.pop("Action", ""), fields


def user_identity(access_key, account):
    """Return the element userIdentity of a caller. The issuer of a session is its role, with its path."""
    from ministack.services import iam, sts

    arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))
    if ":assumed-role/" not in arn:
        return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    name = arn.split("/")[1]
    owner = arn.split(":")[4]
    role = iam._roles.get_scoped(owner, None, name) or {"Arn": f"arn:aws:iam::{owner}:role/{name}"}
    issuer = {"type": "Role", "arn": role["Arn"], "accountId": owner, "userName": name}
    return {"type": "AssumedRole", "arn": arn, "accountId": owner, "sessionContext": {"sessionIssuer": issuer}}


def put_event(detail):
    """Put the event of a call on the default bus."""
    from ministack.services import eventbridge

    entry = {
        "Source": "aws." + detail["eventSource"].split(".")[0],
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(detail),
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def report(service, method, path, headers, body, query_params):
    """Emit the event of a call, if it changes something and a trail logs."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.core.router import extract_access_key_id
    from ministack.services import cloudtrail, kms

    account, region = get_account_id(), get_region()
    name, parameters = operation(service, method, path, headers, body, query_params)
    trails = [trail for _, _, trail in cloudtrail._account_trail_items(account)]
    if not name or name.startswith(READING + OF_ITEMS) or not any(trail.get("IsLogging") for trail in trails):
        return
    if service not in ("iam", "kms") and (not name.startswith(CHANGING) or "SecretValue" in name):
        return
    detail = {
        "eventVersion": "1.11",
        "userIdentity": user_identity(extract_access_key_id(headers, query_params) or "", account),
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": lower_first(parameters),
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if service == "kms":
        key = kms._resolve_key(parameters.get("TargetKeyId") or parameters.get("KeyId") or "")
        detail["resources"] = [{"accountId": account, "type": "AWS::KMS::Key", "ARN": key["Arn"]}] if key else []
    elif service == "iam":
        region = IAM_REGION
    arguments = (account, region, put_event, detail)
    threading.Thread(target=support.in_scope, args=arguments, daemon=True).start()


def apply():
    """Report each call of these services that succeeds."""
    from ministack import app
    from ministack.services import eventbridge

    support.original(eventbridge, "_put_events", "(data, allow_aws_source=False)")

    def reporting(service):
        handle = support.entry(app.SERVICE_HANDLERS, service, "app.SERVICE_HANDLERS")
        support.expect_signature(handle, "(method, path, headers, body, query_params)", f"the handler of {service}")

        async def run(method, path, headers, body, query_params):
            answer = await handle(method, path, headers, body, query_params)
            if answer[0] < 400:
                report(service, method, path, headers, body, query_params)
            return answer

        return run

    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = reporting(service)
