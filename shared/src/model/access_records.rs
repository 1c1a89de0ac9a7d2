//! Access role records of Atlas.

use serde_json::json;

use crate::{
    atlas::AccessRole,
    ids::ProjectId,
    report::{Described, Description},
};

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveRecord {
    pub(crate) project: ProjectId,
    pub(crate) record: AccessRole,
}

impl RemoveRecord {
    /// The removal of a record.
    pub(crate) fn new(project: &ProjectId, record: &AccessRole) -> Self {
        Self { project: project.clone(), record: record.clone() }
    }
}

impl Described for RemoveRecord {
    fn description(&self) -> Description {
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
