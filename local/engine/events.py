"""EventBridge as AWS does it, where MiniStack 1.5.33 does otherwise: events of AWS services, other accounts' buses, dead-letter queues, trails."""

import contextvars
import json
import threading
import time
import uuid

# Changes to keys and roles that CloudTrail records, but for reading.
READING = ("Get", "List", "Describe", "Encrypt", "Decrypt", "Generate", "ReEncrypt", "Simulate", "Sign", "Verify")

# Where IAM emits its events.
IAM_REGION = "us-east-1"


def let_tests_play_aws_services():
    """On AWS only its own services put events with a source of `aws.`. Here whoever demonstrates or tests plays them. MiniStack refuses that."""
    from ministack.services import eventbridge

    put_events = eventbridge._put_events
    eventbridge._put_events = lambda data, allow_aws_source=False: put_events(data, allow_aws_source=True)


def _in_scope(account, region, what, *arguments):
    """Runs something as a request of another account and region would."""
    from ministack.core import responses

    def run():
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        return what(*arguments)

    return contextvars.copy_context().run(run)


def _let_in(bus, account):
    """Whether the bus of another account lets this one put events: by its policy. Everybody here is of one organization."""
    statements = (bus.get("_Policy") or {}).get("Statement", [])
    return any(statement.get("Effect") == "Allow" and "events:PutEvents" in str(statement.get("Action")) for statement in statements)


def keep_policies_of_buses():
    """CloudFormation writes the policy of a bus with it. MiniStack leaves it out."""
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    create = handlers["create"]

    def create_with_policy(logical_id, props, stack_name):
        made = create(logical_id, props, stack_name)
        if props.get("Policy"):
            eventbridge._event_buses[made[0]]["_Policy"] = props["Policy"]
        return made

    handlers["create"] = create_with_policy


def deliver_as_rules_do():
    """On AWS a rule reaches buses of other accounts and regions that allow it, invokes functions asynchronously, with their own retries and on-failure
    destination, and keeps on the target's dead-letter queue what cannot be delivered. MiniStack delivers within an account and region, once, and drops
    the rest."""
    from ministack.core.arn import parse_arn
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import eventbridge, lambda_svc

    invoke_target = eventbridge._invoke_target
    delivering = threading.local()

    class Undeliverable(Exception):
        pass

    def dispatch_to_event_bus(spec, event, rule, event_path, target_input_payload=None):
        name = spec.resource.split("/", 1)[1]
        here, forwarded = get_account_id(), {**event, "EventBusName": name, "_DispatchPath": []}

        def forward():
            bus = eventbridge._event_buses.get(name)
            if bus is None:
                raise Undeliverable("RESOURCE_NOT_FOUND", f"there is no bus {spec}")
            if spec.account_id != here and not _let_in(bus, here):
                raise Undeliverable("NO_PERMISSIONS", f"{spec} does not let account {here} put events")
            eventbridge._dispatch_event(forwarded)

        _in_scope(spec.account_id, spec.region, forward)

    def dispatch_to_lambda(arn, payload):
        function, _, name = lambda_svc._get_func_record_for_ref(arn)
        if not function:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"there is no function {name}")
        lambda_svc.invoke_async_with_retry(function, json.loads(payload))

    def invoke(target, event, rule, view=None):
        delivering.failure = None
        invoke_target(target, event, rule, view)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if delivering.failure and queue:
            code, message = delivering.failure
            body = (view or eventbridge._pattern_event_view(event)).event_with_detail()
            attributes = {"RULE_ARN": rule.get("Arn", ""), "TARGET_ARN": target["Arn"], "ERROR_CODE": code, "ERROR_MESSAGE": message}
            dispatch_to_sqs(parse_arn(queue), json.dumps(body))
            from ministack.services import sqs

            sqs._queue_by_arn(queue)["messages"][-1]["message_attributes"] = {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            }

    def remembering(deliver):
        def run(*arguments, **named):
            try:
                return deliver(*arguments, **named)
            except Undeliverable as failure:
                delivering.failure = failure.args
            return None

        return run

    dispatch_to_sqs = eventbridge._dispatch_to_sqs
    eventbridge._dispatch_to_event_bus = remembering(dispatch_to_event_bus)
    eventbridge._dispatch_to_lambda = remembering(dispatch_to_lambda)
    eventbridge._invoke_target = invoke


def tell_what_trails_record():
    """On AWS, where a trail logs, the calls of KMS and IAM that change something are events on the default bus of the account: of IAM in one region.
    MiniStack emits no events. Who called is who it was: the role of a session with its path, as CloudTrail has it."""
    from ministack import app
    from ministack.core.responses import get_account_id, get_region
    from ministack.core.router import extract_access_key_id
    from ministack.services import cloudtrail, eventbridge, iam, kms, sts

    def identity(access_key, account):
        arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))
        if ":assumed-role/" not in arn:
            return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
        name = arn.split("/")[1]
        owner = arn.split(":")[4]
        role = iam._roles.get_scoped(owner, None, name) or {"Arn": f"arn:aws:iam::{owner}:role/{name}"}
        issuer = {"type": "Role", "arn": role["Arn"], "accountId": owner, "userName": name}
        return {"type": "AssumedRole", "arn": arn, "accountId": owner, "sessionContext": {"sessionIssuer": issuer}}

    def lower_first(value):
        if isinstance(value, dict):
            return {key[:1].lower() + key[1:]: lower_first(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [lower_first(inner) for inner in value]
        return value

    def asked(service, headers, body, query_params):
        if service == "kms":
            return headers.get("x-amz-target", "").split(".")[-1], json.loads(body or b"{}")
        from urllib.parse import parse_qs

        fields = {**parse_qs(body.decode("utf-8", "replace")), **query_params}
        fields = {key: value[0] if isinstance(value, list) else value for key, value in fields.items()}
        return fields.pop("Action", ""), fields

    def put(detail):
        eventbridge._put_events(
            {"Entries": [{"Source": "aws." + detail["eventSource"].split(".")[0], "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(detail)}]},
            allow_aws_source=True,
        )

    def report(service, headers, body, query_params):
        account, region = get_account_id(), get_region()
        name, parameters = asked(service, headers, body, query_params)
        trails = [trail for _, _, trail in cloudtrail._account_trail_items(account)]
        if not name or name.startswith(READING) or not any(trail.get("IsLogging") for trail in trails):
            return
        detail = {
            "eventVersion": "1.11",
            "userIdentity": identity(extract_access_key_id(headers, query_params) or "", account),
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": region,
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
        else:
            region = IAM_REGION
        threading.Thread(target=_in_scope, args=(account, region, put, detail), daemon=True).start()

    def telling(service):
        handle = app.SERVICE_HANDLERS[service]

        async def run(method, path, headers, body, query_params):
            answer = await handle(method, path, headers, body, query_params)
            if answer[0] < 400:
                report(service, headers, body, query_params)
            return answer

        return run

    for service in ("iam", "kms"):
        app.SERVICE_HANDLERS[service] = telling(service)


def run_distributed_maps_in_jsonata():
    """On AWS a distributed Map speaks JSONata like any other state. MiniStack reads it as JSONPath, and does not run it then; as an inline Map it does. What
    is lost is that each item is an execution of its own. An inner state does not see the variables around it, here as there."""
    from ministack.services import stepfunctions

    run_items = stepfunctions._run_map_items

    def run(state, raw_input, execution, ctx):
        processor = state.get("ItemProcessor") or {}
        mode = (processor.get("ProcessorConfig") or {}).get("Mode")
        if mode == "DISTRIBUTED" and stepfunctions._state_query_language(state, ctx) == "JSONata":
            state = {**state, "ItemProcessor": {**processor, "ProcessorConfig": {"Mode": "INLINE"}}}
        return run_items(state, raw_input, execution, ctx)

    stepfunctions._run_map_items = run


def install():
    let_tests_play_aws_services()
    keep_policies_of_buses()
    deliver_as_rules_do()
    tell_what_trails_record()
    run_distributed_maps_in_jsonata()
