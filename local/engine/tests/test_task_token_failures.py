"""The function that gets a task token fails."""

from tests import engines, probes


class TaskTokenFailuresTest(probes.RequestTest):
    unpatched = "States.Timeout"
    # What MiniStack names the exception of a function in Python.
    patched = "Runtime.HandlerError"

    def probe(self, engine):
        account = engines.new_account()
        function = engine.function(account, "def handler(event, context): raise ValueError('no')")
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {"FunctionName": function, "Payload": {"token": "{% $states.context.Task.Token %}"}},
            "TimeoutSeconds": 1,
            "End": True,
        }
        return engine.execute(account, {"Wait": task}).get("error")
