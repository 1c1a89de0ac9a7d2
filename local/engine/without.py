"""Switches patches off, one at a time, and shows that a test of atlas-cmk fails without each: `without.py [PATCH ...]`.

A test that passes without the rule it is listed for proves nothing about that rule. The end-to-end tests have to be
green with all patches before this script means anything; it takes about a minute for each patch.
"""

import os
import re
import subprocess
import sys

from page import FOLDER, RELIED_ON


def failure_without(patch, test):
    """Return why a test fails without a patch, or None if it passes."""
    command = ["cargo", "test", "-q", "-p", "atlas-cmk-tests", "--test", "end_to_end", "--", "--exact", test]
    environment = {**os.environ, "ENGINE_WITHOUT": patch, "RUST_BACKTRACE": "0"}
    run = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    if "1 passed" in run.stdout:
        return None
    if "1 failed" not in run.stdout:
        sys.exit(f"{test} did not run:\n{run.stdout}{run.stderr}")
    panicked = re.search(r"panicked at .*\n(.*(?:\n.*)?)", run.stdout)
    return " ".join(panicked[1].split())[:100] if panicked else "failed"


def main(selected):
    """Print a row for each patch. Exit with 1 if a test passes without its patch."""
    passed = 0
    for patch in selected:
        failure = failure_without(patch, RELIED_ON[patch])
        passed += failure is None
        print(f"{patch:32} {RELIED_ON[patch]}: {failure or 'PASSES WITHOUT THE PATCH'}", flush=True)
    sys.exit(1 if passed else 0)


if __name__ == "__main__":
    main(sys.argv[1:] or RELIED_ON)
