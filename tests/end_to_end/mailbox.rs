//! What the topic of the stack tells, as a subscriber hears it.

use atlas_cmk_local::Account;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

/// How often five seconds are waited for a message.
const PATIENCE: usize = 12;

/// A queue that hears what the topic of the stack tells.
pub(crate) struct Mailbox {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Mailbox {
    /// Hears everything from now on.
    pub(crate) async fn subscribed_to(account: &Account, topic: &str) -> Self {
        let sqs = aws_sdk_sqs::Client::new(&account.sdk_config());
        let arn = format!("arn:aws:sqs:us-east-1:{}:mailbox", account.id);
        let allow = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }]});
        let create = sqs.create_queue().queue_name("mailbox").attributes(QueueAttributeName::Policy, allow.to_string());
        let url = create.send().await.unwrap().queue_url.unwrap();
        let sns = aws_sdk_sns::Client::new(&account.sdk_config());
        sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn).send().await.unwrap();
        Self { sqs, url }
    }

    /// The next message, once there is one.
    pub(crate) async fn next(&self) -> Value {
        let mut message = None;
        for _ in 0..PATIENCE {
            let receive =
                self.sqs.receive_message().queue_url(&self.url).wait_time_seconds(5).max_number_of_messages(1);
            message = receive.send().await.unwrap().messages.unwrap_or_default().pop();
            if message.is_some() {
                break;
            }
        }
        let message = message.expect("nothing was published");
        self.sqs
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(message.receipt_handle().unwrap())
            .send()
            .await
            .unwrap();
        let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap()
    }
}
