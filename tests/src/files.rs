//! The committed files in which a step appears, parsed: what contract checks take, so that tests can change them first.

use atlas_cmk::answers::order::{DISABLING, ENABLING};
use serde_json::Value;

use crate::{
    asl::{self, Machine},
    list, read, template,
};

/// The order of the steps of a state machine, as the library has it.
#[derive(Clone)]
pub struct Order {
    /// The state machine.
    pub machine: &'static str,
    /// Its steps.
    pub steps: Vec<&'static str>,
    /// What else it invokes, which answers and changes nothing.
    pub others: Vec<&'static str>,
}

/// The files.
#[derive(Clone)]
pub struct Files {
    /// infra/template.yaml.
    pub template: Value,
    /// The same as text.
    pub template_text: String,
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
    /// The orders that state machines follow.
    pub orders: Vec<Order>,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// If one is missing or cannot be parsed, with its path.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self {
            template: template::load()?,
            template_text: read("infra/template.yaml")?,
            spoke: template::load_file("infra/spoke.yaml")?,
            machines: asl::machines()?,
            binaries: list("functions/src/bin")?,
            manifest: read("functions/Cargo.toml")?,
            page_of_steps: read("docs/steps.md")?,
            orders: vec![
                Order { machine: "enable-encryption", steps: ENABLING.to_vec(), others: vec!["diagnose"] },
                Order { machine: "disable-encryption", steps: DISABLING.to_vec(), others: vec!["diagnose"] },
            ],
        })
    }
}
