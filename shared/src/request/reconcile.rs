//! Input and output of the state machine `reconcile-project`: the comparison of a registered project, and its repair if
//! it is registered with `repair`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{KmsKeyArn, ProjectId},
    report::{Change, Difference, Finding, sweep::ProjectState},
};

/// Compares a project with its registered state, and repairs it if it is registered with `repair`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconcileProject {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Whether to repair differences. If omitted, the registered value of `repair` applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
    /// Whether to compare before repairing, which costs a third of a repair. By default it repairs directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_first: Option<bool>,
    /// Whether to publish nothing to the SNS topic, because the caller reports the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<bool>,
    /// What triggered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What triggered an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cause {
    /// The call, or what a service reported, or the name of a sweep.
    pub event: String,
    /// What was changed: the ARN of a key or a secret, or a role.
    pub resource: String,
    /// Who did it: an ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// The state of a project after reconciliation: the output of the state machine `reconcile-project`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Its state after reconciliation.
    pub state: ProjectState,
    /// Why it was skipped or failed; null otherwise.
    pub reason: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// Problems of the role, the key or the credentials.
    pub findings: Vec<Finding>,
    /// The repairs that were made.
    pub changes: Vec<Change>,
}

/// Restores a key that a registered project needs: the input of the state machine `guard-key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardKey {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The key, in the region where it was disabled or its deletion scheduled.
    pub key_arn: KmsKeyArn,
    /// What triggered it.
    pub cause: Cause,
}

/// A key that was restored: the output of the state machine `guard-key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRestored {
    /// The key.
    pub key_arn: KmsKeyArn,
    /// The changes that were made; empty if the key was already usable.
    pub changes: Vec<Change>,
}
