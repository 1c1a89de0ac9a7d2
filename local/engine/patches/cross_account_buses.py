"""AWS delivers the events of a rule to event buses of other accounts and Regions whose policies allow it, for one hop.

What a rule of the receiver sends on to a third account does not arrive. The policy of a bus may ask for the source and
the detail type of an event. Sources: Amazon EventBridge User Guide, "Sending and receiving events between AWS accounts
in Amazon EventBridge", https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html; "Example policy:
Send events to a custom bus in a different account",
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-example-policy-cross-account-custom-bus-source.html

MiniStack 1.5.33 delivers only within one account and Region. With this patch, the principal of a delivery is the
account of the rule, not its role.
"""

import support


def allows(bus, arn, sender, region, event):
    """Whether the policy of a bus allows another account to put an event."""
    from ministack.core import iam_evaluator

    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{sender}:root",
        principal_type="Root",
        principal_account=sender,
        action="events:PutEvents",
        resource_arn=arn,
        region=region,
        service_context={"events:source": event["Source"], "events:detail-type": event["DetailType"]},
    )
    return iam_evaluator.evaluate_resource_policy(bus.get("_Policy"), request).decision == "Allow"


def apply():
    """Dispatch the event in the account and Region of the bus."""
    from ministack.core.responses import get_account_id
    from ministack.services import eventbridge

    support.original(
        eventbridge, "_dispatch_to_event_bus", "(spec, event, rule, event_path, target_input_payload=None)"
    )
    support.original(eventbridge, "_dispatch_event", "(event, view=None)")

    def dispatch_to_event_bus(spec, event, rule, event_path, target_input_payload=None):
        name = spec.resource.split("/", 1)[1]
        here = get_account_id()
        if spec.account_id != here and event.get("_SenderAccount", here) != here:
            return
        forwarded = {**event, "EventBusName": name, "_DispatchPath": [], "_SenderAccount": here}

        def forward():
            bus = eventbridge._event_buses.get(name)
            if bus is None:
                raise support.UndeliverableError("RESOURCE_NOT_FOUND", f"there is no bus {spec}")
            arn = f"arn:aws:events:{spec.region}:{spec.account_id}:event-bus/{name}"
            if spec.account_id != here and not allows(bus, arn, here, spec.region, event):
                raise support.UndeliverableError("NO_PERMISSIONS", f"{spec} does not let account {here} put events")
            eventbridge._dispatch_event(forwarded)

        support.in_scope(spec.account_id, spec.region, forward)

    eventbridge._dispatch_to_event_bus = dispatch_to_event_bus
