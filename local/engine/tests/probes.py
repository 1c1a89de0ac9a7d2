"""What the tests of the patches have in common."""

import unittest

from patches import PATCHES
from tests import engines

POLICY_OF_BUS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}],
}

# The source of a function that calls KMS, and returns how that ended.
LISTS_KEYS = """
import boto3, os

def handler(event, context):
    kms = boto3.client("kms", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    try:
        kms.list_keys()
    except Exception as error:
        return error.response["Error"]["Code"]
    return "done"
"""


def bus(name, policy):
    """Return a template that creates an event bus, with a policy or without."""
    properties = {"Name": name, **({"Policy": policy} if policy else {})}
    return {"Resources": {"Bus": {"Type": "AWS::Events::EventBus", "Properties": properties}}}


class PatchTest(unittest.TestCase):
    """One probe, which observes the engine without any patch, without the patch under test, and with all patches.

    A test has `unpatched`, what the probe observes without the patch, and `patched`, what it observes with the patch.
    """

    unpatched = patched = NotImplemented

    @classmethod
    def name(cls):
        """Return the name of the patch under test."""
        return cls.__module__.rpartition(".test_")[2]

    def test_the_unpatched_engine_deviates(self):
        self.assertEqual(self.observe(()), self.unpatched)

    def test_the_engine_without_this_patch_deviates(self):
        others = tuple(name for name in PATCHES if name != self.name())
        self.assertEqual(self.observe(others), self.unpatched)

    def test_the_patched_engine_behaves_as_aws(self):
        self.assertEqual(self.observe(PATCHES), self.patched)

    def observe(self, selected):
        """Return what the probe observes with the selected patches."""
        raise NotImplementedError


class RequestTest(PatchTest):
    """A probe that sends requests to a running engine.

    `patience` is how many seconds the probe waits for what the patch causes: long where it comes, which ends the wait,
    and not so long where it should not come.
    """

    def observe(self, selected):
        self.patience = engines.PATIENCE if selected == PATCHES else 3
        if selected in ((), PATCHES):
            return self.probe(engines.shared(selected))
        engine = engines.Engine(selected)
        try:
            return self.probe(engine)
        finally:
            engine.end()

    def probe(self, engine):
        """Return what the engine does. Each test has this method."""
        raise NotImplementedError


class ProcessTest(PatchTest):
    """A probe that needs the modules of the engine, in a process of its own. It prints what it observes."""

    script = NotImplemented

    def observe(self, selected):
        return engines.run_in_process(selected, self.script)
