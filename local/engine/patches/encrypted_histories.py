"""A state machine with a key needs it for each execution, and so does who reads definition or history.

The role of the state machine needs kms:Decrypt and kms:GenerateDataKey with the context aws:states:stateMachineArn. Who
calls DescribeExecution (without METADATA_ONLY), GetExecutionHistory, DescribeStateMachine or
DescribeStateMachineForExecution needs kms:Decrypt, through Step Functions. Who starts, stops or answers executions does
not. Source: AWS Step Functions Developer Guide, "Data at rest encryption in Step Functions",
https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html

MiniStack 1.5.33 stores the key and asks nobody. This patch asks the policies of the role, not the policy of the key.
"""

import json

import support

READS = {
    "DescribeExecution": "executionArn",
    "DescribeStateMachine": "stateMachineArn",
    "DescribeStateMachineForExecution": "executionArn",
    "GetExecutionHistory": "executionArn",
}


def apply():
    """Authorize the use of the key."""
    from ministack.core import iam_evaluator, responses, router
    from ministack.services import stepfunctions

    handle = support.original(stepfunctions, "handle_request", "(method, path, headers, body, query_params)")
    start = support.original(stepfunctions, "_start_execution", "(data)")

    def use_of_key(arn):
        """Return the machine of an execution or of an ARN, its key, and the context in which that is used."""
        execution = stepfunctions._executions.get(arn) or {}
        arn = execution.get("stateMachineArn", arn).split("/")[0].split("#")[0]
        machine = stepfunctions._state_machines.get(arn) or {}
        key = (machine.get("encryptionConfiguration") or {}).get("kmsKeyId")
        return machine, key, {"kms:EncryptionContext:aws:states:stateMachineArn": arn}

    def refuse(action, key):
        message = f"not authorized to perform {action} on {key}"
        return responses.error_response_json("KmsAccessDeniedException", message, 400)

    async def handle_with_key(method, path, headers, body, query_params):
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in READS:
            data = json.loads(body or "{}")
            _, key, context = use_of_key(data.get(READS[action], ""))
            if key and data.get("includedData") != "METADATA_ONLY":
                region = key.split(":")[3]
                context["kms:ViaService"] = f"states.{region}.amazonaws.com"
                caller = router.extract_access_key_id(headers, query_params)
                if iam_evaluator.enforce(caller, "kms:Decrypt", "kms", region, key, context):
                    return refuse("kms:Decrypt", key)
        return await handle(method, path, headers, body, query_params)

    def start_with_key(data):
        machine, key, context = use_of_key(data.get("stateMachineArn", ""))
        for action in ("kms:Decrypt", "kms:GenerateDataKey") if key else ():
            if not support.role_may(machine["roleArn"], "execution", action, key, context):
                return refuse(action, key)
        return start(data)

    stepfunctions.handle_request = handle_with_key
    stepfunctions._start_execution = start_with_key
