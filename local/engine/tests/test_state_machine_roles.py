"""State machines whose roles have no permissions call a function, and start a state machine."""

from tests import engines, probes


class StateMachineRolesTest(probes.RequestTest):
    unpatched = ("SUCCEEDED", "SUCCEEDED", "SUCCEEDED")
    patched = ("Lambda.AWSLambdaException", "SUCCEEDED", "StepFunctions.AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        function = engine.function(account, "def handler(event, context):\n    return {}\n")
        call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
        call["Arguments"] = {"FunctionName": function}
        other = f"arn:aws:states:{engines.REGION}:{account}:stateMachine:probe"
        start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
        start["Arguments"] = {"StateMachineArn": other, "Input": {}}

        def run(name, state, permissions):
            ended = engine.execute(account, {"Only": state}, permissions, name)
            return ended.get("error") or ended["status"]

        nothing = engines.allow("sts:GetCallerIdentity")
        return (
            run("without", call, nothing),
            run("probe", call, engines.allow("lambda:InvokeFunction", function)),
            run("nested", start, nothing),
        )
