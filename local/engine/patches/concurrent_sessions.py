"""AWS starts functions independently of each other.

Each environment of a function gets credentials of its own, however many start at the same time. Source: AWS Lambda
Developer Guide, "Understanding Lambda function scaling",
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html

MiniStack 1.5.33 walks through all sessions each time one is registered, and fails the function that starts if another
session is registered meanwhile.
"""

import threading

import support


def apply():
    """Register one session at a time."""
    from ministack.services import sts

    register_session = support.original(sts, "register_session", "(access_key, session)")
    lock = threading.Lock()

    def register_one_at_a_time(access_key, session):
        with lock:
            register_session(access_key, session)

    sts.register_session = register_one_at_a_time
