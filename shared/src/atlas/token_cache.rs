//! One access token for all functions. Atlas lets a service account have 100 live tokens and mint 50 a minute, and a
//! state machine that fans out starts more functions than that: so tokens are kept in a secret of the stack, and whoever
//! finds one stale first replaces it while the others wait.
//!
//! Where the cache cannot be used at all, everyone mints for themselves, as without one.

#![expect(clippy::disallowed_methods, reason = "an access token expires, and others are waited for")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    aws::{Leases, Secrets},
    error::Result,
    registry::minting,
};

/// A token is no longer handed out this long before it expires.
const MARGIN: Duration = Duration::from_mins(1);

/// How long anyone waits in all, before minting for themselves.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often it is looked whether the winner is done.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Where tokens are shared.
#[derive(Debug, Clone)]
pub struct TokenCache {
    secrets: Secrets,
    secret_id: String,
    leases: Leases,
}

/// A token, and when it ends.
pub(super) struct CachedToken {
    pub(super) bearer: SecretString,
    pub(super) expires: SystemTime,
}

/// What the secret holds: tokens by the client ids of their service accounts.
type Tokens = BTreeMap<String, Entry>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// Names the token without telling it.
    id: String,
    token: String,
    expires_at: u64,
}

impl TokenCache {
    /// Shares tokens in a secret that is there already, and the right to mint them in the registry.
    pub fn new(secrets: Secrets, secret_id: String, leases: Leases) -> Self {
        Self { secrets, secret_id, leases }
    }

    /// The shared token, unless there is none that lives or it is the one that was `refused`: then, once nobody else is
    /// about to, it is ours to mint and to [`Self::share`], which `None` says.
    pub(super) async fn find(&self, client_id: &str, refused: Option<&SecretString>) -> Option<CachedToken> {
        let started = Instant::now();
        while started.elapsed() < LONGEST_WAIT {
            let entry = self.read().await.ok()?.remove(client_id);
            let stale = match entry.map(|entry| usable(entry, refused)) {
                Some(Ok(token)) => return Some(token),
                Some(Err(id)) => Some(id),
                None => None,
            };
            let now = seconds(SystemTime::now()).cast_signed();
            if minting::take_turn(&self.leases, client_id, stale.as_deref(), now).await.ok()? {
                return None;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        None
    }

    /// Hands a new token to everyone. That it cannot be handed over is nobody's loss but the next one's; so it is where
    /// the token of another service account is written at the same moment, and the last to write wins.
    pub(super) async fn share(&self, client_id: &str, token: &CachedToken) {
        let now = seconds(SystemTime::now());
        let mut tokens = self.read().await.unwrap_or_default();
        tokens.retain(|_, entry| now < entry.expires_at);
        let bearer = token.bearer.expose_secret().to_owned();
        let entry = Entry { id: Uuid::new_v4().to_string(), token: bearer, expires_at: seconds(token.expires) };
        tokens.insert(client_id.to_owned(), entry);
        let value = SecretString::from(serde_json::to_string(&tokens).unwrap_or_default());
        let _ = self.secrets.put(&self.secret_id, &value).await;
    }

    /// What is not readable counts as nothing, and is replaced.
    async fn read(&self) -> Result<Tokens> {
        let text = self.secrets.read(&self.secret_id).await?;
        Ok(serde_json::from_str(text.expose_secret()).unwrap_or_default())
    }
}

/// The token, or the id of one that is not to be used any more.
fn usable(entry: Entry, refused: Option<&SecretString>) -> std::result::Result<CachedToken, String> {
    let expires = UNIX_EPOCH + Duration::from_secs(entry.expires_at);
    let was_refused = refused.is_some_and(|refused| refused.expose_secret() == entry.token);
    if was_refused || expires <= SystemTime::now() + MARGIN {
        return Err(entry.id);
    }
    Ok(CachedToken { bearer: entry.token.into(), expires })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
