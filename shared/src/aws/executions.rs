//! Executions of Step Functions: started by name, found while they run.

use std::ops::Deref;

use aws_sdk_sfn::{
    Client,
    error::SdkError,
    operation::start_execution::StartExecutionError,
    types::{ExecutionListItem, ExecutionStatus},
};
use aws_types::SdkConfig;
use serde_json::Value;

use super::aws_error;
use crate::error::Result;

/// Finds executions.
#[derive(Debug, Clone)]
pub struct ExecutionsReader(Client);

/// Starts executions, and finds them.
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

/// An execution that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// When it was started, in milliseconds since 1970. First, because the oldest comes first.
    pub started: i64,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl ExecutionsReader {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The executions of a state machine that run, the oldest first. The list may lack those of the last seconds.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn running(&self, machine: &str) -> Result<Vec<Running>> {
        let list = self.0.list_executions().state_machine_arn(machine).status_filter(ExecutionStatus::Running);
        let items: std::result::Result<Vec<ExecutionListItem>, _> =
            list.into_paginator().items().send().collect().await;
        let items = items.map_err(|error| aws_error("states:ListExecutions", machine, &error))?;
        let mut running: Vec<Running> = items
            .into_iter()
            .map(|item| Running {
                started: item.start_date.to_millis().unwrap_or_default(),
                name: item.name,
                arn: item.execution_arn,
            })
            .collect();
        running.sort();
        Ok(running)
    }

    /// The input of an execution; null if it is none that can be read.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn input(&self, arn: &str) -> Result<Value> {
        let answer = self.0.describe_execution().execution_arn(arn).send().await;
        let answer = answer.map_err(|error| aws_error("states:DescribeExecution", arn, &error))?;
        Ok(answer.input.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
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
