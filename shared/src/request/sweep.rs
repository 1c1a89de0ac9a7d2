//! Input and output of the state machine `sweep`: a check of every registered project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ids::ProjectId, report::Owed};

/// Checks every registered project: the input of the state machine `sweep`.
///
/// A field that is null counts as omitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sweep {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Whether to repair differences. If omitted, the registered value of `repair` of each project applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
}

/// The state of all projects: the output of the state machine `sweep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// How many projects there are.
    pub project_count: usize,
    /// How many of them match their registered state.
    pub matching: usize,
    /// Those that differ, and were not repaired.
    pub drifted: Vec<ProjectToReport>,
    /// Those that differed, and were repaired.
    pub repaired: Vec<ProjectToReport>,
    /// Those that could not be compared, or not repaired.
    pub failed: Vec<ProjectToReport>,
    /// Those that were not checked, because another execution does so.
    pub skipped: Vec<ProjectToReport>,
    /// What is owed: since when, why not yet, and what happens next.
    pub owed: Vec<Owed>,
    /// How many there are, those included that are not listed.
    pub owed_count: usize,
    /// Other findings: secrets that expire, authorizations, endpoints and enablements left unfinished.
    pub other_findings: Vec<String>,
}

/// A project with a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectToReport {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Its first few problems.
    pub problems: Vec<String>,
}
