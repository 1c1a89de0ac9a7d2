//! The state of a state machine whose tasks run.

use std::time::SystemTime;

use super::{
    attempts::{Attempt, Attempts},
    finding,
    step::Step,
};
use crate::{execution::State, progress::Now};

/// A state whose tasks run.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) state: State,
    pub(super) attempts: Attempts,
}

impl Work {
    pub(super) fn of(state: &State) -> Self {
        Self { state: state.clone(), attempts: Attempts::default() }
    }

    /// The name of its step. That of the state if it has several steps, as it is not known then which one runs.
    pub(super) fn name(&self) -> String {
        match &self.state.steps[..] {
            [step] => step.clone(),
            _ => finding::words(&self.state.name).replace(' ', "-"),
        }
    }

    pub(super) fn running(&self) -> Option<Now> {
        let since = self.attempts.running()?.since;
        Some(Now { what: self.name(), detail: None, since, is_wait: false })
    }

    pub(super) fn failures(&self, at: SystemTime) -> Vec<Step> {
        let failure = |attempt: &Attempt| Step {
            name: self.name(),
            succeeded: false,
            found: attempt.error.clone().unwrap_or_default(),
            since: attempt.since,
            until: at,
            attempts: attempt.number,
            looks: 1,
        };
        self.attempts.failed().map(failure).collect()
    }
}
