#![doc = include_str!("../README.md")]

mod access;
mod admin;
mod answer;
mod api;
mod auth;
mod aws;
mod behaviour;
mod clock;
mod connection;
mod error;
mod faults;
mod identifier;
mod incoming;
mod moment;
mod propagation;
mod rate_limit;
mod records;
mod regions;
mod request_log;
mod server;
mod sim;
mod version;

use url::Url;

pub use server::AtlasSim;

/// How a simulator is set up; what may change later is asked for under `/_sim`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// Where STS and KMS are. Without it every access is granted.
    pub aws_endpoint: Option<Url>,
    /// The region STS is asked in.
    pub aws_region: String,
    /// The AWS account Atlas assumes roles from: 12 digits.
    pub atlas_account: String,
    /// How long a simulated second takes: 1.0 is real time, with 0.01 a phase of 100 seconds takes one.
    pub time_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            aws_endpoint: None,
            aws_region: "us-east-1".to_owned(),
            atlas_account: "299602853325".to_owned(),
            time_scale: 1.0,
        }
    }
}

impl Config {
    fn check(&self) -> anyhow::Result<()> {
        let account = &self.atlas_account;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        anyhow::ensure!(is_account, "An AWS account has 12 digits, unlike {account:?}.");
        // Smaller ones would overflow the clock before long.
        let scale = self.time_scale;
        anyhow::ensure!(
            (1e-6..=1e6).contains(&scale),
            "The time scale must lie between 0.000001 and 1000000, unlike {scale}."
        );
        Ok(())
    }
}
