//! `answer-approval`: the answer to the request of `request-approval`. Everyone who may invoke this function may answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::TaskToken,
    error::{Error, ErrorName, Result},
    step::{Actions, Notify, Step, Writers, sample_file},
};

/// The step that asked: the task that fails is its task.
const ASKED_BY: &str = "request-approval";

/// The step.
pub struct AnswerApproval;

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The token from the approval request.
    pub task_token: TaskToken,
    /// Whether to approve the changes.
    pub approve: bool,
    /// The name of the approver.
    #[serde(default)]
    pub by: Option<String>,
    /// The reason.
    #[serde(default)]
    pub reason: Option<String>,
}

/// That it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether the execution goes on.
    pub approved: bool,
}

impl Step for AnswerApproval {
    const NAME: &'static str = "answer-approval";
    const ABOUT: &'static str = "Passes an answer to the waiting execution. Every principal that may invoke it may \
        answer";
    const ACTIONS: Actions = &[&["states:SendTaskFailure", "states:SendTaskSuccess"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/answer-approval.json"))
    }

    fn validate(input: &Input) -> Result<()> {
        if input.task_token.is_well_formed() {
            return Ok(());
        }
        Err(Error::new(ErrorName::InputInvalid, "taskToken: give the complete token from the approval request"))
    }
}

impl Notify for AnswerApproval {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        if input.approve {
            let output = json!({"approved": true, "by": input.by, "reason": input.reason});
            writers.task_tokens().succeed(&input.task_token, &output.to_string()).await?;
        } else {
            writers.task_tokens().fail(&input.task_token, ErrorName::ApprovalRefused, &refusal(input)).await?;
        }
        Ok(Output { approved: input.approve })
    }
}

/// What the state that waits fails with: it speaks for the function that has asked.
fn refusal(input: &Input) -> String {
    let (by, asked) = (input.by.as_deref().unwrap_or("the approver"), ASKED_BY);
    match &input.reason {
        Some(reason) => format!("[{asked}] {by} refused: {reason}"),
        None => format!("[{asked}] {by} refused without giving a reason"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::disable::request_approval::RequestApproval;

    #[test]
    fn the_step_that_asked_exists() {
        assert_eq!(ASKED_BY, RequestApproval::NAME);
    }
}
