"""IAM reports which actions a role has last used.

Source: IAM User Guide, "Refine permissions in AWS using last accessed information",
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html

MiniStack 1.5.33 records calls for CloudTrail, but not the role that made them, and of some protocols no more than that
there was a POST. This patch writes each action that a session of a role was allowed, once for each role, as a line of
JSON into the file that RECORDED_AUTHORIZATIONS names, or else into one in the folder of the engine.
"""

import json
import os
import threading

import support


def apply():
    """Record what roles are allowed."""
    from ministack.core import iam_evaluator
    from ministack.services import sts

    enforce = support.original(
        iam_evaluator,
        "enforce",
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    )
    file = os.environ.get("RECORDED_AUTHORIZATIONS", "authorizations.jsonl")
    seen, lock = set(), threading.Lock()

    def record(access_key_id, action):
        arn = str((sts._sessions.get(access_key_id) or {}).get("Arn", ""))
        if ":assumed-role/" not in arn:
            return
        used = (arn.split("/")[1], action)
        with lock:
            if used not in seen:
                seen.add(used)
                with open(file, "a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"role": used[0], "action": action}) + "\n")

    def enforce_and_record(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied is None:
            record(access_key_id, iam_action)
        return denied

    iam_evaluator.enforce = enforce_and_record
