//! The attempts of the tasks of one state, and how long they take.

use std::{collections::VecDeque, time::SystemTime};

/// An attempt that runs, or the last one of a task that has failed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When the first attempt of its task began.
    pub(super) since: SystemTime,
    /// Its number, from one.
    pub(super) number: u32,
    /// The name of the error it failed with.
    pub(super) error: Option<String>,
}

/// The attempts of the tasks of one state. No event says which task of a Map it belongs to, so the one that began or
/// failed first is taken: that is right wherever tasks run one after the other, and about right elsewhere.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    running: VecDeque<Attempt>,
    failed: VecDeque<Attempt>,
}

impl Attempts {
    /// An attempt begins: the next one of a task that has failed, or the first one of another.
    pub(super) fn begin(&mut self, at: SystemTime) {
        let next = self.failed.pop_front().map(|failed| Attempt { number: failed.number + 1, error: None, ..failed });
        self.running.push_back(next.unwrap_or(Attempt { since: at, number: 1, error: None }));
    }

    /// An attempt ends well.
    pub(super) fn succeed(&mut self, at: SystemTime) -> Attempt {
        self.running.pop_front().unwrap_or(Attempt { since: at, number: 1, error: None })
    }

    /// An attempt fails.
    pub(super) fn fail(&mut self, at: SystemTime, error: &str) {
        let attempt = self.succeed(at);
        self.failed.push_back(Attempt { error: Some(error.to_owned()), ..attempt });
    }

    /// The attempt that has been running for the longest time.
    pub(super) fn running(&self) -> Option<&Attempt> {
        self.running.front()
    }

    /// The attempts that failed and were not repeated so far.
    pub(super) fn failed(&self) -> impl Iterator<Item = &Attempt> {
        self.failed.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_attempt_after_a_failed_one_continues_its_task() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let attempt = |seconds, number| Attempt { since: at(seconds), number, error: None };
        let mut attempts = Attempts::default();
        attempts.begin(at(1));
        attempts.begin(at(2));
        attempts.fail(at(3), "Aws.Propagating");
        assert_eq!(attempts.failed().next().unwrap().error.as_deref(), Some("Aws.Propagating"));
        assert_eq!(attempts.running(), Some(&attempt(2, 1)));
        attempts.begin(at(4));
        assert_eq!(attempts.failed().count(), 0);
        assert_eq!(attempts.succeed(at(5)), attempt(2, 1));
        assert_eq!(attempts.succeed(at(6)), attempt(1, 2));
        assert_eq!(attempts.running(), None);
    }
}
