//! The SNS topic of the stack, which notifies people and programs.

use std::collections::HashMap;

use aws_sdk_sns::{Client, types::MessageAttributeValue};
use aws_types::SdkConfig;

use super::aws_error;
use crate::error::{Error, ErrorName, Result};

/// What a subject may measure (SNS API reference, `Publish`).
const SUBJECT_LENGTH: usize = 100;

/// A topic to publish on.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// Publishes with the credentials of `config`.
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(config), arn }
    }

    /// Publishes a message. `kind` is an attribute that subscriptions can filter on.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn publish(&self, kind: &str, subject: &str, message: &str) -> Result<()> {
        let kind =
            MessageAttributeValue::builder().data_type("String").string_value(kind).build().map_err(|error| {
                Error::new(ErrorName::Internal, format!("an attribute of the message is malformed: {error}"))
            })?;
        // A subject is ASCII without line breaks.
        let subject: String = subject.chars().filter(|c| (' '..='~').contains(c)).take(SUBJECT_LENGTH).collect();
        self.client
            .publish()
            .topic_arn(&self.arn)
            .subject(subject)
            .message(message)
            .set_message_attributes(Some(HashMap::from([("kind".to_owned(), kind)])))
            .send()
            .await
            .map_err(|error| aws_error("sns:Publish", &self.arn, &error))?;
        Ok(())
    }
}
