//! What an execution answers, by its mode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AccessRoleId, IamRoleArn, KmsKeyArn, ProjectId},
    report::{ByHand, Change, Difference, Endpoint, Finding, OldKey, PlannedChange, SkippedCluster},
};

/// The result of an enablement: the output of the state machine `enable-encryption`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum EnableEncryptionOutput {
    /// Of `apply`.
    Apply(Box<Enabled>),
    /// Of `plan`.
    Plan(Planned),
    /// Of `verify`.
    Verify(Compared),
}

/// The project uses the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enabled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Atlas's id of the access role, which other features of the project can use too.
    pub role_id: AccessRoleId,
    /// The IAM role that Atlas assumes.
    pub role_arn: IamRoleArn,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// Whether Atlas can use the key. Always true: an execution fails otherwise.
    pub valid: bool,
    /// The private endpoints of the requested regions.
    pub endpoints: Vec<Endpoint>,
    /// The requested clusters that cannot use the key, each with the reason.
    pub skipped_clusters: Vec<SkippedCluster>,
    /// Keys that the project used before. Snapshots need the key that encrypted them: keep these keys.
    pub old_keys: Vec<OldKey>,
    /// Who approved that the project was moved to the key of another account, if it was: an ARN.
    pub approved_by: Option<String>,
    /// The changes that were made; empty if nothing had to change.
    pub changes: Vec<Change>,
}

/// What `apply` would change, in this order. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The changes that `apply` would make.
    pub changes: Vec<PlannedChange>,
    /// Statements that you have to add, because the input forbids atlas-cmk to. `apply` fails without them.
    pub by_hand: Vec<ByHand>,
    /// The requested clusters that cannot use the key, each with the reason.
    pub skipped_clusters: Vec<SkippedCluster>,
}

/// How the actual state compares with the input. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Whether nothing differs.
    pub matches: bool,
    /// Every difference.
    pub differences: Vec<Difference>,
    /// Problems of the role, the key or the credentials.
    pub findings: Vec<Finding>,
}
