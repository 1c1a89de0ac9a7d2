//! The Atlas Administration API, as far as this project needs it.
//!
//! Types are written by hand: the official specification contradicts itself and the server in a dozen places (regions
//! that match no branch of their union, fields that are read-only and required, nulls that are not nullable). Readers
//! accept nulls, unknown fields and unknown enum values; only what a step relies on is required.

mod access_roles;
mod auth;
mod backup_compliance;
mod clusters;
mod credential;
mod encryption_at_rest;
mod errors;
mod groups;
mod private_endpoints;
mod service_accounts;
mod token_cache;
mod transport;

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use url::Url;

pub use access_roles::{AccessRole, FeatureUsage};
pub use backup_compliance::BackupCompliancePolicy;
pub use clusters::{Cluster, ClusterRefusal, EncryptionProvider, SearchNodes};
pub use credential::{Credential, CredentialSource};
pub use encryption_at_rest::{AwsKms, AwsKmsUpdate, EncryptionAtRest, OtherProvider};
pub use errors::{AtlasError, ErrorCode};
pub use groups::Project;
pub use private_endpoints::{EndpointStatus, PrivateEndpoint};
pub use service_accounts::{ServiceAccount, ServiceAccountSecret};
pub use token_cache::TokenCache;

/// How often and how fast a call is repeated.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts: usize,
    /// The shortest wait before another attempt, doubled each time. Also the floor under a `Retry-After`, which Atlas
    /// is known to send as 0.
    pub floor: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, floor: Duration::from_secs(1) }
    }
}

/// Reads from the Atlas Administration API. Clones share the connection, the secret and the token.
#[derive(Clone)]
pub struct AtlasReader {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
    requests: Arc<AtomicU32>,
}

struct Shared {
    http: reqwest::Client,
    base_url: Url,
    auth: auth::Authenticator,
    retry: RetryPolicy,
}

/// Written by hand because of the credentials.
impl fmt::Debug for AtlasReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtlasReader").field("base_url", &self.shared.base_url.as_str()).finish_non_exhaustive()
    }
}

impl AtlasReader {
    /// A client of the Atlas at `base_url` with the credentials that `source` yields when they are first needed.
    pub fn new(http: reqwest::Client, base_url: Url, source: CredentialSource, retry: RetryPolicy) -> Self {
        Self::with_token_cache(http, base_url, source, retry, None)
    }

    /// The same, with the access tokens of service accounts shared in `cache`.
    pub fn with_token_cache(
        http: reqwest::Client,
        base_url: Url,
        source: CredentialSource,
        retry: RetryPolicy,
        cache: Option<TokenCache>,
    ) -> Self {
        let auth = auth::Authenticator::new(http.clone(), base_url.clone(), source, cache);
        Self { shared: Arc::new(Shared { http, base_url, auth, retry }), deadline: None, requests: Arc::default() }
    }

    /// The same client for one invocation: it never waits past `deadline` and counts its own requests.
    #[must_use]
    pub fn for_invocation(&self, deadline: Instant) -> Self {
        Self { shared: Arc::clone(&self.shared), deadline: Some(deadline), requests: Arc::default() }
    }

    /// The shortest wait before anything is asked again.
    pub(crate) fn retry_floor(&self) -> Duration {
        self.shared.retry.floor
    }

    /// The requests sent so far for this invocation, those for authentication included.
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Writes to the Atlas Administration API, and reads.
#[derive(Debug, Clone)]
pub struct AtlasWriter(AtlasReader);

impl AtlasWriter {
    /// A writer with the connection, the secret and the token of a reader.
    pub fn new(reader: AtlasReader) -> Self {
        Self(reader)
    }
}

impl Deref for AtlasWriter {
    type Target = AtlasReader;

    fn deref(&self) -> &AtlasReader {
        &self.0
    }
}
