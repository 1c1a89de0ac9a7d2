//! What is known of a step besides what it does: tests compare it with the template, the state machines and what was
//! recorded.

use serde_json::{Value, json};

use crate::error::ErrorName;

/// Which errors of a step pass by themselves, besides those of every step, and for how long the state machine retries
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// None: only what Lambda, AWS and Atlas recover from by themselves, and an account that is not ready yet.
    Transient,
    /// What takes minutes to reach every part of AWS and Atlas.
    Minutes(&'static [ErrorName]),
    /// What another team or Atlas itself may take hours for.
    Hours(&'static [ErrorName]),
}

/// Actions of AWS, such as `iam:GetRole`, in groups that several steps share.
pub type Actions = &'static [&'static [&'static str]];

/// The actions that several steps need.
pub mod actions {
    /// Reading the Atlas credentials, and sharing the access token that they give.
    pub const ATLAS: &[&str] = &[
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
    ];

    /// Assuming a role in another account. What is done there is among the other actions of the step.
    pub const OTHER_ACCOUNTS: &[&str] = &["sts:AssumeRole"];

    /// Publishing to the topic, which is encrypted.
    pub const PUBLISH: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"];
}

/// A sample input that people send by hand, so that it is a file.
///
/// # Panics
/// If it is no JSON.
pub fn sample_file(text: &str) -> Value {
    serde_json::from_str(text).expect("a file in events/steps is JSON")
}

/// The request in samples of steps that take one: a project, and a multi-Region key in three regions.
pub fn sample_request() -> Value {
    json!({
        "projectId": "66f0a1b2c3d4e5f601234567",
        "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk",
        "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "regions": ["us-east-1", "eu-west-1", "ap-southeast-2"],
    })
}
