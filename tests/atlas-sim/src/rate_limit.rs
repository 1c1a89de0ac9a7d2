//! Token buckets: one for each set of operations and each project, credential or organization.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// How large a bucket is and how fast it refills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) capacity: u32,
    pub(crate) refill_per_minute: u32,
}

/// The limits of every set, with Atlas's published numbers of April 2026 as defaults.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Limits {
    pub(crate) cloud_provider_access: Limit,
    pub(crate) encryption_at_rest: Limit,
    pub(crate) clusters: Limit,
    /// `/groups/{groupId}/clusters/{clusterName}/search/deployment`, for each project.
    pub(crate) search_deployments: Limit,
    /// "Cloud Backups", to which the backup compliance policy belongs, for each project.
    pub(crate) cloud_backups: Limit,
    /// `/groups` and `/groups/byName`, for each credential.
    pub(crate) groups: Limit,
    /// `/groups/{groupId}`, for each project.
    pub(crate) project: Limit,
    /// `/orgs/{orgId}/groups`, for each organization.
    pub(crate) organization: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        let limit = |capacity, refill_per_minute| Limit { capacity, refill_per_minute };
        Self {
            cloud_provider_access: limit(2000, 1000),
            encryption_at_rest: limit(2000, 1000),
            clusters: limit(10_000, 5000),
            search_deployments: limit(1200, 500),
            cloud_backups: limit(1200, 500),
            groups: limit(1200, 500),
            project: limit(1200, 500),
            organization: limit(500, 250),
        }
    }
}

/// A set of operations that share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LimitSet {
    CloudProviderAccess,
    EncryptionAtRest,
    Clusters,
    SearchDeployments,
    CloudBackups,
    Groups,
    Project,
    Organization,
}

impl Limits {
    /// The limit of a set.
    pub(crate) fn of(&self, set: LimitSet) -> Limit {
        match set {
            LimitSet::CloudProviderAccess => self.cloud_provider_access,
            LimitSet::EncryptionAtRest => self.encryption_at_rest,
            LimitSet::Clusters => self.clusters,
            LimitSet::SearchDeployments => self.search_deployments,
            LimitSet::CloudBackups => self.cloud_backups,
            LimitSet::Groups => self.groups,
            LimitSet::Project => self.project,
            LimitSet::Organization => self.organization,
        }
    }
}

/// A bucket of tokens. Every request takes one.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    limit: Limit,
    tokens: f64,
    counted: Instant,
}

/// What a bucket says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Go on; so many are left.
    Granted { remaining: u32 },
    /// Come back after this long.
    Refused { retry_after: Duration },
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn full(limit: Limit, now: Instant) -> Self {
        Self { limit, tokens: f64::from(limit.capacity), counted: now }
    }

    /// Takes a token if there is one. A bucket whose limit was changed starts again, full.
    pub(crate) fn take(&mut self, limit: Limit, now: Instant) -> Take {
        if self.limit != limit {
            *self = Self::full(limit, now);
        }
        let per_second = f64::from(limit.refill_per_minute) / 60.0;
        let passed = now.saturating_duration_since(self.counted).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(f64::from(limit.capacity));
        self.counted = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and the capacity, which is a u32"
            )]
            let remaining = self.tokens as u32;
            return Take::Granted { remaining };
        }
        let retry_after = if limit.refill_per_minute == 0 {
            Duration::from_mins(1)
        } else {
            Duration::from_secs_f64((1.0 - self.tokens) / per_second)
        };
        Take::Refused { retry_after }
    }
}

/// All buckets in use.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    buckets: HashMap<(LimitSet, String), TokenBucket>,
}

impl Buckets {
    /// Takes a token for a request of `set` in `scope` (a project, credential or organization).
    pub(crate) fn take(&mut self, set: LimitSet, scope: &str, limit: Limit, now: Instant) -> Take {
        self.buckets.entry((set, scope.to_owned())).or_insert_with(|| TokenBucket::full(limit, now)).take(limit, now)
    }
}

/// The 429 of Atlas. Whole seconds are rounded down, as observed: a wait of 0 does occur, and a client has to
/// put a floor under it.
pub(crate) fn refused(path: &str, limit: Limit, retry_after: Duration) -> ApiError {
    let path = path.trim_start_matches('/');
    let seconds = retry_after.as_secs();
    let Limit { capacity, refill_per_minute } = limit;
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "RATE_LIMITED_TOKEN_BUCKET",
        format!(
            "Rate limit exceeded for {path}. Please retry after {seconds} seconds. Request capacity: {capacity}. \
             Refill rate: {refill_per_minute} per 60 seconds."
        ),
    )
    .with(path)
    .with(seconds)
    .with(capacity)
    .with(refill_per_minute)
    .with(60)
    .header("Retry-After", seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { capacity: 3, refill_per_minute: 60 };

    #[test]
    fn a_bucket_empties_refuses_and_refills() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(LIMIT, start);
        let granted = |remaining| Take::Granted { remaining };
        let refused = |millis| Take::Refused { retry_after: Duration::from_millis(millis) };
        // (milliseconds since the start, what the bucket says)
        let table = [
            (0, granted(2)),
            (0, granted(1)),
            (0, granted(0)),
            (0, refused(1000)),
            (500, refused(500)),
            (1000, granted(0)),
            (1000, refused(1000)),
            (60_000, granted(2)),
        ];
        for (millis, expected) in table {
            let now = start + Duration::from_millis(millis);
            assert_eq!(bucket.take(LIMIT, now), expected, "at {millis} ms");
        }
    }

    #[test]
    fn a_changed_limit_starts_a_new_bucket() {
        let start = Instant::now();
        let mut bucket = TokenBucket::full(LIMIT, start);
        let smaller = Limit { capacity: 1, refill_per_minute: 0 };
        assert_eq!(bucket.take(smaller, start), Take::Granted { remaining: 0 });
        assert_eq!(bucket.take(smaller, start), Take::Refused { retry_after: Duration::from_mins(1) });
    }

    #[test]
    fn scopes_do_not_share_a_bucket() {
        let now = Instant::now();
        let one = Limit { capacity: 1, refill_per_minute: 1 };
        let mut buckets = Buckets::default();
        for project in ["a", "b"] {
            assert_eq!(buckets.take(LimitSet::EncryptionAtRest, project, one, now), Take::Granted { remaining: 0 });
        }
    }

    #[test]
    fn the_refusal_names_path_wait_capacity_and_refill() {
        let error = refused(
            "/api/atlas/v2/groups",
            Limit { capacity: 1200, refill_per_minute: 500 },
            Duration::from_millis(120),
        );
        assert_eq!(error.body()["parameters"].to_string(), r#"["api/atlas/v2/groups",0,1200,500,60]"#);
        assert_eq!(error.headers, [("Retry-After".to_owned(), "0".to_owned())]);
    }
}
