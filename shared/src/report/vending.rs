//! What came of a vending event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The outcome.
    pub result: VendingResult,
    /// The account, if the event names one.
    pub account_id: Option<String>,
    /// The execution for it, started now or before.
    pub execution_arn: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VendingResult {
    /// An enablement was started.
    Started,
    /// It had been started before.
    Known,
    /// The event does not concern atlas-cmk, or no profile applies to the account.
    Ignored,
    /// The account was not vended. This was published to the SNS topic.
    VendFailed,
    /// atlas-cmk could not handle the event. It published this; the event is on the dead-letter queue.
    Problem,
}
