//! Executions of Step Functions: started by name, and asked whether they run.

use std::ops::Deref;

use aws_sdk_sfn::{
    Client,
    error::SdkError,
    operation::{describe_execution::DescribeExecutionError, start_execution::StartExecutionError},
    types::{ExecutionStatus, IncludedData},
};
use aws_types::SdkConfig;
use serde_json::Value;

use super::aws_error;
use crate::error::Result;

/// Asks for executions.
#[derive(Debug, Clone)]
pub struct ExecutionsReader(Client);

/// Starts executions, and asks for them.
#[derive(Debug, Clone)]
pub struct ExecutionsWriter(ExecutionsReader);

impl Deref for ExecutionsWriter {
    type Target = ExecutionsReader;

    fn deref(&self) -> &ExecutionsReader {
        &self.0
    }
}

/// An execution that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its ARN.
    pub arn: String,
    /// Whether there was none of this name before.
    pub is_new: bool,
}

impl ExecutionsReader {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// Whether an execution runs. One that does not exist, or no longer, does not.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn is_running(&self, arn: &str) -> Result<bool> {
        // Without the data, which only those read who may use the key of the histories.
        let request = self.0.describe_execution().execution_arn(arn).included_data(IncludedData::MetadataOnly);
        match request.send().await {
            Ok(answer) => Ok(answer.status == ExecutionStatus::Running),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DescribeExecutionError::ExecutionDoesNotExist(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(aws_error("states:DescribeExecution", arn, &error)),
        }
    }
}

impl ExecutionsWriter {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(ExecutionsReader::new(config))
    }

    /// Starts a state machine under a name. A name is used once in 90 days, so that whoever comes second starts nothing
    /// (Step Functions API reference, `StartExecution`).
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn start(&self, machine: &str, name: &str, input: &Value) -> Result<Started> {
        let sent = self.0.0.start_execution().state_machine_arn(machine).name(name).input(input.to_string());
        match sent.send().await {
            Ok(answer) => Ok(Started { arn: answer.execution_arn, is_new: true }),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), StartExecutionError::ExecutionAlreadyExists(_)) =>
            {
                let arn = format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1));
                Ok(Started { arn, is_new: false })
            }
            Err(error) => Err(aws_error("states:StartExecution", machine, &error)),
        }
    }
}
