//! The simulator as a program.

#![expect(clippy::print_stdout, reason = "who starts the program reads address and keys there")]

mod options;

use atlas_sim::{AtlasSim, Config};
use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = options::Options::parse();
    let given = options.api_key();
    let sim = AtlasSim::start(Config {
        port: options.port,
        aws_endpoint: options.aws_endpoint,
        atlas_account: options.atlas_account,
        time_scale: options.time_scale,
        ..Config::default()
    })
    .await?;
    for (id, name) in &options.projects {
        sim.add_project(id, name)?;
    }
    println!("atlas-sim listens on {}", sim.url());
    if let Some((public_key, private_key)) = given {
        sim.add_api_key(&public_key, &private_key);
    } else {
        let (public_key, private_key) = sim.make_api_key();
        println!("public key {public_key}, private key {private_key}");
    }
    tokio::signal::ctrl_c().await?;
    sim.shutdown().await;
    Ok(())
}
