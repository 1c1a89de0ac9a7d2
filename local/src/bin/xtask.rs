//! `cargo xtask`: what maintainers do besides building and testing.

use std::process::ExitCode;

use atlas_cmk_local::{
    progress,
    release::{self, Architecture},
};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes what a release has, in target/release-files: it is deployed without Rust. Needs cargo-lambda.
    Release {
        /// Only for this architecture.
        #[arg(long)]
        architecture: Option<Architecture>,
    },
}

fn main() -> ExitCode {
    let Command::Release { architecture } = Arguments::parse().command;
    let architectures = architecture.map_or_else(|| Architecture::ALL.to_vec(), |one| vec![one]);
    match architectures.into_iter().try_for_each(|architecture| release::make(architecture).map(drop)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::failed(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
