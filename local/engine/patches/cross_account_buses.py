"""AWS delivers the events of a rule to event buses of other accounts and Regions whose policies allow it, for one hop.

What a rule of the receiver sends on to a third account does not arrive. Source: Amazon EventBridge User Guide, "Sending
and receiving events between AWS accounts in Amazon EventBridge",
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html

MiniStack 1.5.33 delivers only within one account and Region. Of a policy, this patch reads effect and action: the
conditions of the templates name the one organization to which all accounts here belong.
"""

import support


def allows_put_events(bus):
    """Whether the policy of a bus allows other accounts to put events."""
    statements = (bus.get("_Policy") or {}).get("Statement", [])
    return any(
        statement.get("Effect") == "Allow" and "events:PutEvents" in str(statement.get("Action"))
        for statement in statements
    )


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
            if spec.account_id != here and not allows_put_events(bus):
                raise support.UndeliverableError("NO_PERMISSIONS", f"{spec} does not let account {here} put events")
            eventbridge._dispatch_event(forwarded)

        support.in_scope(spec.account_id, spec.region, forward)

    eventbridge._dispatch_to_event_bus = dispatch_to_event_bus
