//! A moment of simulated time, and what Atlas still goes by at that moment.

use std::time::Duration;

use crate::behaviour::Lags;

/// Now, and how far Atlas lags behind.
///
/// What ended is kept with the time it ended, and judged by the lags of the moment it is looked at: a test that
/// shortens a lag sees the effect at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) lags: Lags,
}

impl Moment {
    /// Whether a role record that encryption at rest left at `left` still counts as used by it.
    pub(crate) fn counts_role(self, left: Duration) -> bool {
        self.now < left + Duration::from_secs_f64(self.lags.role_in_use)
    }

    /// Whether a private endpoint that ceased to exist at `gone` still counts as there.
    pub(crate) fn counts_endpoint(self, gone: Duration) -> bool {
        self.now < gone + Duration::from_secs_f64(self.lags.endpoint)
    }

    /// Whether a cluster that ceased to use the key at `freed` still counts as using it.
    pub(crate) fn counts_cluster(self, freed: Duration) -> bool {
        self.now < freed + Duration::from_secs_f64(self.lags.cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment of a world without lags.
    fn prompt(seconds: u64) -> Moment {
        Moment { now: Duration::from_secs(seconds), lags: Lags::default() }
    }

    #[test]
    fn without_a_lag_what_ended_no_longer_counts() {
        let end = Duration::from_secs(10);
        for (seconds, expected) in [(9, true), (10, false)] {
            let moment = prompt(seconds);
            assert_eq!(moment.counts_role(end), expected);
            assert_eq!(moment.counts_endpoint(end), expected);
            assert_eq!(moment.counts_cluster(end), expected);
        }
    }

    #[test]
    fn each_lag_is_about_its_own_kind() {
        let end = Duration::from_secs(10);
        let lags = Lags { role_in_use: 5.0, endpoint: 6.0, cluster: 7.0 };
        let counts = |seconds| {
            let moment = Moment { lags, ..prompt(seconds) };
            [moment.counts_role(end), moment.counts_endpoint(end), moment.counts_cluster(end)]
        };
        assert_eq!(counts(14), [true, true, true]);
        assert_eq!(counts(15), [false, true, true]);
        assert_eq!(counts(16), [false, false, true]);
        assert_eq!(counts(17), [false, false, false]);
    }
}
