//! The checks: what AWS was never seen to accept. Each passes with what was seen, or fails with AWS's words.

use anyhow::{Context, Result, ensure};
use atlas_cmk::tags;
use atlas_cmk_local::{Account, account::words, deploy::Stack, progress, registry};
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};

use crate::Name;

/// A check, and how it went.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is checked, as a sentence that is true if it passes.
    pub what: &'static str,
    /// What was seen if it passed, or else why it failed.
    pub outcome: Result<String, String>,
}

impl Check {
    pub(crate) fn passed(what: &'static str, seen: String) -> Self {
        Self { what, outcome: Ok(seen) }
    }

    pub(crate) fn failed(what: &'static str, words: String) -> Self {
        Self { what, outcome: Err(words) }
    }

    fn of(what: &'static str, outcome: Result<String>) -> Self {
        Self { what, outcome: outcome.map_err(|error| format!("{error:#}")) }
    }
}

/// Writes a profile with placeholders, and reads it.
pub(crate) async fn profile(base: &Stack, stack: &Stack, name: &Name, organization: &str) -> Check {
    Check::of("a profile with placeholders is written", write_profile(base, stack, name, organization).await)
}

async fn write_profile(base: &Stack, stack: &Stack, name: &Name, organization: &str) -> Result<String> {
    let project = json!({"name": "{{ accountName }}-{{ accountId }}", "orgId": organization});
    let input = json!({
        "project": project,
        "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk/access",
        "key": {"alias": "alias/atlas-cmk"},
        "regions": ["{{ region }}"],
    });
    // No account has this tag.
    let profile = json!({"accountTags": {"atlas-cmk-smoke": name.stack()}, "input": input});
    let payload = json!({"name": name.stack(), "profile": profile});
    let function = format!("{}-put-profile", name.stack());
    execute(base, "InvokeStepArn", &json!({"function": function, "payload": payload})).await?;
    let stored =
        registry::item(stack, "profiles", name.stack()).await?.context("the profile is not in the registry")?;
    ensure!(stored["profile"]["input"]["project"] == project, "the registry has {stored}");
    Ok(format!("profile {name} has the placeholders"))
}

/// Enables encryption with a key that is made, and a replica of it, and compares the project with its registered state.
pub(crate) async fn enablement(stack: &Stack, name: &Name, organization: &str, replica_region: &str) -> [Check; 3] {
    let input = json!({
        "project": {"name": name.stack(), "orgId": organization},
        "roleArn": name.role_arn(&stack.account.id),
        "key": {"alias": name.alias()},
        "regions": [stack.account.region(), replica_region],
    });
    let run = execute(stack, "EnableEncryptionArn", &input).await;
    let words = |run: &Result<Value>| run.as_ref().err().map(|error| anyhow::anyhow!("{error:#}"));
    let replica = match words(&run) {
        None => replica_of(stack, name, replica_region).await,
        Some(error) => Err(error),
    };
    let tags = match &replica {
        Ok(arn) => tags_of(stack, arn, replica_region).await,
        Err(error) => Err(anyhow::anyhow!("not tried, since there is no replica: {error:#}")),
    };
    let nested = match &run {
        Ok(output) => compare(stack, &output["projectId"]).await,
        Err(_) => Err(anyhow::anyhow!("not tried, since encryption was not enabled")),
    };
    [
        Check::of("a key of the hub's account gets a replica", replica),
        Check::of("the new replica is tagged", tags),
        Check::of("a state machine starts another and reads its output", nested),
    ]
}

async fn replica_of(stack: &Stack, name: &Name, region: &str) -> Result<String> {
    let kms = aws_sdk_kms::Client::new(&stack.account.sdk_config());
    let key = kms.describe_key().key_id(name.alias()).send().await;
    let key = key.map_err(|error| words("kms:DescribeKey", &error))?;
    let copies = key.key_metadata().and_then(|it| it.multi_region_configuration()).context("the key has one region")?;
    let replica = copies.replica_keys().iter().find(|it| it.region() == Some(region));
    Ok(replica.and_then(|it| it.arn()).with_context(|| format!("no replica in {region}"))?.to_owned())
}

async fn tags_of(stack: &Stack, replica: &str, region: &str) -> Result<String> {
    let kms = aws_sdk_kms::Client::new(&stack.account.sdk_config_in(region));
    let answer = kms.list_resource_tags().key_id(replica).send().await;
    let answer = answer.map_err(|error| words("kms:ListResourceTags", &error))?;
    let keys: Vec<&str> = answer.tags().iter().map(aws_sdk_kms::types::Tag::tag_key).collect();
    let has_all = keys.contains(&tags::MANAGED_BY) && keys.iter().any(|key| key.starts_with(tags::PROJECT));
    ensure!(has_all, "{replica} has the tags {keys:?}");
    Ok(format!("{replica} has the tags {keys:?}"))
}

async fn compare(stack: &Stack, project: &Value) -> Result<String> {
    let output = execute(stack, "ReconcileProjectArn", &json!({"projectId": project})).await?;
    ensure!(output["state"] == "matching", "the project is not as it is registered: {output}");
    Ok("reconcile-project found the project matching".to_owned())
}

/// Runs a state machine, by its output of the stack, to its end. Its output.
///
/// # Errors
/// The error and the cause that it fails with.
pub(crate) async fn execute(stack: &Stack, machine: &str, input: &Value) -> Result<Value> {
    let sfn = aws_sdk_sfn::Client::new(&stack.account.sdk_config());
    let start = sfn.start_execution().state_machine_arn(stack.output(machine)?).input(input.to_string());
    let started = start.send().await;
    let started = started.map_err(|error| words("states:StartExecution", &error))?;
    progress::detail(&format!("execution {}", started.execution_arn));
    let execution = ended(&stack.account, &started.execution_arn).await?;
    ensure!(
        execution.status == ExecutionStatus::Succeeded,
        "{}: {} {}",
        execution.status,
        execution.error.unwrap_or_default(),
        execution.cause.unwrap_or_default(),
    );
    Ok(serde_json::from_str(execution.output.as_deref().unwrap_or("null"))?)
}

async fn ended(
    account: &Account,
    arn: &str,
) -> Result<aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput> {
    let sfn = aws_sdk_sfn::Client::new(&account.sdk_config());
    loop {
        let execution = sfn.describe_execution().execution_arn(arn).send().await?;
        if execution.status != ExecutionStatus::Running {
            return Ok(execution);
        }
        tokio::time::sleep(account.pace()).await;
    }
}
