//! Tasks of Step Functions that wait for an answer from outside, each known by its token.

use std::fmt;

use aws_sdk_sfn::{
    Client,
    error::SdkError,
    operation::{send_task_failure::SendTaskFailureError, send_task_success::SendTaskSuccessError},
};
use aws_types::SdkConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aws_error;
use crate::error::{Error, ErrorName, Result};

/// The token of a task that waits. Everyone who has it can answer, so it is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TaskToken(#[schemars(length(min = 1, max = 2048))] String);

impl fmt::Debug for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskToken(…)")
    }
}

impl TaskToken {
    /// Whether it can be one at all.
    pub fn is_well_formed(&self) -> bool {
        (1..=2048).contains(&self.0.len())
    }
}

/// Answers tasks that wait.
#[derive(Debug, Clone)]
pub struct TaskTokens(Client);

impl TaskTokens {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// Lets the execution go on.
    ///
    /// # Errors
    /// `Input.Invalid` if no task waits for this token (any more); else as [`aws_error`].
    pub async fn succeed(&self, token: &TaskToken, output: &str) -> Result<()> {
        match self.0.send_task_success().task_token(&token.0).output(output).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(
                    refusal.err(),
                    SendTaskSuccessError::TaskDoesNotExist(_)
                        | SendTaskSuccessError::TaskTimedOut(_)
                        | SendTaskSuccessError::InvalidToken(_)
                ) =>
            {
                Err(nobody_waits())
            }
            answer => answer.map(drop).map_err(|error| aws_error("states:SendTaskSuccess", "the task", &error)),
        }
    }

    /// Lets the task fail with this name and cause.
    ///
    /// # Errors
    /// As [`Self::succeed`].
    pub async fn fail(&self, token: &TaskToken, name: ErrorName, cause: &str) -> Result<()> {
        match self.0.send_task_failure().task_token(&token.0).error(name.as_str()).cause(cause).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(
                    refusal.err(),
                    SendTaskFailureError::TaskDoesNotExist(_)
                        | SendTaskFailureError::TaskTimedOut(_)
                        | SendTaskFailureError::InvalidToken(_)
                ) =>
            {
                Err(nobody_waits())
            }
            answer => answer.map(drop).map_err(|error| aws_error("states:SendTaskFailure", "the task", &error)),
        }
    }
}

/// The token itself is not reported: everyone who has it can answer.
fn nobody_waits() -> Error {
    Error::new(
        ErrorName::InputInvalid,
        "taskToken: no execution waits for this answer: it was already answered, it timed out, or the token is incomplete",
    )
}
