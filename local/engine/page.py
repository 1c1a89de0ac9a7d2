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
    "table_policies": "forging::nobody_else_writes_an_item_whatever_he_may_do_in_the_account",
    "leading_keys_condition": "forging::each_function_writes_its_own_kinds_of_items_and_no_other",
    "event_pattern_size": "refusing::more_secrets_than_an_event_pattern_has_room_for_are_not_deployed",
    "primary_regions": "keys::a_key_whose_primary_has_moved_is_still_matching_and_gets_more_replicas_from_there",
    "permission_source_arns": "refusing::a_template_that_lets_topics_of_any_region_invoke_a_function_is_not_deployed",
    "choice_conditions": "refusing::a_condition_that_is_no_boolean_fails_the_run",
    "execution_limits": "refusing::the_longest_name_of_an_execution_leaves_room_for_that_of_its_repair",
    "encrypted_histories": "histories::a_history_under_a_key_is_read_by_whoever_may_use_the_key",
    "state_machine_roles": "refusing::a_state_machine_does_only_what_its_role_allows",
    "lockout_check": "refusing::a_key_that_its_creator_could_not_change_is_not_created",
    "key_quotas": "refusing::a_key_with_fifty_tags_is_named_before_anything_is_written",
    "replica_states": "refusing::a_replica_that_kms_is_still_creating_is_waited_for",
    "denied_others": "refusing::a_key_policy_that_denies_everybody_but_its_administrator_is_reported",
    "role_quotas": "refusing::a_role_whose_inline_policies_leave_no_room_is_named",
    "principals_of_policies": "refusing::a_statement_that_names_a_role_to_come_is_refused_and_ours_is_not",
    "function_arn_condition": "refusing::an_execution_role_can_be_bound_to_its_function",
    "cross_account_buckets": "enabling::without_regions_no_private_networking_is_asked_for",
    "metric_math_alarms": "enabling::without_regions_no_private_networking_is_asked_for",
    "regional_names": "deploying::stacks_of_two_names_and_of_two_regions_do_their_work_in_one_account",
    "task_token_timeouts": "approving::without_an_answer_everything_stays_as_it_was",
    "task_token_failures": "approving::where_nobody_can_be_asked_the_run_fails_at_once_and_everything_stays_as_it_was",
    "distributed_maps": "sweeping::a_sweep_reports_what_nobody_waits_for_any_more",
    "secret_policies": "token_cache::nobody_but_the_functions_reads_the_token_or_plants_one_and_it_goes_with_the_stack",
    "tags_of_keys": "limiting::no_right_on_a_new_key_waits_for_its_tags_to_count",
    "service_principals": "diagnosing::a_trust_statement_that_somebody_removes_meanwhile_is_missed",
    "deleted_principals": "keys::a_statement_of_ours_that_names_a_role_which_is_gone_is_repaired",
    "key_alias_resources": "keys::from_an_organization_and_an_empty_account_everything_is_made_and_found_again",
    "organizations_resources": "vending::an_account_that_no_event_reported_is_found_by_the_next_sweep",
    "policy_simulation_resources": "diagnosing::an_action_that_somebody_takes_from_the_role_meanwhile_is_named",
    "function_urls": "approving::by_default_the_plan_is_carried_out_after_somebody_has_approved_it_and_his_name_is"
    "_everywhere",
    "role_paths": "owning::no_role_is_created_or_given_rights_without_the_boundary_in_hub_and_spoke",
    "principal_tags_condition": "forging::each_function_writes_its_own_kinds_of_items_and_no_other",
    "creation_resources": "accessing::an_access_is_set_up_tried_and_taken_down_until_both_accounts_are_as_they_were",
    "policy_arn_condition": "accessing::where_the_source_role_lets_nobody_in_both_sides_are_read",
    "policy_tags_condition": "accessing::an_access_is_set_up_tried_and_taken_down_until_both_accounts_are_as_they_were",
    "principal_arn_condition": "across_accounts::role_and_key_may_live_in_another_account_than_the_functions",
    "secure_transport_condition": "changing::what_cannot_be_delivered_or_handled_is_kept_with_its_reason",
    "permissions_boundary_condition": "owning::no_role_is_created_or_given_rights_without_the_boundary_in_hub_an"
    "d_spoke",
    "caller_account_condition": "keys::from_an_organization_and_an_empty_account_everything_is_made_and_found_again",
    "organization_conditions": "owning::functions_assume_roles_in_accounts_of_the_organization_only",
    "simulation_context": "permissions::what_the_role_in_the_other_account_may_not_do_is_found_before_anything_i"
    "s_written",
    "suspended_accounts": "limiting::an_account_that_was_closed_is_named_as_out_of_reach",
    "organization_policies": "limiting::a_service_control_policy_that_denies_a_call_is_named_and_its_end_is_enough",
    "closed_regions": "limiting::a_region_that_the_account_has_not_enabled_is_named_before_anything_is_written",
    "retry_delays": "owing::a_vended_account_without_its_spoke_is_owed_its_keys_and_gets_them_when_it_has_one",
    "template_conditions": "deploying::empty_lists_deploy_nothing_of_what_they_are_for",
    "parameter_values": "refusing::a_profile_that_parameter_store_would_refuse_is_kept_in_the_registry",
    "parameter_limits": "refusing::a_profile_that_parameter_store_would_refuse_is_kept_in_the_registry",
    "throttling": "limiting::throttled_calls_are_repeated_until_the_project_is_enabled_and_taken_down",
    "aws_event_sources": "vending::every_event_of_a_vending_pipeline_starts_what_it_should_and_no_other_does_any_harm",
    "bus_policies": "listening::the_bus_takes_what_aws_reports_and_nothing_that_a_member_makes_up",
    "cross_account_buses": "listening::the_bus_takes_what_aws_reports_and_nothing_that_a_member_makes_up",
    "asynchronous_event_targets": "changing::what_cannot_be_delivered_or_handled_is_kept_with_its_reason",
    "event_dead_letter_queues": "changing::what_cannot_be_delivered_or_handled_is_kept_with_its_reason",
    "cloudtrail_events": "changing::a_change_is_reported_or_repaired_and_what_we_write_ourselves_starts_no_loop",
}

# Patches that only help the tests: atlas-cmk does not notice the rule, so no test of it can rely on it.
AIDS = {"concurrent_sessions", "deleted_functions", "recorded_authorizations"}

# Rules that make no difference to atlas-cmk, which behaves the same with and without them, and why.
UNNOTICED = {
    "nested_executions": "none: reconcile-project reports the same reason in both shapes",
}

HEAD = """# The embedded cloud

`cargo demo`, `cargo local up` and the end-to-end tests run on [MiniStack](https://github.com/ministackorg/ministack),
with the patches below: where the engine is kinder than AWS, or lacks what atlas-cmk uses. Each patch has a probe that
observes the engine without any patch, without this one, and with all of them; `cargo test -p atlas-cmk-local --test
engine_patches` runs them. The last column names a test of atlas-cmk that fails without the patch;
`python3 local/engine/without.py` switches each of these patches off and runs its test. This page is generated from the
patches; `BLESS=1` rewrites it. Plain bugs are offered to MiniStack as [patches](upstream/README.md).

What is not modelled: policies of organizational units, quotas of whole accounts (roles, keys, state machines), calls
other than sts:AssumeRole in a suspended account, and what CloudFormation checks before it deploys
(`.ci/templates/check.py` checks the templates as they will be deployed). What AWS was never seen to accept is checked
by `cargo smoke`.

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
    return name not in AIDS and "This is no deviation" not in docstring("patches", name)


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
    test = UNNOTICED.get(name) or f"`{RELIED_ON[name]}`"
    return f"| {one_line(rule)} | {links(one_line(source))} | {one_line(deviation)} | {probe(name)} | {test} |"


def page():
    """Return the page."""
    rows = [row(name) for name in PATCHES if is_deviation(name)]
    aids = [item(name) for name in PATCHES if not is_deviation(name)]
    return "\n".join([HEAD + "\n".join(rows), "", "These patches help the tests only:", "", *aids, ""])


if __name__ == "__main__":
    print(page(), end="")
