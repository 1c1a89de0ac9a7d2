"""Retriers wait before their retries."""

from tests import probes


class RetryDelaysTest(probes.ProcessTest):
    unpatched = "[8.0, 60.0, 60.0]"
    patched = "[8.0, 30.0, 'random']"
    script = """
import types
from ministack.services import stepfunctions

waited = []
stepfunctions.time = types.SimpleNamespace(sleep=lambda seconds: waited.append(seconds / stepfunctions._SFN_WAIT_SCALE))
stepfunctions._SFN_WAIT_SCALE = 1
for more in ({}, {"MaxDelaySeconds": 30}, {"MaxDelaySeconds": 30, "JitterStrategy": "FULL"}):
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, **more}
    count = 3 if not more else 10
    chosen, _ = stepfunctions._find_matching_retrier([retrier | {"MaxAttempts": 99}], "Error", {0: count})
    stepfunctions._scaled_sleep(min(chosen["IntervalSeconds"] * chosen.get("BackoffRate", 2) ** count, 60))
print([waited[0], waited[1], waited[2] if waited[2] == 60 else "random"])
"""
