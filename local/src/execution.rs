//! One execution: started, watched, and measured by its history.

mod definition;
mod happening;
mod measure;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde_json::{Value, json};

pub use happening::{Happening, Kind, State, What};
pub use measure::Measure;

use self::definition::Definition;
use crate::{Account, Cloud};

/// How many state machines were made besides those of stacks: each has a name of its own.
static DEFINED: AtomicU32 = AtomicU32::new(0);

/// No execution takes longer here, where waiting is compressed.
const LONGEST: Duration = Duration::from_mins(15);

/// The end of the name of a state that repeats another.
pub const AGAIN: &str = ", again";

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

/// Runs the state machine of an output of the stack to its end. `watch` gets what has happened since it was called
/// before, ten times a second, also if that is nothing.
///
/// # Errors
/// If the execution cannot be started or watched, or does not end. That it fails is not an error here.
pub async fn run(cloud: &Cloud, machine: &str, input: &Value, watch: impl FnMut(&[Happening])) -> Result<Run> {
    run_machine(cloud, cloud.stack.output(machine)?, input, watch).await
}

/// Makes a state machine besides those of the stack, with the role of one of them, by its output: a part of that one, or
/// one that invokes a single function. Its ARN.
///
/// # Errors
/// If the engine refuses.
async fn define(cloud: &Cloud, machine: &str, name: &str, definition: &Value) -> Result<String> {
    let sfn = aws_sdk_sfn::Client::new(&cloud.stack.account.sdk_config());
    let role = sfn.describe_state_machine().state_machine_arn(cloud.stack.output(machine)?).send().await?.role_arn;
    let made = sfn
        .create_state_machine()
        .name(format!("{}-{name}-{}", cloud.customer.stack, DEFINED.fetch_add(1, Ordering::Relaxed)))
        .definition(definition.to_string())
        .role_arn(role)
        .send()
        .await?;
    Ok(made.state_machine_arn)
}

/// Makes a state machine that is one of the stack, by its output, and ends after the state `last`: a run that died
/// there. Its ARN.
///
/// # Errors
/// If the engine refuses, or there is no such state.
pub async fn define_until(cloud: &Cloud, machine: &str, last: &str) -> Result<String> {
    define_with(cloud, machine, last, |state| {
        state.remove("Next");
        state.insert("End".to_owned(), json!(true));
    })
    .await
}

/// Makes a state machine that is one of the stack, by its output, with a changed state. Its ARN.
///
/// # Errors
/// If the engine refuses, or there is no such state.
pub async fn define_with(
    cloud: &Cloud,
    machine: &str,
    name: &str,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Result<String> {
    let mut definition = definition(cloud, machine).await?;
    let state = definition["States"][name].as_object_mut().with_context(|| format!("there is no state {name}"))?;
    change(state);
    define(cloud, machine, &format!("with-{name}"), &definition).await
}

/// Makes a state machine that is one of the stack, by its output, in which every Task, Map and Parallel on the top
/// level that `repeats` is followed by itself, under its name and [`AGAIN`]. Its ARN.
///
/// # Errors
/// If the engine refuses.
pub async fn define_repeating(cloud: &Cloud, machine: &str, repeats: impl Fn(&str) -> bool) -> Result<String> {
    let mut definition = definition(cloud, machine).await?;
    let states = definition["States"].as_object_mut().context("a definition has states")?;
    let acting = |(name, state): (&String, &Value)| {
        (["Task", "Map", "Parallel"].contains(&state["Type"].as_str()?) && repeats(name)).then(|| name.clone())
    };
    for name in states.iter().filter_map(acting).collect::<Vec<_>>() {
        let again = format!("{name}{AGAIN}");
        states.insert(again.clone(), states[&name].clone());
        let first = states[&name].as_object_mut().context("a state is an object")?;
        first.remove("End");
        first.insert("Next".to_owned(), json!(again));
        // The second one is to find what the first one found.
        first.insert("Output".to_owned(), json!("{% $states.input %}"));
    }
    define(cloud, machine, "repeating", &definition).await
}

async fn definition(cloud: &Cloud, machine: &str) -> Result<Value> {
    let sfn = aws_sdk_sfn::Client::new(&cloud.stack.account.sdk_config());
    let described = sfn.describe_state_machine().state_machine_arn(cloud.stack.output(machine)?).send().await?;
    Ok(serde_json::from_str(&described.definition)?)
}

/// Invokes a function of the stack by the name of its step. Whether it fails is in the run.
///
/// # Errors
/// As [`run`].
pub async fn invoke(cloud: &Cloud, step: &str, input: &Value) -> Result<Run> {
    let state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": format!("{}-{step}", cloud.customer.stack), "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": true,
    });
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "Invoke", "States": {"Invoke": state}});
    let machine = define(cloud, "EnableEncryptionArn", &format!("invoke-{step}"), &definition).await?;
    run_machine(cloud, &machine, input, |_| {}).await
}

/// Runs a state machine to its end, as [`run`] does.
///
/// # Errors
/// As [`run`].
pub async fn run_machine(
    cloud: &Cloud,
    machine_arn: &str,
    input: &Value,
    watch: impl FnMut(&[Happening]),
) -> Result<Run> {
    let sfn = aws_sdk_sfn::Client::new(&Account::sdk_config(&cloud.stack.account));
    let requests_before = cloud.simulator.requests().await?.len();
    let started = sfn
        .start_execution()
        .state_machine_arn(machine_arn)
        .input(input.to_string())
        .send()
        .await
        .map_err(|error| anyhow::anyhow!("the execution cannot be started: {}", error.into_service_error()))?;
    follow_since(cloud, started.execution_arn, requests_before, watch).await
}

/// Follows an execution that somebody else has started to its end, as [`run`] does. Requests to Atlas are counted from
/// now on.
///
/// # Errors
/// As [`run`].
pub async fn follow(cloud: &Cloud, arn: &str, watch: impl FnMut(&[Happening])) -> Result<Run> {
    let requests_before = cloud.simulator.requests().await?.len();
    follow_since(cloud, arn.to_owned(), requests_before, watch).await
}

/// At every how many-th look at an execution its history is read.
const LOOKS_AT_HISTORY: u32 = 4;

async fn follow_since(
    cloud: &Cloud,
    arn: String,
    requests_before: usize,
    mut watch: impl FnMut(&[Happening]),
) -> Result<Run> {
    let sfn = aws_sdk_sfn::Client::new(&Account::sdk_config(&cloud.stack.account));
    let began = Instant::now();
    let described = sfn.describe_state_machine_for_execution().execution_arn(&arn).send().await?;
    let definition = Definition::parse(&described.definition, &cloud.customer.stack)?;
    let (mut seen, mut looks) = (0, 0_u32);
    let (events, execution) = loop {
        // In this order: once the execution has ended, its history is complete.
        let execution = sfn.describe_execution().execution_arn(&arn).send().await?;
        let has_ended = execution.status != ExecutionStatus::Running;
        // A history is long, so that it is read less often.
        if has_ended || looks.is_multiple_of(LOOKS_AT_HISTORY) {
            let events = history(&sfn, &arn).await?;
            let news = events[seen..].iter().filter_map(|event| happening::of(event, &definition));
            watch(&news.collect::<Vec<_>>());
            seen = events.len();
            if has_ended {
                break (events, execution);
            }
        }
        looks += 1;
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
