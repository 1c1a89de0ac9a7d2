"""EventBridge refuses an event pattern of more than 4,096 characters.

Source: Amazon EventBridge API Reference, PutRule, `EventPattern`,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html

MiniStack 1.5.33 has no limit.
"""

import json

import support

LIMIT = 4096


def apply():
    """Refuse longer patterns."""
    from ministack.core.responses import error_response_json
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]
    create_rule = support.original(provisioners, "_eb_rule_create", "(logical_id, props, stack_name)")
    put_rule = support.original(eventbridge, "_put_rule", "(data)")

    message = f"Value at 'eventPattern' failed to satisfy constraint: at most {LIMIT} characters"

    def put(data):
        if len(data.get("EventPattern") or "") > LIMIT:
            return error_response_json("ValidationException", message, 400)
        return put_rule(data)

    def create(logical_id, props, stack_name):
        if len(json.dumps(props.get("EventPattern"), separators=(",", ":"))) > LIMIT:
            raise ValueError(message)
        return create_rule(logical_id, props, stack_name)

    eventbridge._put_rule = put
    handlers["create"] = create
