//! What an execution answers, by its mode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    change::{Change, PlannedChange},
    finding::{ByHand, Finding},
    ids::{AccessRoleId, IamRoleArn, KmsKeyArn, ProjectId},
    registry::OldKey,
    steps::{check_endpoints::Endpoint, preflight::SkippedCluster, verify::Difference},
};

/// What an enablement answers: the output of the state machine `enable-encryption`.
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
    /// The private endpoints of the regions asked for.
    pub endpoints: Vec<Endpoint>,
    /// The clusters asked for that cannot use the key, each with the reason.
    pub skipped_clusters: Vec<SkippedCluster>,
    /// Keys that the project used before. Snapshots need the key they were made with: keep them.
    pub old_keys: Vec<OldKey>,
    /// What was done, empty on a re-run.
    pub changes: Vec<Change>,
}

/// What applying would change, in this order. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// What would be changed.
    pub changes: Vec<PlannedChange>,
    /// What somebody else has to add, because the input says that we may not. Applying refuses to begin without it.
    pub by_hand: Vec<ByHand>,
    /// The clusters asked for that cannot use the key, each with the reason.
    pub skipped_clusters: Vec<SkippedCluster>,
}

/// How the world compares with the input. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Whether nothing differs.
    pub matches: bool,
    /// Every difference.
    pub differences: Vec<Difference>,
    /// What is wrong with role, key or credentials.
    pub findings: Vec<Finding>,
}
