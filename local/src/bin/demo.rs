//! `cargo demo`: the main job, end to end, on this machine.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

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
use clap::Parser;
use serde_json::{Value, json};

const ATLAS: simulator::Options = simulator::Options { port: None, time_scale: TIME_SCALE };

/// Gives an Atlas project its customer-managed key over private endpoints, on an embedded cloud.
#[derive(Parser)]
#[command(name = "cargo demo --")]
struct Arguments {
    /// Also write outputs and numbers of every execution to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let demo = async {
        tokio::select! {
            result = demo(Arguments::parse()) => result,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    };
    match demo.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn demo(arguments: Arguments) -> Result<()> {
    progress::heading("The embedded cloud");
    let engine = Engine::start(Options { port: None, wait_scale: TIME_SCALE }).await?;
    let packages = functions::build().await?;
    let cloud = Cloud::start(Arc::new(engine), &packages, Customer::of_the_samples(), ATLAS).await?;
    // As on AWS, where a role cannot be assumed for some seconds after it was made.
    cloud.simulator.behave(json!({"propagationSeconds": 15})).await?;
    progress::done(&format!("AWS on {}, Atlas on {}, stack deployed", cloud.engine.url(), cloud.simulator.url()));

    let input: Value = serde_json::from_str(&workspace::read("events/manual-enable.json")?)?;
    let first = enable(&cloud, &input, "First run: enable encryption as events/manual-enable.json asks").await?;
    let second = enable(&cloud, &input, "Second run: the same again").await?;

    progress::heading("Summary");
    progress::result("The first run changed:");
    progress::result(&report::changes(&first));
    progress::result("The second run changed:");
    progress::result(&report::changes(&second));
    progress::result(&report::numbers(&[("first run", &first), ("second run", &second)]));
    progress::result("Waiting is compressed a hundredfold here: a second of it is 100 seconds on AWS.");
    let runs = [first, second];
    if let Some(path) = &arguments.json {
        report::write_json(path, &runs)?;
        progress::done(&format!("written to {}", path.display()));
    }
    judge(&runs)
}

async fn enable(cloud: &Cloud, input: &Value, title: &str) -> Result<Run> {
    progress::heading(title);
    let mut watch = Watch::default();
    let run = execution::run(cloud, "EnableEncryptionArn", input, |happening| watch.tell(happening)).await?;
    match &run.error {
        None => progress::done("succeeded"),
        Some(error) => progress::failed(&format!("{error}: {}", run.cause.as_deref().unwrap_or("no cause given"))),
    }
    Ok(run)
}

/// Both must have ended as they should: enabled, and the second without a change.
fn judge([first, second]: &[Run; 2]) -> Result<()> {
    for (name, run) in [("first", first), ("second", second)] {
        let Some(output) = &run.output else { bail!("the {name} run failed") };
        if output["valid"] != true {
            bail!("after the {name} run Atlas cannot use the key");
        }
    }
    if first.changes().is_empty() {
        bail!("the first run should have changed something");
    }
    if !second.changes().is_empty() {
        bail!("the second run should have changed nothing");
    }
    progress::done("the project can use its own key over private endpoints, and running again changes nothing");
    Ok(())
}
