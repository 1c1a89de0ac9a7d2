"""Rules for all patches: each is listed, has a test and a source, checks the engine, and does nothing at import."""

import ast
import importlib
import os
import unittest

import page
from patches import PATCHES
from tests import engines, probes

IMPORT = """
import importlib, sys, threading
for name in ("run", "support", "patches", *(f"patches.{name}" for name in patches.PATCHES)):
    importlib.import_module(name)
print([name for name in sys.modules if name.startswith("ministack")], threading.active_count())
"""

# Which patches apply without a check of the engine.
UNCHECKED = """
import support
require = support.require
for name in patches.PATCHES:
    checks = []
    support.require = lambda condition, problem: (checks.append(problem), require(condition, problem))
    patches.apply([name])
    if not checks:
        print(name)
"""

CHANGED = """
import support
from ministack.services import kms
{change}
try:
    patches.apply(["key_ids_by_tag"])
except support.IncompatibleEngineError as error:
    print(error)
"""


def modules(folder, prefix=""):
    """Return the names of the modules in a folder, without a prefix that they share."""
    return {file.stem.removeprefix(prefix) for file in (engines.FOLDER / folder).glob(f"{prefix}*.py")}


class PatchesTest(unittest.TestCase):
    def test_the_list_has_every_module_once(self):
        self.assertEqual(sorted(PATCHES), sorted(modules("patches") - {"__init__"}))

    def test_every_patch_has_a_test(self):
        self.assertEqual(modules("tests", "test_") - {"patches"}, set(PATCHES))
        for name in PATCHES:
            with self.subTest(name):
                members = vars(importlib.import_module(f"tests.test_{name}")).values()
                tests = [it for it in members if isinstance(it, type) and issubclass(it, probes.PatchTest)]
                self.assertEqual([test.name() for test in tests], [name])
                self.assertNotEqual(tests[0].unpatched, tests[0].patched)

    def test_every_patch_names_its_source_and_the_engine(self):
        for name in PATCHES:
            with self.subTest(name):
                text = ast.get_docstring(ast.parse((engines.FOLDER / "patches" / f"{name}.py").read_text()))
                self.assertRegex(text, "Sources?: ")
                self.assertIn("https://", text)
                self.assertIn("MiniStack 1.5.33", text)

    def test_importing_does_nothing(self):
        self.assertEqual(engines.run_in_process((), IMPORT), "[] 1")

    def test_every_patch_checks_the_engine(self):
        self.assertEqual(engines.run_in_process((), UNCHECKED), "")

    def test_a_patch_refuses_another_engine(self):
        for change, problem in (
            ("del kms._create_key", "the engine has no ministack.services.kms._create_key"),
            (
                "kms._create_key = lambda data, account: None",
                "ministack.services.kms._create_key takes (data, account), not (data)",
            ),
        ):
            with self.subTest(change):
                printed = engines.run_in_process((), CHANGED.format(change=change))
                self.assertEqual(printed, f"{problem}. The patches are for MiniStack 1.5.33.")

    def test_every_test_that_relies_on_a_patch_exists(self):
        for patch, test in page.RELIED_ON.items():
            with self.subTest(patch):
                self.assertIn(patch, PATCHES)
                module, name = test.split("::")
                file = engines.FOLDER.parent.parent / f"tests/end_to_end/{module}.rs"
                self.assertIn(f"async fn {name}()", file.read_text())

    def test_the_page_says_what_the_patches_say(self):
        if os.environ.get("BLESS"):
            page.PAGE.parent.mkdir(exist_ok=True)
            page.PAGE.write_text(page.page())
        self.assertEqual(page.PAGE.read_text(), page.page())
