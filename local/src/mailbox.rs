//! What the SNS topic of the stack publishes, as a subscriber receives it.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::Account;

/// How often five seconds are waited for a message.
const PATIENCE: usize = 12;

/// A queue that receives what the SNS topic of the stack publishes.
pub struct Mailbox {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Mailbox {
    /// Hears everything from now on.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn subscribed_to(account: &Account, topic: &str) -> Result<Self> {
        let sqs = aws_sdk_sqs::Client::new(&account.sdk_config());
        let arn = format!("arn:aws:sqs:us-east-1:{}:mailbox", account.id);
        let allow = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }]});
        let create = sqs.create_queue().queue_name("mailbox").attributes(QueueAttributeName::Policy, allow.to_string());
        let url = create.send().await?.queue_url.context("the queue has no address")?;
        let sns = aws_sdk_sns::Client::new(&account.sdk_config());
        sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn).send().await?;
        Ok(Self { sqs, url })
    }

    /// The next message, once there is one.
    ///
    /// # Errors
    /// If there is none within a minute.
    pub async fn next(&self) -> Result<Value> {
        for _ in 0..PATIENCE {
            if let Some(message) = self.take(5).await? {
                return Ok(message);
            }
        }
        anyhow::bail!("nothing was published")
    }

    /// The next message of a kind, once there is one. Those before it are dropped.
    ///
    /// # Errors
    /// If there is none within a minute.
    pub async fn next_of(&self, kind: &str) -> Result<Value> {
        for _ in 0..PATIENCE {
            while let Some(message) = self.take(5).await? {
                if message["kind"] == kind {
                    return Ok(message);
                }
            }
        }
        anyhow::bail!("nothing of the kind {kind} was published")
    }

    /// Every message that is there.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn all(&self) -> Result<Vec<Value>> {
        let mut messages = Vec::new();
        while let Some(message) = self.take(0).await? {
            messages.push(message);
        }
        Ok(messages)
    }

    async fn take(&self, seconds: i32) -> Result<Option<Value>> {
        let receive = self.sqs.receive_message().queue_url(&self.url).wait_time_seconds(seconds);
        let Some(message) = receive.max_number_of_messages(1).send().await?.messages.unwrap_or_default().pop() else {
            return Ok(None);
        };
        let handle = message.receipt_handle().context("a message without a handle")?;
        self.sqs.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        let envelope: Value = serde_json::from_str(message.body().unwrap_or_default())?;
        Ok(Some(serde_json::from_str(envelope["Message"].as_str().unwrap_or_default())?))
    }
}
