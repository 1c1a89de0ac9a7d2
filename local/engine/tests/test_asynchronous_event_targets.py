"""A rule invokes a function that fails and has an on-failure destination."""

from tests import engines, probes


class AsynchronousEventTargetsTest(probes.RequestTest):
    unpatched = 0
    patched = 1

    def probe(self, engine):
        account = engines.new_account()
        function = engine.function(account, "def handler(event, context): raise ValueError('no')")
        queue = engine.queue(account)
        engine.client("lambda", account).put_function_event_invoke_config(
            FunctionName="probe", DestinationConfig={"OnFailure": {"Destination": queue}}
        )
        engine.rule(account, {"Arn": function})
        engine.put_event(account)
        return len(engine.messages(queue, self.patience))
