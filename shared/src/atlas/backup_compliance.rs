//! The backup compliance policy of a project, which may demand encryption with the project's own keys.

use serde::Deserialize;

use super::{AtlasError, AtlasReader, transport::Call};
use crate::ids::ProjectId;

/// The newest stable version of the policy (Atlas Administration API).
const V2023_10_01: &str = "application/vnd.atlas.2023-10-01+json";

/// A backup compliance policy. Once it is in force, only MongoDB's support can lift it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupCompliancePolicy {
    /// The project; left out where there is no policy.
    pub project_id: Option<String>,
    /// Whether every cluster has to use a key of the project's own.
    pub encryption_at_rest_enabled: Option<bool>,
}

impl AtlasReader {
    /// The project's backup compliance policy, or `None` if it has none.
    ///
    /// # Errors
    /// Any [`AtlasError`]. Reading it takes the role Project Owner.
    pub async fn backup_compliance_policy(
        &self,
        project: &ProjectId,
    ) -> Result<Option<BackupCompliancePolicy>, AtlasError> {
        let call = Call::get(V2023_10_01, format!("/groups/{project}/backupCompliancePolicy"));
        match self.call::<Option<BackupCompliancePolicy>>(call).await {
            // Without a policy, Atlas answers an object without a project.
            Ok(policy) => Ok(policy.filter(|policy| policy.project_id.is_some())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
