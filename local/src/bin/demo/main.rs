//! `cargo demo`: the main job, end to end, on this machine.

mod access;
mod bare;
mod enable;
mod guard;
mod lifecycle;
mod plan;
mod stage;
mod vend;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use atlas_cmk_local::{progress, report};
use clap::{Parser, ValueEnum};

/// Gives an Atlas project its customer-managed key over private endpoints, on an embedded cloud.
#[derive(Parser)]
#[command(name = "cargo demo --")]
struct Arguments {
    /// What to show.
    #[arg(long, value_enum, default_value_t = Scenario::Enable)]
    scenario: Scenario,
    /// Also write outputs and numbers of every execution to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Deploy the release in this folder, made by `cargo xtask release`, and build nothing.
    #[arg(long, value_name = "FOLDER")]
    release: Option<PathBuf>,
    /// Also show the states that the state machines enter, and the full text of every error.
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// A project and a key that are there: enabled, and the same again.
    Enable,
    /// An Atlas organization and an empty second account, and nothing else: project, key, replicas, role, endpoints and
    /// clusters.
    Bare,
    /// What enabling would change, and nothing of it done.
    Plan,
    /// Enabled, a region more, a region less, described, and disabled until everything is as it was.
    Lifecycle,
    /// A role that assumes another across accounts under an external ID: set up, tried, and removed.
    CrossAccount,
    /// Control Tower creates an account, and its event starts the enablement.
    Vend,
    /// Someone schedules the deletion of a key that a project needs.
    Guard,
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
    if arguments.verbose {
        progress::show_details();
    }
    if let Some(folder) = &arguments.release {
        stage::RELEASE.get_or_init(|| folder.clone());
    }
    let (runs, verdict) = match arguments.scenario {
        Scenario::Enable => enable::show().await?,
        Scenario::Bare => bare::show().await?,
        Scenario::Plan => plan::show().await?,
        Scenario::Lifecycle => lifecycle::show().await?,
        Scenario::CrossAccount => access::show().await?,
        Scenario::Vend => vend::show().await?,
        Scenario::Guard => guard::show().await?,
    };
    if let Some(path) = &arguments.json {
        report::write_json(path, &runs)?;
        progress::done(&format!("written to {}", path.display()));
    }
    progress::done(&verdict?);
    Ok(())
}
