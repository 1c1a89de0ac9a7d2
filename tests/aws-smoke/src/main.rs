//! `cargo smoke`: the smoke test for a real account.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Result, bail, ensure};
use atlas_cmk_local::{Account, functions, progress};
use aws_smoke::{
    Name, account_of_the_environment, remove,
    run::{Atlas, Report, Target, run},
};
use clap::{Args, Parser, Subcommand};
use url::Url;

/// What a smoke test costs. Prices of us-east-1; most Regions are near them.
const COST: &str = "\
It costs less than 1 USD if it is removed the same day: three KMS keys (key, replica, and that of the topic: 1 USD a
month each, by the hour, until their deletion is scheduled), two secrets (0.40 USD a month each), seven alarms
(0.10 USD a month each), a dashboard (3 USD a month), and a few hundred requests, state transitions and invocations.
Atlas charges private endpoints by the hour.";

/// Deploys atlas-cmk in an account under a name of its own, checks what AWS was never seen to accept, and removes all.
#[derive(Parser)]
#[command(name = "cargo smoke")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deploys, checks, reports and removes.
    Run(Run),
    /// Removes what smoke tests have left that died.
    Clean {
        #[command(flatten)]
        place: Place,
        /// Removes also those that may still be running.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Args)]
struct Place {
    /// The account: 12 digits. The credentials of the environment must be of this account.
    #[arg(long)]
    account: String,
    /// The region of stack and key.
    #[arg(long)]
    region: String,
    /// Does not ask before the account is touched.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    place: Place,
    /// The region of the replica of the key.
    #[arg(long)]
    replica_region: String,
    /// The folder of a release, made by `cargo xtask release`. By default, functions are built for this machine, which
    /// may not be like Lambda.
    #[arg(long)]
    release: Option<PathBuf>,
    /// The secret, in the account and region, with credentials of an Atlas organization that may create projects.
    #[arg(long, requires = "atlas_org_id", required_unless_present = "simulator")]
    atlas_secret_arn: Option<String>,
    /// The id of that organization.
    #[arg(long, requires = "atlas_secret_arn")]
    atlas_org_id: Option<String>,
    /// The address of the simulator, as the functions reach it.
    #[arg(long, conflicts_with = "atlas_secret_arn")]
    simulator: Option<Url>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => smoke(options).await,
        Command::Clean { place, all } => clean(&place, all).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all checks passed.
async fn smoke(options: Run) -> Result<bool> {
    let atlas = match (options.simulator, options.atlas_secret_arn, options.atlas_org_id) {
        (Some(url), _, _) => Atlas::Simulator(url),
        (None, Some(secret_arn), Some(id)) => Atlas::Organization { id, secret_arn },
        _ => bail!("either --simulator, or --atlas-secret-arn with --atlas-org-id"),
    };
    let place = &options.place;
    let account = account_of_the_environment(&place.account, &place.region).await?;
    ensure!(options.replica_region != place.region, "--replica-region must be another region than --region");
    ensure!(
        options.release.is_some() || !account.endpoint().is_empty(),
        "for AWS, give the folder of a release: --release target/release-files/arm64"
    );
    let name = Name::random();
    let what = format!("deploy the stack {name}, with a key that gets a replica in {}", options.replica_region);
    if !confirmed(&account, &format!("{what}, and remove both\n{COST}"), place.yes)? {
        return Ok(false);
    }
    let (build, architecture) = match &options.release {
        Some(folder) => (functions::of_release(folder)?, None),
        None => (functions::build().await?, Some(if cfg!(target_arch = "x86_64") { "x86_64" } else { "arm64" })),
    };
    let target = Target { account, replica_region: options.replica_region, atlas, build, architecture };
    let report = run(&target, &name).await?;
    show(&report)
}

/// Removes what is left. Whether nothing went wrong.
async fn clean(place: &Place, all: bool) -> Result<bool> {
    let account = account_of_the_environment(&place.account, &place.region).await?;
    let left = remove::left(&account).await?;
    let (names, running): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, expired)| all || *expired);
    for (name, _) in running {
        progress::plain(&format!("{name} may still be running; --all removes it, too"));
    }
    if names.is_empty() {
        progress::done("nothing is left");
        return Ok(true);
    }
    let listed: Vec<String> = names.iter().map(|(name, _)| name.to_string()).collect();
    if !confirmed(&account, &format!("remove {}", listed.join(", ")), place.yes)? {
        return Ok(false);
    }
    for (name, _) in &names {
        progress::step(&format!("removing {name}"));
        show(&Report { checks: Vec::new(), kept: Ok(remove::remove(&account, name).await?) })?;
    }
    Ok(true)
}

/// Says which account will be touched, and asks.
fn confirmed(account: &Account, what: &str, yes: bool) -> Result<bool> {
    let aws = if account.endpoint().is_empty() { "AWS" } else { account.endpoint() };
    let mut out = std::io::stdout();
    writeln!(out, "In account {} of {aws}, region {}, this will {what}", account.id, account.region())?;
    if yes {
        return Ok(true);
    }
    write!(out, "Type the number of the account to go on: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == account.id {
        return Ok(true);
    }
    progress::failed("nothing was touched");
    Ok(false)
}

/// Whether all checks passed, and everything was removed.
fn show(report: &Report) -> Result<bool> {
    let mut out = std::io::stdout();
    for check in &report.checks {
        match &check.outcome {
            Ok(seen) => writeln!(out, "pass  {}\n      {seen}", check.what)?,
            Err(words) => writeln!(out, "FAIL  {}\n      {words}", check.what)?,
        }
    }
    match &report.kept {
        Ok(kept) => kept.iter().try_for_each(|kept| writeln!(out, "kept  {kept}"))?,
        Err(left) => writeln!(out, "LEFT  {left}")?,
    }
    Ok(report.kept.is_ok() && report.checks.iter().all(|check| check.outcome.is_ok()))
}
