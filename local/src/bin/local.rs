//! `cargo local up`: the embedded cloud, up until Ctrl-C.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use atlas_cmk_local::{
    Cloud,
    account::REGION,
    cloud::TIME_SCALE,
    engine::{Engine, Options},
    functions, port, progress,
    seed::Customer,
    simulator,
};
use clap::{Parser, Subcommand};

/// The embedded cloud of atlas-cmk: AWS and Atlas on this machine.
#[derive(Parser)]
#[command(name = "cargo local")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts AWS and Atlas, seeds an account and a project, deploys the stack, and stays until Ctrl-C.
    Up {
        /// The port of AWS.
        #[arg(long, default_value_t = 4566)]
        port: u16,
        /// The port of Atlas.
        #[arg(long, default_value_t = 4567)]
        atlas_port: u16,
        /// What a second of waiting takes: 0.01 makes 100 seconds pass in one.
        #[arg(long, default_value_t = TIME_SCALE)]
        time_scale: f64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Up { port, atlas_port, time_scale } = Arguments::parse().command;
    let result = tokio::select! {
        result = up(port, atlas_port, time_scale) => result,
        () = interrupted() => {
            progress::done("stopped; nothing is left behind");
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn up(port: u16, atlas_port: u16, time_scale: f64) -> Result<()> {
    port::require_free(atlas_port, "--atlas-port")?;
    let engine = Engine::start(Options { port: Some(port), wait_scale: time_scale }).await?;
    let build = functions::build().await?;
    let atlas = simulator::Options { port: Some(atlas_port), time_scale };
    let cloud = Cloud::start(Arc::new(engine), &build, Customer::of_the_samples(), atlas).await?;
    progress::done("up; Ctrl-C stops it");
    writeln!(std::io::stdout(), "{}", instructions(&cloud)?)?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Some(status) = cloud.engine.ended() {
            bail!("the engine has ended by itself ({status}); its last words:\n{}", cloud.engine.log_tail());
        }
    }
}

/// Ready to be pasted.
fn instructions(cloud: &Cloud) -> Result<String> {
    let (aws, atlas, customer) = (cloud.engine.url(), cloud.simulator.url(), &cloud.customer);
    let machine = cloud.stack.output("EnableEncryptionArn")?;
    let (public_key, private_key) = (&customer.secret["publicKey"], &customer.secret["privateKey"]);
    let (public_key, private_key) = (public_key.as_str().unwrap_or_default(), private_key.as_str().unwrap_or_default());
    Ok(format!(
        "
AWS    {aws}   account {account}, region {REGION}
Atlas  {atlas}   project {project}

# AWS CLI and every AWS SDK:
export AWS_ENDPOINT_URL={aws} AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}
export AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=local; unset AWS_SESSION_TOKEN AWS_PROFILE

# Start the job, from the root of the repository, and look at it:
aws stepfunctions start-execution --state-machine-arn {machine} --input file://events/manual-enable.json
aws stepfunctions list-executions --state-machine-arn {machine}

# Atlas, with curl, the Atlas CLI and Terraform:
curl --user {public_key}:{private_key} --digest -H 'Accept: application/vnd.atlas.2023-01-01+json' \\
  {atlas}/api/atlas/v2/groups/{project}/encryptionAtRest
export MONGODB_ATLAS_PUBLIC_API_KEY={public_key} MONGODB_ATLAS_PRIVATE_API_KEY={private_key}
export MONGODB_ATLAS_OPS_MANAGER_URL={atlas}/ MONGODB_ATLAS_BASE_URL={atlas}/

# What Atlas was asked, and what it can be made to do (tests/atlas-sim/README.md):
curl {atlas}/_sim/requests
",
        account = customer.account,
        project = customer.project_id,
    ))
}

/// Ctrl-C, or the polite request of a service manager.
async fn interrupted() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        Some(()) = async { terminate.as_mut()?.recv().await } => {}
    }
}
