//! Access role records of Atlas.

use serde_json::json;

use crate::{
    atlas::AccessRole,
    ids::ProjectId,
    report::{Describe, Description},
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
    fn describe(&self) -> Description {
        let summary = match &self.record.iam_assumed_role_arn {
            Some(arn) => format!("access role for {arn} deauthorized and removed"),
            None => "access role that was never authorized removed".to_owned(),
        };
        let resource = format!("/groups/{}/cloudProviderAccess/{}", self.project, self.record.role_id);
        Description::delete(resource, summary).before(json!({
            "iamAssumedRoleArn": self.record.iam_assumed_role_arn,
            "atlasAssumedRoleExternalId": self.record.external_id,
        }))
    }
}
