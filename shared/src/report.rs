//! What people read: changes, problems, differences, and what was left as it is.

mod change;
mod finding;
mod sentences;
pub mod sweep;
pub mod vending;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::sentences::limited;
pub use self::{
    change::{Action, Change, Described, Description, PlannedChange, UNKNOWN, unreported},
    finding::{ByHand, Finding},
};
use crate::ids::{AccountId, PrivateEndpointId, Region};

/// One difference between the actual and the requested state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The resource that differs: an ARN, or a path of the Atlas API.
    pub resource: String,
    /// How it differs.
    pub difference: String,
}

/// A cluster that is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkippedCluster {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One region's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// The region.
    pub region: Region,
    /// Atlas's id, unless there is no endpoint.
    pub id: Option<PrivateEndpointId>,
    /// Atlas's status, or `MISSING`.
    pub status: String,
    /// The error message that Atlas gives, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// A key that was replaced by another. Snapshots need the key that encrypted them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OldKey {
    /// Its ARN, or its id if Atlas knew only that.
    pub key: String,
    /// When it was found to be replaced, ISO 8601.
    pub replaced_at: String,
}

/// An enablement that was asked for and has not succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owed {
    /// The account of the role.
    pub account_id: AccountId,
    /// The role, and the project by id or name.
    pub subject: String,
    /// Who asked for it.
    pub asked_by: String,
    /// Since when it is owed, ISO 8601.
    pub since: String,
    /// Why it has not succeeded yet.
    pub why_not_yet: String,
    /// What happens next.
    pub next: String,
}

/// Something that atlas-cmk leaves in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What: an ARN, or a path of the Atlas API.
    pub resource: String,
    /// Why.
    pub reason: String,
}
