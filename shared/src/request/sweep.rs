//! Input and output of the state machine `sweep`: a look at every registered project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ProjectId;

/// Looks at every registered project: the input of the state machine `sweep`.
///
/// A field that is null is a field that is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sweep {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Whether what differs is put right. Left out: as the registry says of each project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
}

/// What an execution answers: the output of the state machine `sweep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum SweepOutput {
    /// The only one.
    Sweep(Box<SweepReport>),
}

/// How the projects are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// How many projects there are.
    pub projects: usize,
    /// How many of them are as they are registered.
    pub fine: usize,
    /// Those that differ, and were left so.
    pub drifted: Vec<Troubled>,
    /// Those that differed, and were put right.
    pub repaired: Vec<Troubled>,
    /// Those that could not be compared, or not put right.
    pub failed: Vec<Troubled>,
    /// Those that were not looked at, because another execution does or did.
    pub skipped: Vec<Troubled>,
    /// What somebody should look at besides: secrets that expire, authorizations that were never finished, private endpoints that are stuck, enablements that
    /// died.
    pub attention: Vec<String>,
}

/// A project that is not fine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Troubled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What is the matter, the first few things.
    pub what: Vec<String>,
}
