//! The lag between AWS and Atlas: a trust policy that works is not believed at once.
//!
//! Terraform provider test logs show it: the first authorize right after the role was made fails, the one ten
//! seconds later passes, and an encryptionAtRest PATCH may fail once more after authorize had passed.

use std::collections::HashMap;
use std::time::Duration;

/// Since when AWS grants the assumption of a role.
#[derive(Debug, Default)]
pub(crate) struct Propagation {
    /// By (Atlas role id, IAM role ARN); the external id belongs to the Atlas role.
    working_since: HashMap<(String, String), Duration>,
}

impl Propagation {
    /// AWS granted the assumption at `now`; whether Atlas sees it yet.
    pub(crate) fn granted(&mut self, role_id: &str, arn: &str, now: Duration, lag: Duration) -> bool {
        let since = *self.working_since.entry((role_id.to_owned(), arn.to_owned())).or_insert(now);
        now.saturating_sub(since) >= lag
    }

    /// AWS refused the assumption: when it works again, the lag starts again.
    pub(crate) fn refused(&mut self, role_id: &str, arn: &str) {
        self.working_since.remove(&(role_id.to_owned(), arn.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_is_believed_when_the_lag_is_over_and_again_after_each_change() {
        let lag = Duration::from_secs(10);
        let mut propagation = Propagation::default();
        let granted = |propagation: &mut Propagation, seconds| {
            propagation.granted("role", "arn", Duration::from_secs(seconds), lag)
        };
        for (seconds, believed) in [(5, false), (14, false), (15, true), (16, true)] {
            assert_eq!(granted(&mut propagation, seconds), believed, "at {seconds} s");
        }
        propagation.refused("role", "arn");
        for (seconds, believed) in [(20, false), (30, true)] {
            assert_eq!(granted(&mut propagation, seconds), believed, "at {seconds} s");
        }
    }

    #[test]
    fn without_a_lag_a_trust_is_believed_at_once() {
        assert!(Propagation::default().granted("role", "arn", Duration::ZERO, Duration::ZERO));
    }
}
