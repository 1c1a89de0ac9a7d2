//! The command line.

use clap::Parser;
use url::Url;

/// A simulator of the MongoDB Atlas Administration API, for tests.
#[derive(Debug, Parser)]
#[command(name = "atlas-sim", version)]
pub(crate) struct Options {
    /// Port on the loopback interface; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Where STS and KMS are. Without it every access is granted.
    #[arg(long, value_name = "URL")]
    pub(crate) aws_endpoint: Option<Url>,
    /// The AWS account Atlas assumes roles from.
    #[arg(long, default_value = "299602853325")]
    pub(crate) atlas_account: String,
    /// How long a simulated second takes: 0.01 makes a phase of 100 seconds take one.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) time_scale: f64,
    /// Public key of an API key that owns every project.
    #[arg(long, requires = "private_key")]
    pub(crate) public_key: Option<String>,
    /// Private key of that API key.
    #[arg(long, requires = "public_key")]
    pub(crate) private_key: Option<String>,
    /// A project to start with. May be given several times.
    #[arg(long = "project", value_name = "ID=NAME", value_parser = id_and_name)]
    pub(crate) projects: Vec<(String, String)>,
}

impl Options {
    /// The API key that was given.
    pub(crate) fn api_key(&self) -> Option<(String, String)> {
        self.public_key.clone().zip(self.private_key.clone())
    }
}

fn id_and_name(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(id, name)| (id.to_owned(), name.to_owned()))
        .ok_or_else(|| "a project is given as ID=NAME".to_owned())
}
