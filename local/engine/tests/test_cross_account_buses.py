"""Events go to buses of another Region, of an account with several policies and with none, and on to a third."""

from tests import engines, probes


def expecting(source, detail_type):
    """Return a policy that allows the events of one kind."""
    statement = probes.POLICY_OF_BUS["Statement"][0]
    condition = {
        "ForAllValues:StringEquals": {"events:source": source},
        "StringEquals": {"events:detail-type": detail_type},
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}


class CrossAccountBusesTest(probes.RequestTest):
    unpatched = (0, 0, 0, 0, 0, 0)
    patched = (1, 1, 0, 1, 0, 1)

    def probe(self, engine):
        sender, receiver, third = (engines.new_account() for _ in range(3))
        role = engine.role(sender)

        def received(account, region, policy, name="open"):
            engine.deploy(account, probes.bus(name, policy), name=name, region=region)
            queue = engine.queue(account, name, region)
            engine.rule(account, {"Arn": queue}, bus=name, region=region)
            bus = f"arn:aws:events:{region}:{account}:event-bus/{name}"
            engine.rule(sender, {"Arn": bus, "RoleArn": role})
            engine.put_event(sender)
            # PutEvents returns once the engine has delivered the event to queues.
            return len(engine.messages(queue, seconds=0))

        def forwarded():
            """Return how many events of receiver and sender reach a third account from the receiver's open bus."""
            engine.deploy(third, probes.bus("third", probes.POLICY_OF_BUS), name="third")
            queue = engine.queue(third, "third")
            engine.rule(third, {"Arn": queue}, bus="third")
            last = f"arn:aws:events:{engines.REGION}:{third}:event-bus/third"
            engine.rule(receiver, {"Arn": last, "RoleArn": engine.role(receiver, name="forwarder")}, bus="open")
            first = f"arn:aws:events:{engines.REGION}:{receiver}:event-bus/open"
            engine.rule(sender, {"Arn": first, "RoleArn": role})
            own = {"Source": "probe", "DetailType": "Probe", "Detail": "{}", "EventBusName": "open"}
            engine.client("events", receiver).put_events(Entries=[own])
            engine.put_event(sender)
            return len(engine.messages(queue, seconds=0))

        return (
            received(sender, "eu-west-1", None),
            received(receiver, engines.REGION, probes.POLICY_OF_BUS),
            received(receiver, engines.REGION, None, "closed"),
            received(receiver, engines.REGION, expecting("probe", "Probe"), "expecting"),
            received(receiver, engines.REGION, expecting("probe", "Another"), "otherwise"),
            forwarded(),
        )
