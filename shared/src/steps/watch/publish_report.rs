//! `publish-report`: publishes to the SNS topic that a project differs from its registered state, or what a sweep
//! found.

mod drift;
mod sweep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{drift::Drift, sweep::Results};
use crate::{
    error::Result,
    request::SweepReport,
    step::{Actions, Notify, Step, Writers, actions},
};

/// The step.
pub struct PublishReport;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Input {
    /// In one project.
    Drift(Drift),
    /// In all projects.
    Sweep(Results),
}

/// The published message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The kind of the message, which subscriptions can filter on.
    pub kind: String,
    /// The report of a sweep; null of a project.
    pub report: Option<SweepReport>,
}

impl Step for PublishReport {
    const NAME: &'static str = "publish-report";
    const ABOUT: &'static str = "Publishes on the topic what differs or was repaired in a project, or the report of a \
        sweep";
    const ACTIONS: Actions = &[actions::PUBLISH];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "drift": {
                "projectId": "66f0a1b2c3d4e5f601234567",
                "state": "drifted",
                "differences": [
                    {
                        "resource": "arn:aws:iam::444455556666:role/atlas-cmk",
                        "difference": "its trust policy has no statement for the access role"
                    }
                ],
                "findings": [],
                "changes": [],
                "cause": {
                    "event": "UpdateAssumeRolePolicy",
                    "resource": "role atlas-cmk of account 444455556666"
                },
                "execution": "change-66f0a1b2c3d4e5f601234567-0011223344556677"
            }
        })
    }
}

impl Notify for PublishReport {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        let message = match input {
            Input::Drift(drift) => drift::message(drift),
            Input::Sweep(results) => sweep::message(results),
        };
        writers.topic()?.publish(message.kind, &message.subject, &message.text).await?;
        Ok(Output { kind: message.kind.to_owned(), report: message.report })
    }
}

/// A message to the topic.
struct Message {
    kind: &'static str,
    subject: String,
    text: String,
    report: Option<SweepReport>,
}
