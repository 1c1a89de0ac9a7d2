//! A step that is finished, as a line.

use std::time::{Duration, SystemTime};

use crate::progress::Style;

/// A step that is finished, or would be if nothing looked at its subject again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Its name: that of the function.
    pub(super) name: String,
    /// Whether it succeeded and found nothing that stands in the way.
    pub(super) succeeded: bool,
    /// What it did or found, or the name of the error it failed with.
    pub(super) found: String,
    /// When its first attempt began.
    pub(super) since: SystemTime,
    /// When its last attempt ended.
    pub(super) until: SystemTime,
    /// How many attempts it took.
    pub(super) attempts: u32,
    /// How many times it looked, if it looked again after waiting.
    pub(super) looks: u32,
}

impl Step {
    /// The line, with styles where `paint` makes any.
    pub(super) fn line(&self, paint: impl Fn(Style, &str) -> String) -> String {
        let mark = if self.succeeded { paint(Style::Good, "✓") } else { paint(Style::Bad, "✗") };
        let took = self.until.duration_since(self.since).unwrap_or(Duration::ZERO).as_secs_f64();
        let took = paint(Style::Dim, &format!("{took:>6.1} s"));
        let line = format!("{mark} {:<22} {took}  {}", self.name, self.found);
        match self.note() {
            Some(note) => format!("{line} {}", paint(Style::Dim, &note)),
            None => line,
        }
    }

    fn note(&self) -> Option<String> {
        match (self.attempts, self.looks) {
            (..=1, ..=1) => None,
            (attempts, ..=1) => Some(format!("(after {attempts} attempts)")),
            (..=1, looks) => Some(format!("(after {looks} looks)")),
            (attempts, looks) => Some(format!("(after {looks} looks, {attempts} attempts)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_line_in_columns() {
        let step = |succeeded, millis, attempts, looks| Step {
            name: "authorize-role".to_owned(),
            succeeded,
            found: "role authorized".to_owned(),
            since: SystemTime::UNIX_EPOCH,
            until: SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
            attempts,
            looks,
        };
        for (step, expected) in [
            (step(true, 340, 1, 1), "✓ authorize-role            0.3 s  role authorized"),
            (step(true, 12_345, 3, 1), "✓ authorize-role           12.3 s  role authorized (after 3 attempts)"),
            (step(false, 0, 1, 1), "✗ authorize-role            0.0 s  role authorized"),
            (step(true, 999, 1, 4), "✓ authorize-role            1.0 s  role authorized (after 4 looks)"),
            (step(true, 999, 5, 4), "✓ authorize-role            1.0 s  role authorized (after 4 looks, 5 attempts)"),
        ] {
            assert_eq!(step.line(|_, text| text.to_owned()), expected);
        }
        let painted = step(true, 340, 1, 1).line(|style, text| format!("<{style:?}:{text}>"));
        assert_eq!(painted, "<Good:✓> authorize-role         <Dim:   0.3 s>  role authorized");
    }
}
