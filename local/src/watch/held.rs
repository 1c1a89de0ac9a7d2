//! A step that finished, and what may continue it.

use std::time::SystemTime;

use super::{PAUSE, step::Step};
use crate::execution::{Kind, State};

/// A step that finished, and what may continue it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) step: Step,
    /// The state it was in.
    pub(super) state: String,
    /// What it changed, if it changed something.
    pub(super) changed: Option<String>,
    /// How what it looked at stands.
    pub(super) status: Option<String>,
}

impl Held {
    /// As the last of several looks.
    pub(super) fn looking_again_after(self, before: &Self) -> Self {
        let (since, looks) = (before.step.since, before.step.looks + 1);
        let attempts = before.step.attempts + self.step.attempts - 1;
        Self { step: Step { since, attempts, looks, ..self.step }, ..self }
    }

    /// As a change that a look has seen since.
    pub(super) fn until(self, look: Self) -> Self {
        Self { step: Step { until: look.step.until, ..self.step }, status: look.status, ..self }
    }

    /// As the end of what a look before it began.
    pub(super) fn since(self, before: &Self) -> Self {
        Self { step: Step { since: before.step.since, ..self.step }, ..self }
    }

    /// Whether this is what a state has come to that runs several steps for each of its items, and waits now.
    pub(super) fn is_in_pause(&self, state: &State, at: SystemTime) -> bool {
        let idle = at.duration_since(self.step.until).unwrap_or_default();
        state.kind == Kind::Group && self.state == state.name && idle >= PAUSE
    }
}
