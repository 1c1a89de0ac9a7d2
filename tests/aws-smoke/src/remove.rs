//! Removes what a smoke test has made: by its name, from the outside in, and as often as it takes. The stack with what
//! the test needs besides is created first and deleted last, so that whatever is left is found by it.

use anyhow::{Context, Result};
use atlas_cmk::{ids::KeyAlias, tags};
use atlas_cmk_local::{
    Account,
    deploy::{Bucket, Stack},
    progress, registry,
};
use aws_sdk_kms::{
    error::ProvideErrorMetadata,
    types::{KeyState, MultiRegionConfiguration},
};
use aws_sdk_sfn::types::ExecutionStatus;
use jiff::Timestamp;
use serde_json::json;

use crate::{Name, checks::execute, run::EXPIRES};

/// The state machines that may be at work.
const MACHINES: [&str; 3] = ["ReconcileProjectArn", "EnableEncryptionArn", "DisableEncryptionArn"];

/// The error of KMS for a call that is not allowed.
const ACCESS_DENIED: &str = "AccessDeniedException";

/// KMS deletes no key sooner.
const DAYS: i32 = 7;

/// The smoke tests of an account and a region of which something is left, each with whether it has to be over by now.
///
/// # Errors
/// If CloudFormation refuses.
pub async fn left(account: &Account) -> Result<Vec<(Name, bool)>> {
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    let stacks = cloudformation.describe_stacks().into_paginator().items().send().try_collect().await?;
    let smoke = stacks.iter().filter_map(|stack| {
        let name = stack.stack_name()?.strip_suffix("-base")?.parse().ok()?;
        let expires = stack.tags().iter().find(|tag| tag.key() == Some(EXPIRES))?.value()?.parse::<Timestamp>().ok()?;
        Some((name, expires < Timestamp::now()))
    });
    Ok(smoke.collect())
}

/// Removes everything that a smoke test has made. What is kept for a while or for good, and what that costs.
///
/// A project is taken down before its role and key go. If that fails, nothing more is removed.
///
/// # Errors
/// If something cannot be removed.
pub async fn remove(account: &Account, name: &Name) -> Result<Vec<String>> {
    let mut kept = Vec::new();
    if let Some(stack) = Stack::find(account, name.stack()).await? {
        stop_executions(&stack).await?;
        take_down(&stack, name).await?;
        kept.push(format!("Atlas project {name}, if it was created: it is empty and free; delete it in Atlas"));
        progress::detail(&format!("stack {name}"));
        stack.delete_and_wait(name.stack()).await?;
    }
    delete_registry(account, name).await?;
    delete_role(account, name).await?;
    delete_boundary(account, name).await?;
    kept.extend(delete_key(account, name).await?);
    if let Some(base) = Stack::find(account, &name.base()).await? {
        progress::detail(&format!("stack {}", name.base()));
        // If its creation has failed, there may be no bucket.
        let emptied = Bucket::of(account, &name.bucket(&account.id)).empty().await;
        base.delete_and_wait(&name.base()).await?;
        emptied.or_else(|error| if base.outputs.is_empty() { Ok(()) } else { Err(error) })?;
    }
    Ok(kept)
}

/// A run that nobody waits for any more would go on.
async fn stop_executions(stack: &Stack) -> Result<()> {
    let sfn = aws_sdk_sfn::Client::new(&stack.account.sdk_config());
    for machine in MACHINES {
        // A stack whose creation has failed has no outputs, and has run nothing.
        let Ok(machine) = stack.output(machine) else { continue };
        let running = sfn.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
        for execution in running.into_paginator().items().send().try_collect().await? {
            progress::detail(&format!("stopping {}", execution.execution_arn));
            sfn.stop_execution().execution_arn(&execution.execution_arn).cause("the smoke test ends").send().await?;
        }
    }
    Ok(())
}

/// Takes the projects down that are registered: they are all of this test.
async fn take_down(stack: &Stack, name: &Name) -> Result<()> {
    // A stack whose creation has failed has no registry.
    if stack.output("RegistryName").is_err() {
        return Ok(());
    }
    for listed in registry::items(stack, "projects").await? {
        let id = listed["projectId"].as_str().context("an index names its projects")?;
        let project = registry::project(stack, id).await?.unwrap_or_default();
        if project["current"].is_null() && project["intended"].is_null() {
            continue;
        }
        progress::detail(&format!("taking project {id} down"));
        execute(stack, "DisableEncryptionArn", &json!({"projectId": id, "scope": "role"}))
            .await
            .with_context(|| format!("project {id} cannot be taken down, so role and key of {name} stay"))?;
    }
    Ok(())
}

/// The registry outlives its stack. That of a test does not.
async fn delete_registry(account: &Account, name: &Name) -> Result<()> {
    let client = aws_sdk_dynamodb::Client::new(&account.sdk_config());
    let table = name.registry();
    if let Err(error) = client.describe_table().table_name(&table).send().await {
        let error = error.into_service_error();
        return if error.is_resource_not_found_exception() { Ok(()) } else { Err(error.into()) };
    }
    client.update_table().table_name(&table).deletion_protection_enabled(false).send().await?;
    client.delete_table().table_name(&table).send().await?;
    Ok(())
}

/// Taking the project down deletes the role. A run that ended before the project was registered leaves it.
async fn delete_role(account: &Account, name: &Name) -> Result<()> {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let policies = match iam.list_role_policies().role_name(name.stack()).send().await {
        Ok(policies) => policies,
        Err(error) => {
            let error = error.into_service_error();
            return if error.is_no_such_entity_exception() { Ok(()) } else { Err(error.into()) };
        }
    };
    for policy in policies.policy_names() {
        iam.delete_role_policy().role_name(name.stack()).policy_name(policy).send().await?;
    }
    iam.delete_role().role_name(name.stack()).send().await?;
    Ok(())
}

/// The boundary of access roles outlives its stack, whose roles of Atlas may outlive it, too. Those of a test do not.
async fn delete_boundary(account: &Account, name: &Name) -> Result<()> {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let policies = iam.list_policies().path_prefix(format!("/stacks/{name}/")).send().await?;
    for policy in policies.policies() {
        iam.delete_policy().policy_arn(policy.arn().context("a policy has an ARN")?).send().await?;
    }
    Ok(())
}

/// Schedules the deletion of the key and its replicas. A key without its alias is found by its tags.
async fn delete_key(account: &Account, name: &Name) -> Result<Vec<String>> {
    let kms = aws_sdk_kms::Client::new(&account.sdk_config());
    let alias: KeyAlias = name.alias().parse()?;
    let wanted = [tags::ours(), tags::for_alias(&alias)];
    let mut kept = Vec::new();
    for key in kms.list_keys().into_paginator().items().send().try_collect().await? {
        let arn = key.key_arn().context("a key has an ARN")?;
        // Keys that we may not look at are those of others.
        let key = match kms.describe_key().key_id(arn).send().await {
            Err(error) if error.code() == Some(ACCESS_DENIED) => continue,
            answer => answer?.key_metadata.context("a key has metadata")?,
        };
        // Replicas of keys of other regions, and those that are on their way out.
        let is_primary = key
            .multi_region_configuration()
            .is_some_and(|it| it.primary_key().and_then(|it| it.region()) == Some(account.region()));
        if !is_primary || key.key_state() != Some(&KeyState::Enabled) {
            continue;
        }
        let tags = match kms.list_resource_tags().key_id(arn).send().await {
            Err(error) if error.code() == Some(ACCESS_DENIED) => continue,
            answer => answer?,
        };
        let has = |(key, value): &(String, String)| {
            tags.tags().iter().any(|tag| tag.tag_key() == key && tag.tag_value() == value)
        };
        if wanted.iter().all(has) {
            schedule_deletion(account, &key).await?;
            kept.push(format!(
                "KMS key {arn} and its replicas: deleted in {DAYS} days; a key costs 1 USD a month, by the hour, until \
                 its deletion is scheduled, and nothing after that"
            ));
        }
    }
    // An alias of its own would keep the next test of this name from making one.
    match kms
        .delete_alias()
        .alias_name(name.alias())
        .send()
        .await
        .map_err(aws_sdk_kms::error::SdkError::into_service_error)
    {
        Err(error) if !error.is_not_found_exception() => Err(error.into()),
        _ => Ok(kept),
    }
}

/// Replicas first: a primary waits for them.
async fn schedule_deletion(account: &Account, key: &aws_sdk_kms::types::KeyMetadata) -> Result<()> {
    let replicas = key.multi_region_configuration().map(MultiRegionConfiguration::replica_keys).unwrap_or_default();
    let primary = (key.arn(), Some(account.region()));
    for (arn, region) in replicas.iter().map(|it| (it.arn(), it.region())).chain([primary]) {
        let (arn, region) = arn.zip(region).context("a key has an ARN and a region")?;
        progress::detail(&format!("key {arn}"));
        let kms = aws_sdk_kms::Client::new(&account.sdk_config_in(region));
        kms.schedule_key_deletion().key_id(arn).pending_window_in_days(DAYS).send().await?;
    }
    Ok(())
}
