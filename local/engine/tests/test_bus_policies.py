"""A template creates a bus with a policy and one without: which events of another account arrive?"""

from tests import engines, probes


class BusPoliciesTest(probes.RequestTest):
    unpatched = (0, 0)
    patched = (1, 0)

    def probe(self, engine):
        sender, receiver = engines.new_account(), engines.new_account()
        role = engine.role(sender)

        def received(policy):
            name = "open" if policy else "closed"
            engine.deploy(receiver, probes.bus(name, policy), name=name)
            queue = engine.queue(receiver, name)
            engine.rule(receiver, {"Arn": queue}, bus=name)
            bus = f"arn:aws:events:{engines.REGION}:{receiver}:event-bus/{name}"
            engine.rule(sender, {"Arn": bus, "RoleArn": role})
            engine.put_event(sender)
            # PutEvents returns once the engine has delivered the event to queues.
            return len(engine.messages(queue, seconds=0))

        return received(probes.POLICY_OF_BUS), received(None)
