//! `request-approval`: asks on the SNS topic of the stack for the approval of a plan. The state machine waits for the
//! answer, which `answer-approval` gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::TaskToken,
    error::Result,
    ids::ProjectId,
    report::{Change, Kept, PlannedChange},
    request::Scope,
    step::{Actions, Notify, Step, Writers, actions},
};

/// The step.
pub struct RequestApproval;

/// What is to be carried out, and the token that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What is to be disabled.
    pub scope: Scope,
    /// What is going to be changed, in this order.
    pub plan: Vec<PlannedChange>,
    /// What is going to be left.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// For how many minutes the answer is waited for.
    pub minutes: u16,
    /// What the answer has to name.
    pub task_token: TaskToken,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

/// That it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// How many changes it is about.
    pub changes_to_approve: usize,
}

impl Step for RequestApproval {
    const NAME: &'static str = "request-approval";
    const ABOUT: &'static str = "Publishes the plan on the topic and asks for an approval";
    const ACTIONS: Actions = &[actions::PUBLISH];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "scope": "role",
            "plan": [
                {
                    "step": "update-encryption",
                    "action": "delete",
                    "resource": "/groups/66f0a1b2c3d4e5f601234567/encryptionAtRest",
                    "summary": "customer-managed keys of AWS KMS switched off",
                    "consequences": [
                        "keep the key"
                    ],
                    "before": {
                        "awsKms": {
                            "enabled": true
                        }
                    },
                    "after": {
                        "awsKms": {
                            "enabled": false
                        }
                    }
                }
            ],
            "kept": [],
            "minutes": 1440,
            "taskToken": "AQDIAAAAKgAAAAMAAAAAAAAAAT",
            "execution": "manual-1"
        })
    }
}

impl Notify for RequestApproval {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        let topic = writers.topic()?;
        let subject =
            format!("atlas-cmk: {} changes of project {} wait for your approval", input.plan.len(), input.project_id);
        topic.publish("approval-requested", &subject, &question(input).to_string()).await?;
        Ok(Output { changes_to_approve: input.plan.len() })
    }
}

/// The changes without how things look before and after: a message has room for 256 KiB.
fn question(input: &Input) -> Value {
    let changes: Vec<&Change> = input.plan.iter().map(|planned| &planned.change).collect();
    json!({
        "kind": "approval-requested",
        "execution": input.execution,
        "projectId": input.project_id,
        "scope": input.scope,
        "changes": changes,
        "kept": input.kept,
        "minutes": input.minutes,
        "answer": "invoke the function answer-approval with {\"taskToken\": …, \"approve\": true or false, \"by\": your name}",
        "taskToken": input.task_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_reports_what_it_is_about_and_how_to_answer_and_debug_does_not_show_the_token() {
        let input: Input = serde_json::from_value(json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "scope": "role",
            "plan": [{
                "step": "update-encryption", "action": "delete", "resource": "/groups/…", "summary": "keys switched off",
                "consequences": ["keep the key"], "before": {"secretly": "long"}, "after": null,
            }],
            "minutes": 60,
            "taskToken": "AAAAKgAAAAIAAAAA",
        }))
        .unwrap();
        let text = question(&input).to_string();
        for expected in ["keys switched off", "keep the key", "AAAAKgAAAAIAAAAA", "approve", "role"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("secretly"), "{text}");
        assert!(!format!("{input:?}").contains("AAAAKg"), "{input:?}");
    }
}
