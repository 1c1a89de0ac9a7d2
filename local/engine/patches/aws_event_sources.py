"""AWS services put events with a source that starts with `aws.`, which no customer can.

Source: Amazon EventBridge API Reference, PutEvents,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html

MiniStack 1.5.33 refuses such a source, too. Demonstrations and tests put events in the place of AWS services, so this
patch accepts it.
"""

import support


def apply():
    """Accept sources that start with `aws.`."""
    from ministack.services import eventbridge

    put_events = support.original(eventbridge, "_put_events", "(data, allow_aws_source=False)")

    def put_events_of_any_source(data, allow_aws_source=False):
        return put_events(data, allow_aws_source=True)

    eventbridge._put_events = put_events_of_any_source
