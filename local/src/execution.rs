//! One execution: started, watched, and measured by its history.

mod history;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde_json::Value;

pub use history::{Happening, Measure};

use crate::{Account, Cloud};

/// No execution takes longer here, where waiting is compressed.
const LONGEST: Duration = Duration::from_mins(15);

/// How an execution ended, and what it took.
#[derive(Debug, Clone)]
pub struct Run {
    /// The ARN of the execution.
    pub arn: String,
    /// What it answered, if it succeeded.
    pub output: Option<Value>,
    /// The name it failed with, if it did.
    pub error: Option<String>,
    /// Why it failed.
    pub cause: Option<String>,
    /// The requests Atlas got meanwhile, authentication included.
    pub atlas_requests: usize,
    /// State transitions, time spent working, and time spent waiting.
    pub measure: Measure,
}

impl Run {
    /// The changes its output lists.
    pub fn changes(&self) -> &[Value] {
        let changes = self.output.as_ref().and_then(|output| output["changes"].as_array());
        changes.map(Vec::as_slice).unwrap_or_default()
    }
}

/// Runs the state machine of an output of the stack to its end, and tells `watch` what happens on the way.
///
/// # Errors
/// If the execution cannot be started or watched, or does not end. That it fails is not an error here.
pub async fn run(cloud: &Cloud, machine: &str, input: &Value, mut watch: impl FnMut(&Happening)) -> Result<Run> {
    let sfn = aws_sdk_sfn::Client::new(&Account::sdk_config(&cloud.stack.account));
    let requests_before = cloud.simulator.requests().await?.len();
    let started = sfn
        .start_execution()
        .state_machine_arn(cloud.stack.output(machine)?)
        .input(input.to_string())
        .send()
        .await
        .map_err(|error| anyhow::anyhow!("the execution cannot be started: {}", error.into_service_error()))?;
    let arn = started.execution_arn;

    let began = Instant::now();
    let mut told = 0;
    let (events, execution) = loop {
        // In this order: once the execution has ended, its history is complete.
        let execution = sfn.describe_execution().execution_arn(&arn).send().await?;
        let events = history(&sfn, &arn).await?;
        events[told..].iter().filter_map(history::happening).for_each(|happening| watch(&happening));
        told = events.len();
        if execution.status != ExecutionStatus::Running {
            break (events, execution);
        }
        if began.elapsed() > LONGEST {
            bail!("the execution {arn} does not end; the engine's last words:\n{}", cloud.engine.log_tail());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let succeeded = execution.status == ExecutionStatus::Succeeded;
    let output = execution.output.filter(|_| succeeded).map(|text| serde_json::from_str(&text));
    Ok(Run {
        arn,
        output: output.transpose().context("the execution's output is no JSON")?,
        error: execution.error,
        cause: execution.cause,
        atlas_requests: cloud.simulator.requests().await?.len() - requests_before,
        measure: Measure::of(&events),
    })
}

async fn history(sfn: &aws_sdk_sfn::Client, arn: &str) -> Result<Vec<HistoryEvent>> {
    let pages = sfn.get_execution_history().execution_arn(arn).max_results(1000).into_paginator().items().send();
    Ok(pages.collect::<Result<_, _>>().await?)
}
