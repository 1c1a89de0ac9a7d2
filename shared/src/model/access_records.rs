//! Access role records of Atlas.

use serde_json::{Value, json};

use crate::{
    atlas::AccessRole,
    ids::ProjectId,
    report::{Action, Describe},
};

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remove {
    pub(crate) project: ProjectId,
    pub(crate) record: AccessRole,
}

impl Remove {
    /// The removal of a record.
    pub(crate) fn new(project: &ProjectId, record: &AccessRole) -> Self {
        Self { project: project.clone(), record: record.clone() }
    }
}

impl Describe for Remove {
    fn action(&self) -> Action {
        Action::Delete
    }

    fn resource(&self) -> String {
        format!("/groups/{}/cloudProviderAccess/{}", self.project, self.record.role_id)
    }

    fn summary(&self) -> String {
        match &self.record.iam_assumed_role_arn {
            Some(arn) => format!("access role for {arn} deauthorized and removed"),
            None => "access role that was never authorized removed".to_owned(),
        }
    }

    fn before(&self) -> Value {
        json!({
            "iamAssumedRoleArn": self.record.iam_assumed_role_arn,
            "atlasAssumedRoleExternalId": self.record.external_id,
        })
    }
}
