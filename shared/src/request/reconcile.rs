//! Input and output of the state machine `reconcile-project`: one look at a registered project, and the repair of it where that is wanted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::Change,
    finding::Finding,
    ids::{KmsKeyArn, ProjectId},
    steps::verify::Difference,
};

/// Compares a registered project with what is registered of it, and puts right what differs where that is wanted: the input of the state machine
/// `reconcile-project`.
///
/// A field that is null is a field that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconcileProject {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Whether what differs is put right. Left out: as the registry says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
    /// Whether it is compared before anything is put right. Left out: what differs is put right at once, where that is wanted. Comparing costs a third of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_first: Option<bool>,
    /// Whether nothing is told on the topic, because somebody else will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<bool>,
    /// What gave rise to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What gave rise to something.
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

/// How a project was found, and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProjectState {
    /// As it is registered.
    Fine,
    /// It differs, and was left so.
    Drifted,
    /// It differed, and was put right.
    Repaired,
    /// It could not be compared, or not put right.
    Failed,
    /// It was not looked at: another execution does or did, or it is not registered as enabled.
    Skipped,
}

/// What an execution answers: the output of the state machine `reconcile-project`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum ReconcileProjectOutput {
    /// The only one.
    Reconcile(Box<Reconciled>),
}

/// How a project was found, and left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// How it was found, and left.
    pub state: ProjectState,
    /// Why it was skipped or failed; null otherwise.
    pub reason: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What is wrong with role, key or credentials.
    pub findings: Vec<Finding>,
    /// What was put right.
    pub changes: Vec<Change>,
}

/// Restores a key that a project needs: the input of the state machine `guard-key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardKey {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The key, in the region where it was disabled or its deletion scheduled.
    pub key_arn: KmsKeyArn,
    /// The projects that need it.
    pub project_ids: Vec<ProjectId>,
    /// The access to the account of the key, if that is not the functions' own, as the projects have it. The role that restores keys is looked for beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<crate::aws::AccountAccess>,
    /// What gave rise to it.
    pub cause: Cause,
}

/// What an execution answers: the output of the state machine `guard-key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum GuardKeyOutput {
    /// The only one.
    Restore(KeyRestored),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRestored {
    /// The key.
    pub key_arn: KmsKeyArn,
    /// What was done; empty if the key could be used already.
    pub changes: Vec<Change>,
}
