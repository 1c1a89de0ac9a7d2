//! What the scenarios share: a cloud to play in, and an execution that is watched.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use anyhow::{Result, bail};
use atlas_cmk_local::{
    Cloud,
    cloud::TIME_SCALE,
    engine::{Engine, Options},
    execution::{self, Run},
    functions, progress, report,
    seed::Customer,
    simulator,
    watch::Watch,
    workspace,
};
use serde_json::{Value, json};

const ATLAS: simulator::Options = simulator::Options { port: None, time_scale: TIME_SCALE };

/// The folder of the release to deploy, if one was named.
pub(crate) static RELEASE: OnceLock<PathBuf> = OnceLock::new();

/// What a scenario comes to: its executions, and what they show or why they do not.
pub(crate) type Shown = (Vec<Run>, Result<String>);

/// A cloud with the stack deployed for a customer.
pub(crate) async fn set(customer: Customer) -> Result<Cloud> {
    progress::heading("The embedded cloud");
    let engine = Engine::start(Options { port: None, wait_scale: TIME_SCALE }).await?;
    let build = match RELEASE.get() {
        Some(folder) => functions::of_release(folder)?,
        None => functions::build().await?,
    };
    let cloud = Cloud::start(Arc::new(engine), &build, customer, ATLAS).await?;
    // As on AWS, where a role cannot be assumed for some seconds after it was made.
    cloud.simulator.behave(json!({"propagationSeconds": 15})).await?;
    progress::done(&format!("AWS on {}, Atlas on {}, stack deployed", cloud.engine.url(), cloud.simulator.url()));
    Ok(cloud)
}

/// A sample event.
pub(crate) fn event(name: &str) -> Result<Value> {
    Ok(serde_json::from_str(&workspace::read(&format!("events/{name}"))?)?)
}

/// Runs the state machine that enables, and shows what happens.
pub(crate) async fn run(cloud: &Cloud, input: &Value, title: &str) -> Result<Run> {
    run_machine(cloud, "EnableEncryptionArn", input, title).await
}

/// Runs a state machine of the stack, by its output, and shows what happens.
pub(crate) async fn run_machine(cloud: &Cloud, machine: &str, input: &Value, title: &str) -> Result<Run> {
    progress::heading(title);
    let mut watch = Watch::default();
    let run = execution::run(cloud, machine, input, |news| watch.show(news)).await?;
    show_ending(&run);
    Ok(run)
}

/// Invokes a function of the stack, and shows how it ends.
pub(crate) async fn invoke(cloud: &Cloud, step: &str, input: &Value, title: &str) -> Result<Run> {
    progress::heading(title);
    let run = execution::invoke(cloud, step, input).await?;
    show_ending(&run);
    Ok(run)
}

/// Follows an execution that somebody else has started, and shows what happens.
pub(crate) async fn follow(cloud: &Cloud, arn: &str) -> Result<Run> {
    let mut watch = Watch::default();
    let run = execution::follow(cloud, arn, |news| watch.show(news)).await?;
    show_ending(&run);
    Ok(run)
}

fn show_ending(run: &Run) {
    match &run.error {
        None => progress::done("succeeded"),
        Some(error) => {
            let cause = run.cause.as_deref().unwrap_or("no cause given");
            progress::failed(&format!("{error}: {}", report::cause(cause)));
            progress::detail(&format!("    {cause}"));
        }
    }
}

/// The output of a run that has to have succeeded.
pub(crate) fn output<'a>(name: &str, run: &'a Run) -> Result<&'a Value> {
    match &run.output {
        Some(output) => Ok(output),
        None => bail!("the {name} run failed"),
    }
}
