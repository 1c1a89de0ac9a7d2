"""EventBridge refuses an event pattern of more than 4,096 characters.

Source: Amazon EventBridge API Reference, PutRule, `EventPattern`,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html

MiniStack 1.5.33 has no limit.
"""

import support

LIMIT = 4096


def apply():
    """Refuse longer patterns."""
    from ministack.core.responses import error_response_json
    from ministack.services import eventbridge

    put_rule = support.original(eventbridge, "_put_rule", "(data)")

    def put(data):
        if len(data.get("EventPattern") or "") > LIMIT:
            message = f"Value at 'eventPattern' failed to satisfy constraint: at most {LIMIT} characters"
            return error_response_json("ValidationException", message, 400)
        return put_rule(data)

    eventbridge._put_rule = put
