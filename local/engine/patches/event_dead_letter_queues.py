"""AWS sends an event that a rule cannot deliver to the dead-letter queue of the target.

Attributes of the message name the rule, the target and the error. Source: Amazon EventBridge User Guide, "Using
dead-letter queues to process undelivered events in EventBridge",
https://docs.aws.amazon.com/eventbridge/latest/userguide/rule-dlq.html

MiniStack 1.5.33 drops the event.
"""

import json
import threading

import support


def apply():
    """Send to the queue what the deliveries to buses and functions report as undeliverable."""
    from ministack.core.arn import parse_arn
    from ministack.services import eventbridge, sqs

    invoke_target = support.original(eventbridge, "_invoke_target", "(target, event, rule, view=None)")
    to_event_bus = support.original(
        eventbridge, "_dispatch_to_event_bus", "(spec, event, rule, event_path, target_input_payload=None)"
    )
    to_lambda = support.original(eventbridge, "_dispatch_to_lambda", "(arn, payload)")
    to_sqs = support.original(eventbridge, "_dispatch_to_sqs", "(spec, payload, sqs_parameters=None)")
    delivery = threading.local()

    def dispatch_to_event_bus(spec, event, rule, event_path, target_input_payload=None):
        try:
            to_event_bus(spec, event, rule, event_path, target_input_payload)
        except support.UndeliverableError as failure:
            delivery.failure = failure.args

    def dispatch_to_lambda(arn, payload):
        try:
            to_lambda(arn, payload)
        except support.UndeliverableError as failure:
            delivery.failure = failure.args

    def invoke(target, event, rule, view=None):
        delivery.failure = None
        invoke_target(target, event, rule, view)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if delivery.failure and queue:
            code, message = delivery.failure
            body = (view or eventbridge._pattern_event_view(event)).event_with_detail()
            attributes = {
                "RULE_ARN": rule.get("Arn", ""),
                "TARGET_ARN": target["Arn"],
                "ERROR_CODE": code,
                "ERROR_MESSAGE": message,
            }
            to_sqs(parse_arn(queue), json.dumps(body))
            sqs._queue_by_arn(queue)["messages"][-1]["message_attributes"] = {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            }

    eventbridge._dispatch_to_event_bus = dispatch_to_event_bus
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    eventbridge._invoke_target = invoke
