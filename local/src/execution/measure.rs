//! What an execution cost, from its history.

use std::time::Duration;

use aws_sdk_sfn::{
    primitives::DateTime,
    types::{HistoryEvent, HistoryEventType as Type},
};

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

impl Measure {
    pub(super) fn of(events: &[HistoryEvent]) -> Self {
        // Every state entered is a transition, and so is every attempt of a task after its first. The engine records no
        // states inside a Map but does record their attempts, so tasks are counted by attempts and all other states by
        // entries.
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
    use aws_sdk_sfn::types::StateEnteredEventDetails;

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
}
