//! Parameter Store of Systems Manager, where what other tools read of a project is published. Nothing here reads it.

use aws_sdk_ssm::{Client, error::SdkError, operation::delete_parameter::DeleteParameterError, types::ParameterType};
use aws_types::SdkConfig;
use serde_json::Value;

use super::aws_error;
use crate::error::Result;

/// Publishes parameters that hold no secret.
#[derive(Debug, Clone)]
pub struct Parameters(Client);

impl Parameters {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// Creates or replaces a parameter. It holds JSON.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn publish(&self, name: &str, value: &Value, description: &str) -> Result<()> {
        let put = self.0.put_parameter().name(name).value(value.to_string()).description(description);
        let put = put.r#type(ParameterType::String).overwrite(true);
        put.send().await.map(drop).map_err(|error| aws_error("ssm:PutParameter", name, &error))
    }

    /// Deletes a parameter. One that is not there counts as deleted.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.0.delete_parameter().name(name).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeleteParameterError::ParameterNotFound(_)) =>
            {
                Ok(())
            }
            answer => answer.map(drop).map_err(|error| aws_error("ssm:DeleteParameter", name, &error)),
        }
    }
}
