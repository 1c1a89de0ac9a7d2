//! `request-approval`: asks on the SNS topic of the stack for the approval of a plan, which it keeps in the registry. The
//! state machine waits for the answer, which `answer-approval` takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::TaskToken,
    error::Result,
    ids::ProjectId,
    registry::approvals::{self, Question},
    report::{Change, Kept, PlannedChange},
    request::Scope,
    step::{Actions, Notify, Step, Writers, actions, not_set},
};

/// The step.
pub struct RequestApproval;

/// What is to be carried out, and the token that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What is to be disabled, if something is.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// What is going to be changed, in this order.
    pub plan: Vec<PlannedChange>,
    /// The hash of the plan.
    pub plan_hash: String,
    /// What is going to be left.
    #[serde(default)]
    pub kept: Vec<Kept>,
    /// For how many minutes the answer is waited for.
    pub minutes: u16,
    /// What the execution waits with.
    pub task_token: TaskToken,
    /// The name of the execution.
    pub execution: String,
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
    const ABOUT: &'static str = "Keeps the plan in the registry, publishes it on the topic and asks for an approval";
    const ACTIONS: Actions = &[actions::PUBLISH, &["dynamodb:PutItem"]];
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
            "planHash": "7b6e1d9c0f3a4b5c6d7e8f90123456789abcdef0123456789abcdef012345678",
            "kept": [],
            "minutes": 1440,
            "taskToken": "AQDIAAAAKgAAAAMAAAAAAAAAAT",
            "execution": "manual-1"
        })
    }
}

impl Notify for RequestApproval {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        let url = writers.approval_url.clone().ok_or_else(|| not_set("APPROVAL_URL"))?;
        let registry = writers.registry()?;
        let asked = Question {
            project_id: input.project_id.clone(),
            execution: input.execution.clone(),
            plan: input.plan.clone(),
            plan_hash: input.plan_hash.clone(),
            task_token: input.task_token.clone(),
            expires_at: writers.now.as_second() + 60 * i64::from(input.minutes),
        };
        approvals::ask(&registry, &asked).await?;
        let subject =
            format!("atlas-cmk: {} changes of project {} wait for your approval", input.plan.len(), input.project_id);
        writers.topic()?.publish("approval-requested", &subject, &question(input, &url).to_string()).await?;
        Ok(Output { changes_to_approve: input.plan.len() })
    }
}

/// The changes without how things look before and after: a message has room for 256 KiB.
fn question(input: &Input, url: &str) -> Value {
    let changes: Vec<&Change> = input.plan.iter().map(|planned| &planned.change).collect();
    json!({
        "kind": "approval-requested",
        "execution": input.execution,
        "projectId": input.project_id,
        "scope": input.scope,
        "changes": changes,
        "kept": input.kept,
        "planHash": input.plan_hash,
        "minutes": input.minutes,
        "answer": "send body as POST to url, signed with Signature Version 4 for the service lambda; to refuse, set approve to \
            false and give a reason",
        "url": url,
        "body": {
            "projectId": input.project_id,
            "execution": input.execution,
            "planHash": input.plan_hash,
            "approve": true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_reports_what_it_is_about_and_how_to_answer_and_never_the_token() {
        let input: Input = serde_json::from_value(json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "scope": "role",
            "plan": [{
                "step": "update-encryption", "action": "delete", "resource": "/groups/…", "summary": "keys switched off",
                "consequences": ["keep the key"], "before": {"secretly": "long"}, "after": null,
            }],
            "planHash": "0a1b",
            "minutes": 60,
            "taskToken": "AAAAKgAAAAIAAAAA",
            "execution": "manual-1",
        }))
        .unwrap();
        let text = question(&input, "https://x.lambda-url.us-east-1.on.aws/").to_string();
        for expected in ["keys switched off", "keep the key", "0a1b", "lambda-url", "manual-1", "role"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("secretly") && !text.contains("AAAAKg"), "{text}");
        assert!(!format!("{input:?}").contains("AAAAKg"), "{input:?}");
    }
}
