//! Operations on the backup compliance policy of a project.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::error::ApiError;
use crate::records::projects::Project;

use super::Call;

/// `GET …/backupCompliancePolicy`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.project(call.group(), |project| Ok(Answer::ok(to_json(project))))
}

/// The policy of a project. Where there is none, the object is empty: Terraform's provider takes an answer without
/// a project id for absence (inference).
pub(crate) fn to_json(project: &Project) -> Value {
    project.backup_policy.as_ref().map_or_else(|| json!({}), |policy| policy.to_json(&project.id))
}
