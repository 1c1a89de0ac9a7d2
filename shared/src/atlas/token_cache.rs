//! One access token for all functions. Atlas lets a service account have 100 live tokens and mint 50 a minute, and a
//! state machine that fans out starts more functions than that: so the token is kept in a secret of ours, one for each
//! service account, and whoever finds it stale first replaces it while the others wait.
//!
//! Secrets Manager has no lock, but it writes a version once: the right to mint the successor of a version is a version
//! with an id made from it, and the first to write that has won. A winner that dies is succeeded some seconds later.
//! Where the cache cannot be used at all, everyone mints for themselves, as without one.

#![expect(clippy::disallowed_methods, reason = "an access token expires, and others are waited for")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aws::{Claim, Secrets},
    error::Result,
};

/// A token is no longer handed out this long before it expires.
const MARGIN: Duration = Duration::from_mins(1);

/// How long a winner is waited for before the next one may try: a token takes a second or two.
const MINTING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long anyone waits in all, before minting for themselves.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often it is looked whether the winner is done.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

const DESCRIPTION: &str =
    "Access token of an Atlas service account, shared by the functions of atlas-cmk and renewed by them";

/// Where tokens are shared: secrets whose names begin like this.
#[derive(Debug, Clone)]
pub struct TokenCache {
    secrets: Secrets,
    prefix: String,
    key: Option<String>,
}

/// A token, and when it ends.
pub(super) struct CachedToken {
    pub(super) bearer: SecretString,
    pub(super) expires: SystemTime,
}

/// What the secret holds. Without a token it says that somebody is about to mint the first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default)]
    expires_at: u64,
    /// Makes the values of two writers different, by which Secrets Manager distinguishes them.
    writer: String,
}

impl TokenCache {
    /// Shares tokens in secrets whose names begin with `prefix`, encrypted with a key of KMS: a token is worth as much
    /// as the secret it was got with.
    pub fn new(secrets: Secrets, prefix: String, key: Option<String>) -> Self {
        Self { secrets, prefix, key }
    }

    /// The shared token, unless there is none that lives or it is the one that was `refused`: then, once nobody else is
    /// about to, it is ours to mint and to [`Self::share`], which `None` says.
    pub(super) async fn find(&self, client_id: &str, refused: Option<&SecretString>) -> Option<CachedToken> {
        let name = self.name(client_id);
        let started = Instant::now();
        while started.elapsed() < LONGEST_WAIT {
            match self.read(&name, refused, started.elapsed()).await {
                Ok(CacheState::Usable(token)) => return Some(token),
                Ok(CacheState::Wait) => tokio::time::sleep(POLL_INTERVAL).await,
                Ok(CacheState::Mint) | Err(_) => return None,
            }
        }
        None
    }

    /// Another key makes another secret: one that is there keeps the key that it was created with.
    fn name(&self, client_id: &str) -> String {
        let key = self.key.as_deref().and_then(|arn| arn.rsplit('/').next());
        let key = key.map(|id| format!("{id}/")).unwrap_or_default();
        format!("{}{key}{client_id}", self.prefix)
    }

    /// Hands a new token to everyone. That it cannot be handed over is nobody's loss but the next one's.
    pub(super) async fn share(&self, client_id: &str, token: &CachedToken) {
        let expires_at = seconds(token.expires);
        let value = value(&Value {
            token: Some(token.bearer.expose_secret().to_owned()),
            expires_at,
            writer: Uuid::new_v4().to_string(),
        });
        let _ = self.secrets.put(&self.name(client_id), &value, &Uuid::new_v4().to_string(), "AWSCURRENT").await;
    }

    async fn read(&self, name: &str, refused: Option<&SecretString>, waited: Duration) -> Result<CacheState> {
        let claim = value(&Value { token: None, expires_at: 0, writer: Uuid::new_v4().to_string() });
        let Some((text, version)) = self.secrets.find(name).await? else {
            return Ok(match self.secrets.create(name, &claim, DESCRIPTION, self.key.as_deref()).await? {
                Claim::Won => CacheState::Mint,
                Claim::Lost => CacheState::Wait,
            });
        };
        let found: Option<Value> = serde_json::from_str(text.expose_secret()).ok();
        if let Some(Value { token: Some(token), expires_at, .. }) = found {
            let bearer = SecretString::from(token);
            let expires = UNIX_EPOCH + Duration::from_secs(expires_at);
            let was_refused = refused.is_some_and(|refused| refused.expose_secret() == bearer.expose_secret());
            if SystemTime::now() + MARGIN < expires && !was_refused {
                return Ok(CacheState::Usable(CachedToken { bearer, expires }));
            }
        } else if waited < MINTING_TIMEOUT {
            // Whoever created the secret is minting.
            return Ok(CacheState::Wait);
        }
        // One claim for each span of time: whoever has claimed the last and died, or got no token, is succeeded in the
        // next.
        let span = seconds(SystemTime::now()) / MINTING_TIMEOUT.as_secs();
        let successor = format!("{version}-{span}");
        Ok(match self.secrets.put(name, &claim, &successor, "atlas-cmk-claim").await? {
            Claim::Won => CacheState::Mint,
            Claim::Lost => CacheState::Wait,
        })
    }
}

enum CacheState {
    Usable(CachedToken),
    Mint,
    Wait,
}

fn value(value: &Value) -> SecretString {
    serde_json::to_string(value).unwrap_or_default().into()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
