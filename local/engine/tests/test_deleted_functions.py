"""CloudFormation deletes a function that has run: does its process still run?"""

import json
import os

from tests import engines, probes


def runs(process):
    """Whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class DeletedFunctionsTest(probes.RequestTest):
    unpatched = "runs"
    patched = "has ended"

    def probe(self, engine):
        account = engines.new_account()
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "probe",
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": engine.role(account),
                "Code": {"ZipFile": "import os\ndef handler(event, context): return os.getpid()"},
            },
        }
        engine.deploy(account, {"Resources": {"Function": function}})
        answer = engine.client("lambda", account).invoke(FunctionName="probe")
        process = json.loads(answer["Payload"].read())
        engine.client("cloudformation", account).delete_stack(StackName="probe")
        return "has ended" if engines.wait_for(lambda: not runs(process), self.patience) else "runs"
