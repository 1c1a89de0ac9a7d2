"""Rules have targets that do not exist, and dead-letter queues."""

from tests import engines, probes


class EventDeadLetterQueuesTest(probes.RequestTest):
    unpatched = ([], [])
    patched = (
        [{"ERROR_CODE": "RESOURCE_NOT_FOUND", "RULE_ARN": "rule/probe", "TARGET_ARN": "function:gone"}],
        [{"ERROR_CODE": "RESOURCE_NOT_FOUND", "RULE_ARN": "rule/probe", "TARGET_ARN": "event-bus/gone"}],
    )

    def probe(self, engine):
        return self.undelivered(engine, "lambda", "function:gone"), self.undelivered(engine, "events", "event-bus/gone")

    def undelivered(self, engine, service, resource):
        account = engines.new_account()
        queue = engine.queue(account)
        target = f"arn:aws:{service}:{engines.REGION}:{account}:{resource}"
        engine.rule(account, {"Arn": target, "DeadLetterConfig": {"Arn": queue}})
        engine.put_event(account)
        return [
            {
                name: attribute["StringValue"].split(":", 5)[-1]
                for name, attribute in message["MessageAttributes"].items()
                if name != "ERROR_MESSAGE"
            }
            for message in engine.messages(queue, seconds=0)
        ]
