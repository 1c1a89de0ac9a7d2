"""A task waits for a task token that nobody sends, for as long as an expression says."""

from tests import engines, probes


class TaskTokenTimeoutsTest(probes.RequestTest):
    unpatched = "States.Runtime"
    patched = "States.Timeout"

    def probe(self, engine):
        account = engines.new_account()
        engine.queue(account)
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Arguments": {
                "QueueUrl": engine.client("sqs", account).get_queue_url(QueueName="probe")["QueueUrl"],
                "MessageBody": "{% $states.context.Task.Token %}",
            },
            "TimeoutSeconds": "{% 1 + 1 %}",
            "End": True,
        }
        return engine.execute(account, {"Wait": task}).get("error")
