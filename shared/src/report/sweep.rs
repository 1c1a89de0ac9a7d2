//! What a sweep passes on and reports of each project.

use crate::ids::{ProjectId, SecretId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A project and the secret with its Atlas credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The secret, if it is not the secret of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
}

/// What came of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectResult {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// How it was found, and left.
    pub state: ProjectState,
    /// What is the matter, the first few things.
    #[serde(default)]
    pub what: Vec<String>,
    /// What is left lying about in it.
    #[serde(default)]
    pub leftovers: Vec<String>,
}

/// The state of a project after reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProjectState {
    /// It matches its registered state.
    Matching,
    /// It differs, and was not repaired.
    Drifted,
    /// It differed, and was repaired.
    Repaired,
    /// It could not be compared, or not repaired.
    Failed,
    /// It was not checked: another execution does so, or the project is not registered as enabled.
    Skipped,
}
