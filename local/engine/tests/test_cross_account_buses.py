"""Events go to a bus in another Region, and to buses of another account with a policy and without."""

from tests import engines, probes


class CrossAccountBusesTest(probes.RequestTest):
    unpatched = (0, 0, 0)
    patched = (1, 1, 0)

    def probe(self, engine):
        sender, receiver = engines.new_account(), engines.new_account()
        role = engine.role(sender)

        def received(account, region, policy):
            name = "open" if policy else "closed"
            engine.deploy(account, probes.bus(name, policy), name=name, region=region)
            queue = engine.queue(account, name, region)
            engine.rule(account, {"Arn": queue}, bus=name, region=region)
            bus = f"arn:aws:events:{region}:{account}:event-bus/{name}"
            engine.rule(sender, {"Arn": bus, "RoleArn": role})
            engine.put_event(sender)
            # PutEvents returns once the engine has delivered the event to queues.
            return len(engine.messages(queue, seconds=0))

        return (
            received(sender, "eu-west-1", None),
            received(receiver, engines.REGION, probes.POLICY_OF_BUS),
            received(receiver, engines.REGION, None),
        )
