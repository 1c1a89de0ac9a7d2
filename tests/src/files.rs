//! The committed files in which a step appears, parsed: what contract checks take, so that tests can change them first.

use serde_json::Value;

use crate::{
    asl::{self, Machine},
    list, read, template,
};

/// The files.
#[derive(Clone)]
pub struct Files {
    /// infra/template.yaml.
    pub template: Value,
    /// infra/spoke.yaml.
    pub spoke: Value,
    /// infra/state-machines.
    pub machines: Vec<Machine>,
    /// The names in functions/src/bin.
    pub binaries: Vec<String>,
    /// functions/Cargo.toml.
    pub manifest: String,
    /// docs/steps.md.
    pub page_of_steps: String,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// If one is missing or cannot be parsed, with its path.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self {
            template: template::load()?,
            spoke: template::load_file("infra/spoke.yaml")?,
            machines: asl::machines()?,
            binaries: list("functions/src/bin")?,
            manifest: read("functions/Cargo.toml")?,
            page_of_steps: read("docs/steps.md")?,
        })
    }
}
