//! What other tools, such as Terraform and the AWS CDK, read of a project in Parameter Store. Nothing here reads it.

use serde_json::json;

use super::Entry;
use crate::{aws::Parameters, error::Result, ids::ProjectId};

/// The parameters of projects, below a path.
#[derive(Debug, Clone)]
pub struct Publications {
    parameters: Parameters,
    path: String,
}

impl Publications {
    /// Those below a path, such as `/atlas-cmk/projects`.
    pub fn new(parameters: Parameters, path: String) -> Self {
        Self { parameters, path }
    }

    /// The parameter of a project.
    pub fn parameter(&self, project: &ProjectId) -> String {
        format!("{}/{project}", self.path)
    }

    /// Publishes the state of a project.
    ///
    /// # Errors
    /// As [`crate::aws::aws_error`].
    pub async fn publish(&self, project: &ProjectId, entry: &Entry) -> Result<()> {
        let value = json!({"roleId": entry.role_id, "roleArn": entry.desired.role_arn, "keyArn": entry.key_arn});
        let what = "A MongoDB Atlas project with customer-managed keys";
        self.parameters.publish(&self.parameter(project), &value, what).await
    }

    /// Removes what is published of a project.
    ///
    /// # Errors
    /// As [`crate::aws::aws_error`].
    pub async fn withdraw(&self, project: &ProjectId) -> Result<()> {
        self.parameters.delete(&self.parameter(project)).await
    }
}
