//! The queue that keeps what could not be handled, so that somebody can look at it and send it again.

use aws_sdk_sqs::Client;
use aws_types::SdkConfig;

use super::aws_error;
use crate::error::Result;

/// A queue to put events on.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: Client,
    url: String,
}

impl DeadLetters {
    /// Sends with the credentials of `config`.
    pub fn new(config: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(config), url }
    }

    /// Keeps an event.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn keep(&self, event: &str) -> Result<()> {
        let sent = self.client.send_message().queue_url(&self.url).message_body(event).send().await;
        sent.map(drop).map_err(|error| aws_error("sqs:SendMessage", &self.url, &error))
    }
}
