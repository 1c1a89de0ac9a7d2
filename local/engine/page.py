"""The page docs/reference/embedded-cloud.md, generated from the patches and their tests: `page.py` prints it."""

import ast
import re
import textwrap
from pathlib import Path

from patches import PATCHES

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent.parent / "docs/reference/embedded-cloud.md"

# A test of atlas-cmk that fails without the patch: `without.py` shows that it does.
RELIED_ON = {
    "task_token_timeouts": "approving::without_an_answer_everything_stays_as_it_was",
    "distributed_maps": "sweeping::a_sweep_reports_what_nobody_waits_for_any_more",
    "tags_of_keys": "limiting::a_run_waits_until_the_tags_of_a_new_key_count",
    "service_principals": "diagnosing::a_trust_statement_that_somebody_removes_meanwhile_is_missed",
    "deleted_principals": "keys::a_statement_of_ours_that_names_a_role_which_is_gone_is_repaired",
    "key_alias_resources": "keys::from_an_organization_and_an_empty_account_everything_is_made_and_found_again",
    "permissions_boundary_condition": "owning::no_role_is_created_or_given_rights_without_the_boundary_in_hub_and_"
    "spoke",
    "organization_conditions": "owning::functions_assume_roles_in_accounts_of_the_organization_only",
    "service_control_policies": "limiting::a_service_control_policy_that_denies_a_call_is_named_and_its_end_is_enough",
    "closed_regions": "limiting::a_region_that_the_account_has_not_enabled_is_named_before_anything_is_written",
    "throttling": "limiting::throttled_calls_are_repeated_until_the_project_is_enabled_and_taken_down",
    "cloudtrail_events": "changing::a_change_is_reported_or_repaired_and_what_we_write_ourselves_starts_no_loop",
    "event_dead_letter_queues": "changing::what_cannot_be_delivered_or_handled_is_kept_with_its_reason",
    "cross_account_buses": "changing::a_key_in_another_account_that_is_about_to_go_is_reported_and_brought_back_where_"
    "that_is_wanted",
}

HEAD = """# The embedded cloud

`cargo demo`, `cargo local up` and the end-to-end tests run on [MiniStack](https://github.com/ministackorg/ministack),
with the patches below: where the engine is kinder than AWS, or lacks what atlas-cmk uses. Each patch has a probe that
observes the engine without any patch, without this one, and with all of them; `cargo test -p atlas-cmk-local --test
engine_patches` runs them. Where a test of atlas-cmk is known to fail without the patch, the last column names it;
`python3 local/engine/without.py` switches each of these patches off and runs its test. This page is generated from the
patches; `BLESS=1` rewrites it.

What is not modelled: policies of organizational units, resource control policies, suspended accounts, quotas of whole
accounts, `UpdatePrimaryRegion`, and what CloudFormation checks before it deploys (`.ci/templates/check.py` checks the
templates as they will be deployed).

| rule of AWS | source | the engine without the patch | probe | test of atlas-cmk |
| --- | --- | --- | --- | --- |
"""


def docstring(folder, name):
    """Return the docstring of a module."""
    return ast.get_docstring(ast.parse((FOLDER / folder / f"{name}.py").read_text()))


def one_line(text):
    """Return a text without line breaks, as a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")


def links(text):
    """Return sources with their addresses as links."""
    return re.sub(r"(\S.*?), (https://[^\s,]+)(?:, and |, )?", r"[\1](\2); ", text).rstrip("; ")


def is_deviation(name):
    """Whether a patch makes the engine as AWS is, and does not only help the tests."""
    return "This is no deviation" not in docstring("patches", name)


def probe(name):
    """Return what the probe of a patch does, with a link."""
    text = one_line(docstring("tests", f"test_{name}"))
    return f"{text} [`{name}`](../../local/engine/tests/test_{name}.py)"


def item(name):
    """Return the item of a patch that only helps the tests."""
    text = f"- {one_line(docstring('patches', name))} {probe(name)}"
    return textwrap.fill(text, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def row(name):
    """Return the row of a patch."""
    rule, deviation = docstring("patches", name).split("MiniStack 1.5.33 ", 1)
    rule, source = re.split(r"Sources?: ", rule, maxsplit=1)
    test = f"`{RELIED_ON[name]}`" if name in RELIED_ON else ""
    return f"| {one_line(rule)} | {links(one_line(source))} | {one_line(deviation)} | {probe(name)} | {test} |"


def page():
    """Return the page."""
    rows = [row(name) for name in PATCHES if is_deviation(name)]
    aids = [item(name) for name in PATCHES if not is_deviation(name)]
    return "\n".join([HEAD + "\n".join(rows), "", "These patches help the tests only:", "", *aids, ""])


if __name__ == "__main__":
    print(page(), end="")
