"""AWS CloudFormation sets the policy of an event bus that it creates.

Source: AWS CloudFormation Template Reference, AWS::Events::EventBus, `Policy`,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-events-eventbus.html

MiniStack 1.5.33 ignores the property.
"""

import support


def apply():
    """Store the policy with the bus, where cross_account_buses reads it."""
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    handlers = support.entry(
        provisioners._RESOURCE_HANDLERS, "AWS::Events::EventBus", "provisioners._RESOURCE_HANDLERS"
    )
    create = support.entry(handlers, "create", "the handlers of AWS::Events::EventBus")
    support.expect_signature(create, "(logical_id, props, stack_name)", "the handler that creates an event bus")

    def create_with_policy(logical_id, props, stack_name):
        created = create(logical_id, props, stack_name)
        if props.get("Policy"):
            eventbridge._event_buses[created[0]]["_Policy"] = props["Policy"]
        return created

    handlers["create"] = create_with_policy
