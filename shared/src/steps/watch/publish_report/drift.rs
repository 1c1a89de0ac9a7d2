//! That a project differs from its registered state, or did and was repaired.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Message;
use crate::{
    ids::ProjectId,
    report::{Change, Difference, Finding, sweep::ProjectState},
    request::Cause,
};

/// What was found in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Its state after reconciliation.
    pub state: ProjectState,
    /// What differs.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// Problems of the role, the key or the credentials.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The repairs that were made.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What triggered the reconciliation.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

pub(super) fn message(drift: &Drift) -> Message {
    let project = &drift.project_id;
    let (kind, subject, fix) = match drift.state {
        ProjectState::Repaired => (
            "repaired",
            format!("atlas-cmk: project {project} was repaired"),
            "find out what changed it; atlas-cmk would repair it again",
        ),
        _ => (
            "drifted",
            format!("atlas-cmk: project {project} differs from its registered state"),
            "run enable-encryption with the registered desired state, or register the project with repair: true",
        ),
    };
    let text = json!({
        "kind": kind,
        "projectId": project,
        "cause": drift.cause,
        "differences": drift.differences,
        "findings": drift.findings,
        "changes": drift.changes,
        "fix": fix,
        "execution": drift.execution,
    });
    Message { kind, subject, text: text.to_string(), report: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_reports_what_differs_what_caused_it_and_what_to_do() {
        let drift: Drift = serde_json::from_value(json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "state": "drifted",
            "differences": [{"resource": "the role", "difference": "it trusts nobody"}],
            "cause": {"event": "UpdateAssumeRolePolicy", "resource": "role atlas-cmk of account 444455556666"},
        }))
        .unwrap();
        let text = message(&drift).text;
        for expected in ["it trusts nobody", "UpdateAssumeRolePolicy", "repair: true"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
