"""AWS throttles the calls of an account by a bucket of tokens for each action, which fills again at a rate.

Source: AWS Step Functions Developer Guide, "Step Functions service quotas",
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, and AWS KMS Developer Guide, "Request quotas",
https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html

MiniStack 1.5.33 throttles nothing. Here a test asks for it with the parameter `/engine/throttling` of the account: for
an action such as `states:ListExecutions`, the size of the bucket and how many tokens it gets a second. The rate is
scaled as the waits of executions are. A state machine that starts another one takes a token of `states:StartExecution`,
too, and gets the error that Step Functions has for what its API does not name. The parameter `/engine/calls` counts,
for each of these actions, how many calls were made and how many of them were refused.
"""

import json
import os
import threading
import time

import support

PARAMETER = "/engine/throttling"
COUNTED = "/engine/calls"
CODES = {"iam": "Throttling", "sts": "Throttling"}
SCALE = float(os.environ.get("SFN_WAIT_SCALE") or 1)


class Bucket:
    """The tokens of an action in an account."""

    def __init__(self, size):
        self.tokens = size
        self.filled = time.monotonic()

    def take(self, size, rate):
        """Whether there was a token."""
        now = time.monotonic()
        self.tokens = min(size, self.tokens + (now - self.filled) * rate / SCALE)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def apply():
    """Refuse a call for which there is no token."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id
    from ministack.services import ssm, stepfunctions

    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    start_nested = support.original(stepfunctions, "_invoke_nested_start_execution_sync", "(resource, input_data)")
    buckets, lock = {}, threading.Lock()

    def count(place, parameter, action, refused):
        parameters = ssm._parameters._data
        counted = parameters.setdefault((*place[:-1], COUNTED), {**parameter, "Name": COUNTED, "OriginalValue": "{}"})
        counts = json.loads(counted["OriginalValue"])
        before = counts.get(action, {"made": 0, "refused": 0})
        counts[action] = {"made": before["made"] + 1, "refused": before["refused"] + refused}
        counted["Value"] = counted["OriginalValue"] = json.dumps(counts)

    def has_token(account, action):
        with lock:
            for place, parameter in list(ssm._parameters._data.items()):
                if place[0] != account or place[-1] != PARAMETER:
                    continue
                limits = json.loads(parameter["Value"])
                if action in limits:
                    size, rate = limits[action]
                    taken = buckets.setdefault((account, action), Bucket(size)).take(size, rate)
                    count(place, parameter, action, not taken)
                    return taken
        return True

    def enforce_rates(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if not has_token(get_account_id(), iam_action):
            return iam_evaluator.AuthError(CODES.get(service, "ThrottlingException"), "Rate exceeded")
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    def start_at_rate(resource, input_data):
        if not has_token(input_data["StateMachineArn"].split(":")[4], "states:StartExecution"):
            raise stepfunctions._ExecutionError("StepFunctions.AWSStepFunctionsException", "Rate exceeded")
        return start_nested(resource, input_data)

    iam_evaluator.enforce = enforce_rates
    stepfunctions._invoke_nested_start_execution_sync = start_at_rate
