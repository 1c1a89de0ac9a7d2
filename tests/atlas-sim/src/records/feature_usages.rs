//! Features of Atlas that use a role record, other than encryption at rest.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The features (Atlas API spec). `ENCRYPTION_AT_REST` is missing on purpose: that usage follows from the
/// configuration of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Feature {
    AtlasDataLake,
    ExportSnapshot,
    PushBasedLogExport,
    AtlasLogIntegration,
}

/// One use of a role record.
#[derive(Debug, Clone)]
pub(crate) struct FeatureUsage {
    pub(crate) feature: Feature,
    /// Of another shape for each feature (Atlas API spec), so taken as it comes; null when there is none.
    pub(crate) id: Value,
}

impl FeatureUsage {
    /// The entry of `featureUsages`.
    pub(crate) fn to_json(&self) -> Value {
        json!({"featureId": self.id, "featureType": self.feature})
    }
}
