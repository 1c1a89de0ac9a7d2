//! What the history of an execution tells: what happens, and what it costs.

use std::time::Duration;

use aws_sdk_sfn::{
    primitives::DateTime,
    types::{HistoryEvent, HistoryEventType as Type},
};
use serde_json::Value;

/// Something worth telling a person who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A state was entered.
    Entered(String),
    /// An attempt of a task failed: its error's name and message. The state machine may retry it.
    AttemptFailed {
        /// The name.
        error: String,
        /// The message.
        reason: String,
    },
    /// A state told how things stand, as `check-endpoints` does.
    Told(Value),
}

/// What an execution cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measure {
    /// State transitions, retries included: what Step Functions bills.
    pub state_transitions: usize,
    /// Time in functions and between states.
    pub working: Duration,
    /// Time in Wait states and between the attempts of a task.
    pub waiting: Duration,
}

pub(super) fn happening(event: &HistoryEvent) -> Option<Happening> {
    match event.r#type() {
        Type::TaskFailed => {
            let details = event.task_failed_event_details()?;
            Some(Happening::AttemptFailed {
                error: details.error()?.to_owned(),
                reason: reason(details.cause().unwrap_or_default()),
            })
        }
        Type::TaskStateExited => {
            let output = event.state_exited_event_details()?.output()?;
            serde_json::from_str(output).ok().map(Happening::Told)
        }
        _ => event.state_entered_event_details().map(|details| Happening::Entered(details.name().to_owned())),
    }
}

/// The message of a function's error, which Step Functions hands on as JSON.
fn reason(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|cause| cause["errorMessage"].as_str());
    message.unwrap_or(cause).to_owned()
}

impl Measure {
    pub(super) fn of(events: &[HistoryEvent]) -> Self {
        // Every state entered is a transition, and so is every attempt of a task after its first. The engine records no states
        // inside a Map but does record their attempts, so tasks are counted by attempts and all other states by entries.
        let is_transition = |event: &&HistoryEvent| match event.r#type() {
            Type::TaskScheduled => true,
            Type::TaskStateEntered => false,
            _ => event.state_entered_event_details().is_some(),
        };
        let total = match (events.first(), events.last()) {
            (Some(first), Some(last)) => between(first.timestamp(), last.timestamp()),
            _ => Duration::ZERO,
        };
        let waiting = waiting(events);
        Self {
            state_transitions: events.iter().filter(is_transition).count(),
            working: total.saturating_sub(waiting),
            waiting,
        }
    }
}

fn waiting(events: &[HistoryEvent]) -> Duration {
    let pauses = events.windows(2).filter(|pair| {
        let in_wait_state = *pair[0].r#type() == Type::WaitStateEntered;
        let before_retry = *pair[0].r#type() == Type::TaskFailed && *pair[1].r#type() == Type::TaskScheduled;
        in_wait_state || before_retry
    });
    pauses.map(|pair| between(pair[0].timestamp(), pair[1].timestamp())).sum()
}

fn between(start: &DateTime, end: &DateTime) -> Duration {
    let millis = end.to_millis().unwrap_or_default() - start.to_millis().unwrap_or_default();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::types::{StateEnteredEventDetails, TaskFailedEventDetails};

    use super::*;

    fn event(id: i64, at: i64, kind: Type) -> aws_sdk_sfn::types::builders::HistoryEventBuilder {
        HistoryEvent::builder().id(id).timestamp(DateTime::from_millis(at)).r#type(kind)
    }

    fn entered(id: i64, at: i64, kind: Type, name: &str) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        event(id, at, kind).state_entered_event_details(details).build().unwrap()
    }

    #[test]
    fn transitions_are_entries_and_retries_and_waiting_is_between_them() {
        let events = vec![
            entered(1, 0, Type::TaskStateEntered, "Authorize"),
            event(2, 0, Type::TaskScheduled).build().unwrap(),
            event(3, 100, Type::TaskFailed).build().unwrap(),
            event(4, 400, Type::TaskScheduled).build().unwrap(),
            event(5, 500, Type::TaskSucceeded).build().unwrap(),
            entered(6, 500, Type::WaitStateEntered, "Wait"),
            event(7, 1500, Type::WaitStateExited).build().unwrap(),
            entered(8, 1500, Type::PassStateEntered, "Done"),
        ];
        let measure = Measure::of(&events);
        assert_eq!(measure.state_transitions, 4);
        assert_eq!((measure.working.as_millis(), measure.waiting.as_millis()), (200, 1300));
    }

    #[test]
    fn a_failed_attempt_tells_the_functions_own_words() {
        let details = TaskFailedEventDetails::builder()
            .resource_type("lambda")
            .resource("invoke")
            .error("Atlas.CannotAssumeRole")
            .cause(r#"{"errorType":"Atlas.CannotAssumeRole","errorMessage":"not yet"}"#)
            .build()
            .unwrap();
        let event = event(1, 0, Type::TaskFailed).task_failed_event_details(details).build().unwrap();
        assert_eq!(
            happening(&event),
            Some(Happening::AttemptFailed { error: "Atlas.CannotAssumeRole".to_owned(), reason: "not yet".to_owned() })
        );
    }
}
