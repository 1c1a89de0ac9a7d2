"""AWS does not run a function that has been deleted.

Source: AWS Lambda API Reference, DeleteFunction, https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html

MiniStack 1.5.33 keeps the processes of a function that CloudFormation deletes.
"""

import threading
import time

import support

SECONDS_BETWEEN_CHECKS = 2


def apply():
    """Start a thread that ends the processes of functions that no longer exist."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    support.original(lambda_runtime, "invalidate_worker", "(func_name, qualifier=None, account=None, region=None)")

    def watch():
        while True:
            time.sleep(SECONDS_BETWEEN_CHECKS)
            for worker in list(lambda_runtime._workers):
                account, region, name = worker.split(":")[:3]
                if not lambda_svc._functions.contains_scoped(account, region, name):
                    lambda_runtime.invalidate_worker(name, account=account, region=region)

    threading.Thread(target=watch, daemon=True).start()
