"""Step Functions bounds the delay before a retry by MaxDelaySeconds, and takes a random part of it with full jitter.

Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows", `MaxDelaySeconds` and
`JitterStrategy`, https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html

MiniStack 1.5.33 ignores both, and bounds every delay by a minute.
"""

import random
import threading

import support


def delay_of(retrier, count):
    """Return how many seconds the retry number `count` waits."""
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def apply():
    """Compute the delay when the retrier is found, and wait that long instead."""
    from ministack.services import stepfunctions

    find = support.original(stepfunctions, "_find_matching_retrier", "(retriers, error, retry_counts)")
    scaled_sleep = support.original(stepfunctions, "_scaled_sleep", "(seconds)")
    found = threading.local()

    def find_and_remember(retriers, error, retry_counts):
        retrier, index = find(retriers, error, retry_counts)
        if retrier is not None:
            found.delay = delay_of(retrier, retry_counts.get(index, 0))
        return retrier, index

    def sleep(seconds):
        delay, found.delay = getattr(found, "delay", None), None
        scaled_sleep(seconds if delay is None else delay)

    stepfunctions._find_matching_retrier = find_and_remember
    stepfunctions._scaled_sleep = sleep
