//! Events as AWS services put them on the bus, and what they start.
//!
//! `local/engine/patches/cloudtrail_events.py` emits the events that the engine itself does not: where a trail logs,
//! the calls of KMS and IAM that change something.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;

use crate::{
    Account, Cloud,
    deploy::{Stack, Template, deploy},
    workspace,
};

/// The organization that all accounts here are of.
pub const ORGANIZATION: &str = "o-abcde12345";

/// How long is waited for something to be started.
const PATIENCE: Duration = Duration::from_mins(1);

/// Puts an event on the default bus of an account, as the service that it is of would.
///
/// # Errors
/// If the engine refuses.
pub async fn put(account: &Account, event: &Value) -> Result<()> {
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let resources =
        event["resources"].as_array().into_iter().flatten().filter_map(|arn| arn.as_str().map(str::to_owned));
    let entry = PutEventsRequestEntry::builder()
        .source(text("source"))
        .detail_type(text("detail-type"))
        .detail(event["detail"].to_string())
        .set_resources(Some(resources.collect()))
        .build();
    let region = event["region"].as_str().unwrap_or(crate::account::REGION);
    let client = aws_sdk_eventbridge::Client::new(&account.sdk_config_in(region));
    let answer = client.put_events().entries(entry).send().await?;
    if answer.failed_entry_count != 0 {
        bail!("the bus refuses the event: {:?}", answer.entries);
    }
    Ok(())
}

/// Reports changes to keys and roles of an account, as the trail of an organization does.
///
/// # Errors
/// If the engine refuses.
pub async fn start_trail(account: &Account) -> Result<()> {
    let trail = aws_sdk_cloudtrail::Client::new(&account.sdk_config());
    trail.create_trail().name("trail").s3_bucket_name("trail").is_multi_region_trail(true).send().await?;
    trail.start_logging().name("trail").send().await?;
    Ok(())
}

/// Deploys infra/management.yaml in a management account, which forwards to the bus of the stack.
///
/// # Errors
/// If CloudFormation refuses.
pub async fn forward_from(cloud: &Cloud, management: &Account) -> Result<Stack> {
    let parameters = [("HubEventBusArn", cloud.stack.output("EventBusArn")?)];
    let template = Template {
        infra: &workspace::root().join("infra"),
        file: "management.yaml",
        packages: &[],
        parameters: &parameters,
        tags: &[],
    };
    deploy(management, "atlas-cmk-management", template).await
}

/// An execution: its name and its ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Execution {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// The executions of a state machine of the stack so far, by its output.
///
/// # Errors
/// If the engine refuses.
pub async fn executions(cloud: &Cloud, machine: &str) -> Result<Vec<Execution>> {
    let sfn = aws_sdk_sfn::Client::new(&cloud.stack.account.sdk_config());
    let listed = sfn.list_executions().state_machine_arn(cloud.stack.output(machine)?).into_paginator().items().send();
    let listed: Vec<_> = listed.collect::<std::result::Result<_, _>>().await?;
    Ok(listed.into_iter().map(|it| Execution { name: it.name, arn: it.execution_arn }).collect())
}

/// The first execution of a state machine that `is` one looked for, once there is one.
///
/// # Errors
/// If there is none within a minute.
pub async fn started(cloud: &Cloud, machine: &str, is: impl Fn(&Execution) -> bool) -> Result<Execution> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = executions(cloud, machine).await?.into_iter().find(&is) {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("nothing started {machine}; the engine's last words:\n{}", cloud.engine.log_tail())
}

/// The input of an execution.
///
/// # Errors
/// If the engine does not answer.
pub async fn input(cloud: &Cloud, execution: &Execution) -> Result<Value> {
    let sfn = aws_sdk_sfn::Client::new(&cloud.stack.account.sdk_config());
    let answer = sfn.describe_execution().execution_arn(&execution.arn).send().await?;
    Ok(serde_json::from_str(&answer.input.context("an execution without an input")?)?)
}
