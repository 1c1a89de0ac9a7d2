"""The patches of MiniStack 1.5.33, one per module. Each module has a function `apply`."""

import importlib

# In the order in which they are applied. A later patch wraps what an earlier one has put in place. Two depend on that:
# event_dead_letter_queues wraps the deliveries that the patches before it define, and simulation_context comes last of
# the patches of condition keys, because the context of a simulation has precedence over that of the request.
PATCHES = (
    # STS, S3, Lambda
    "concurrent_sessions",
    "cross_account_buckets",
    "deleted_functions",
    "function_urls",
    "recorded_authorizations",
    "permission_source_arns",
    # CloudFormation
    "template_parser",
    "template_conditions",
    "metric_math_alarms",
    "regional_names",
    # Step Functions
    "task_token_timeouts",
    "task_token_failures",
    "distributed_maps",
    "choice_conditions",
    "execution_limits",
    "retry_delays",
    "nested_executions",
    "state_machine_roles",
    "encrypted_histories",
    # KMS, Organizations, Secrets Manager, Parameter Store
    "key_ids_by_tag",
    "lockout_check",
    "joined_timestamps_by_tag",
    "secret_policies",
    "parameter_values",
    "parameter_limits",
    "key_quotas",
    "replica_states",
    "primary_regions",
    "tags_of_keys",
    # DynamoDB
    "table_policies",
    "leading_keys_condition",
    # IAM
    "denied_others",
    "service_principals",
    "role_quotas",
    "principals_of_policies",
    "deleted_principals",
    # The resource that a call is authorized on
    "key_alias_resources",
    "organizations_resources",
    "policy_simulation_resources",
    "creation_resources",
    "role_paths",
    # Condition keys
    "policy_arn_condition",
    "policy_tags_condition",
    "principal_arn_condition",
    "secure_transport_condition",
    "permissions_boundary_condition",
    "caller_account_condition",
    "function_arn_condition",
    "principal_tags_condition",
    "organization_conditions",
    "simulation_context",
    "organization_policies",
    "suspended_accounts",
    "closed_regions",
    "throttling",
    # EventBridge, CloudTrail
    "aws_event_sources",
    "event_pattern_size",
    "bus_policies",
    "cross_account_buses",
    "asynchronous_event_targets",
    "event_dead_letter_queues",
    "cloudtrail_events",
)


def apply(selected):
    """Apply patches by their names, in the order given."""
    for name in selected:
        importlib.import_module(f"{__name__}.{name}").apply()
