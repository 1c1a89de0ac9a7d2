//! `report-drift`: publishes to the SNS topic that a project differs from its registered state, or did and was repaired.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{NoChange, verify::Difference};
use crate::{
    change::Change,
    error::Result,
    finding::Finding,
    ids::ProjectId,
    request::{Cause, ProjectState},
    step::{Context, Step},
};

/// The step.
pub struct ReportDrift;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
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

/// The published message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The kind of the message, which subscriptions can filter on.
    pub kind: String,
}

impl Step for ReportDrift {
    const NAME: &'static str = "report-drift";
    type Input = Input;
    type Output = Output;
    type Observation = ();
    type Change = NoChange;

    async fn observe(_: &Context, _: &Input) -> Result<()> {
        Ok(())
    }

    fn decide(_: &Input, (): &()) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(context: &Context, input: &Input, (): (), _: &[NoChange]) -> Result<Output> {
        let (kind, subject) = match input.state {
            ProjectState::Repaired => ("repaired", format!("atlas-cmk: project {} was repaired", input.project_id)),
            _ => ("drifted", format!("atlas-cmk: project {} differs from its registered state", input.project_id)),
        };
        context.topic()?.publish(kind, &subject, &message(kind, input).to_string()).await?;
        Ok(Output { kind: kind.to_owned() })
    }
}

fn message(kind: &str, input: &Input) -> Value {
    let fix = match input.state {
        ProjectState::Repaired => "find out what changed it; atlas-cmk would repair it again",
        _ => "run enable-encryption with the registered desired state, or register the project with repair: true",
    };
    json!({
        "kind": kind,
        "projectId": input.project_id,
        "cause": input.cause,
        "differences": input.differences,
        "findings": input.findings,
        "changes": input.changes,
        "fix": fix,
        "execution": input.execution,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_reports_what_differs_what_caused_it_and_what_to_do() {
        let input: Input = serde_json::from_value(json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "state": "drifted",
            "differences": [{"resource": "the role", "difference": "it trusts nobody"}],
            "cause": {"event": "UpdateAssumeRolePolicy", "resource": "role atlas-cmk of account 444455556666"},
        }))
        .unwrap();
        let text = message("drifted", &input).to_string();
        for expected in ["it trusts nobody", "UpdateAssumeRolePolicy", "repair: true"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
