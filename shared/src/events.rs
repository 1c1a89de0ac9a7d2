//! Events as they really look: of Control Tower, Organizations, AFT, KMS, IAM and Secrets Manager.
//!
//! Types are our own and tolerant inside of [`EventBridgeEvent`]: those of `aws_lambda_events` for CloudTrail refuse
//! service events, sessions of the console, and whatever kind of event AWS adds next. What is not understood is
//! [`Reading::Unknown`], never an error: an error would only make EventBridge deliver the same event again.

pub mod change;
pub mod vending;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The content of an event, as far as it matters to atlas-cmk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// This.
    Of(T),
    /// Nothing that concerns us, and why not.
    Unknown(String),
}

/// An event in EventBridge's envelope, or `None` if it is in none.
fn envelope(event: &Value) -> Option<EventBridgeEvent<Value>> {
    EventBridgeEvent::deserialize(event).ok()
}

/// When something happened: as the record in the event says, or the event itself.
fn happened_at(event: &EventBridgeEvent<Value>) -> Option<Timestamp> {
    let recorded = event.detail["eventTime"].as_str().and_then(|text| text.parse().ok());
    recorded.or_else(|| event.time.and_then(|time| Timestamp::from_second(time.timestamp()).ok()))
}

/// A text of an event, unless it is missing, empty, or masked (`****`).
fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty() && !text.bytes().all(|b| b == b'*')).then(|| text.to_owned())
}
