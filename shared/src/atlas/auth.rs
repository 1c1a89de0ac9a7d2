//! Authentication: HTTP digest for API keys, OAuth 2.0 client credentials for service accounts.
//!
//! Both keep what costs a request: a digest challenge is answered again and again with a growing count until Atlas asks
//! for another, and a token is kept until shortly before it expires. Live tokens are limited to 100 per service
//! account.

#![expect(clippy::disallowed_methods, reason = "an access token expires")]

use std::time::{Duration, Instant, SystemTime};

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{
    AtlasError, Credential, CredentialSource,
    token_cache::{CachedToken, TokenCache},
};

/// A token is renewed this long before it expires, so that none expires on its way to Atlas.
const RENEWAL_MARGIN: Duration = Duration::from_mins(1);

/// No token is trusted for longer, whatever its `expires_in` says. Atlas's live an hour.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

pub(super) struct Authenticator {
    http: reqwest::Client,
    base_url: Url,
    source: CredentialSource,
    cache: Option<TokenCache>,
    session: Mutex<Session>,
}

/// What is kept between requests. Every new secret, challenge or token makes a new generation, so that of several calls
/// which were refused for the same reason only the first renews anything.
#[derive(Default)]
struct Session {
    generation: u64,
    credential: Option<Credential>,
    challenge: Option<WwwAuthenticateHeader>,
    token: Option<Token>,
    /// The token that Atlas refused last, which the cache may still hold.
    refused: Option<SecretString>,
    /// Whether a call failed for what may be the secret's fault.
    doubtful: bool,
}

struct Token {
    bearer: SecretString,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u64,
}

/// How a request is authenticated.
pub(super) struct Authorization {
    /// `None` for the first request with an API key, which is sent to be challenged.
    pub(super) header: Option<HeaderValue>,
    /// What it was made from; to be handed back if it is refused.
    pub(super) generation: u64,
}

impl Authenticator {
    pub(super) fn new(
        http: reqwest::Client,
        base_url: Url,
        source: CredentialSource,
        cache: Option<TokenCache>,
    ) -> Self {
        Self { http, base_url, source, cache, session: Mutex::default() }
    }

    /// The authorization of a request. `count` is called for every request to Atlas this makes itself.
    pub(super) async fn authorize(
        &self,
        method: &Method,
        url: &Url,
        count: impl Fn(),
    ) -> Result<Authorization, AtlasError> {
        // Held while a secret is read or a token minted: whoever comes second finds it done.
        let mut session = self.session.lock().await;
        let session = &mut *session;
        self.check(session).await?;
        let credential = match &session.credential {
            Some(credential) => credential,
            None => session.credential.insert(self.source.read().await.map_err(AtlasError::credentials)?),
        };
        let text = match credential {
            Credential::ApiKey { public_key, private_key } => match &mut session.challenge {
                None => None,
                Some(challenge) => Some(digest(challenge, public_key, private_key, method, url)?),
            },
            Credential::ServiceAccount { client_id, client_secret } => {
                let token = match session.token.take().filter(|token| Instant::now() < token.renew_at) {
                    Some(token) => token,
                    None => {
                        let token = self.token(client_id, client_secret, session.refused.as_ref(), count).await?;
                        session.generation += 1;
                        token
                    }
                };
                let text = format!("Bearer {}", token.bearer.expose_secret());
                session.token = Some(token);
                Some(text)
            }
        };
        let header = text.map(HeaderValue::try_from).transpose().map_err(|_| AtlasError::unusable_credentials())?;
        let header = header.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Authorization { header, generation: session.generation })
    }

    /// The client id of the service account in use and the last `seen` characters of its secret, or `None` if an API
    /// key is in use.
    pub(super) async fn service_account(&self, seen: usize) -> Result<Option<(String, String)>, AtlasError> {
        let mut session = self.session.lock().await;
        self.check(&mut session).await?;
        let credential = match &session.credential {
            Some(credential) => credential,
            None => session.credential.insert(self.source.read().await.map_err(AtlasError::credentials)?),
        };
        Ok(match credential {
            Credential::ApiKey { .. } => None,
            Credential::ServiceAccount { client_id, client_secret } => {
                let secret = client_secret.expose_secret();
                let ending = secret.char_indices().rev().nth(seen.saturating_sub(1)).map_or(0, |(at, _)| at);
                Some((client_id.clone(), secret[ending..].to_owned()))
            }
        })
    }

    /// Takes the digest challenge of a 401. False if there is none, or if digest is not what we authenticate with.
    pub(super) async fn accept_challenge(&self, refused: u64, headers: &HeaderMap) -> bool {
        let challenge = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|text| WwwAuthenticateHeader::parse(text).ok());
        let mut session = self.session.lock().await;
        if !matches!(session.credential, Some(Credential::ApiKey { .. })) {
            return false;
        }
        let Some(challenge) = challenge else { return false };
        if session.generation == refused {
            session.challenge = Some(challenge);
            session.generation += 1;
        }
        true
    }

    /// Reads the secret again, which may have been rotated, and gives up the token. False if that leaves nothing to
    /// try: the credentials are the same, and were refused for `lack_of_rights`, which another token would not fix.
    pub(super) async fn renew(&self, refused: u64, lack_of_rights: bool) -> Result<bool, AtlasError> {
        let mut session = self.session.lock().await;
        if session.generation != refused {
            return Ok(true);
        }
        let credential = self.source.read().await.map_err(AtlasError::credentials)?;
        if lack_of_rights && session.credential.as_ref().is_some_and(|current| current.is_the_same_as(&credential)) {
            return Ok(false);
        }
        let refused_token = session.token.take().map(|token| token.bearer);
        *session = Session {
            generation: refused + 1,
            credential: Some(credential),
            refused: refused_token,
            ..Session::default()
        };
        Ok(true)
    }

    /// Has the secret read again before the next call: a warm function would keep a wrong one for as long as it lives.
    pub(super) async fn doubt(&self) {
        self.session.lock().await.doubtful = true;
    }

    /// Reads a doubtful secret again. What was made from it is kept if it is the same.
    async fn check(&self, session: &mut Session) -> Result<(), AtlasError> {
        if !session.doubtful {
            return Ok(());
        }
        let credential = self.source.read().await.map_err(AtlasError::credentials)?;
        if session.credential.as_ref().is_some_and(|current| current.is_the_same_as(&credential)) {
            session.doubtful = false;
        } else {
            let generation = session.generation + 1;
            *session = Session { generation, credential: Some(credential), ..Session::default() };
        }
        Ok(())
    }

    /// What a call can renew if not even an authorization could be had for it.
    pub(super) async fn generation(&self) -> u64 {
        self.session.lock().await.generation
    }

    /// The token that all functions share, where they share one, else one of our own.
    async fn token(
        &self,
        client_id: &str,
        client_secret: &SecretString,
        refused: Option<&SecretString>,
        count: impl Fn(),
    ) -> Result<Token, AtlasError> {
        let found = match &self.cache {
            Some(cache) => cache.find(client_id, refused).await,
            None => None,
        };
        if let Some(token) = found {
            let left = token.expires.duration_since(SystemTime::now()).unwrap_or_default();
            return Ok(Token { bearer: token.bearer, renew_at: Instant::now() + left.saturating_sub(RENEWAL_MARGIN) });
        }
        count();
        let token = self.mint(client_id, client_secret).await?;
        if let Some(cache) = &self.cache {
            let left = token.renew_at.saturating_duration_since(Instant::now()) + RENEWAL_MARGIN;
            cache
                .share(client_id, &CachedToken { bearer: token.bearer.clone(), expires: SystemTime::now() + left })
                .await;
        }
        Ok(token)
    }

    async fn mint(&self, client_id: &str, client_secret: &SecretString) -> Result<Token, AtlasError> {
        let url = self.base_url.join("/api/oauth/token").map_err(|_| AtlasError::unusable_credentials())?;
        let asked_at = Instant::now();
        let answer = self
            .http
            .post(url)
            .basic_auth(client_id, Some(client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .map_err(|error| AtlasError::token_transport(&error))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let body = answer.bytes().await.map_err(|error| AtlasError::token_transport(&error))?;
        if !status.is_success() {
            return Err(AtlasError::token_refused(status, &headers, &body));
        }
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| AtlasError::token_unreadable(status))?;
        let lifetime = Duration::from_secs(answer.expires_in).min(LONGEST_LIFE);
        Ok(Token { bearer: answer.access_token, renew_at: asked_at + lifetime.saturating_sub(RENEWAL_MARGIN) })
    }
}

fn digest(
    challenge: &mut WwwAuthenticateHeader,
    public_key: &str,
    private_key: &SecretString,
    method: &Method,
    url: &Url,
) -> Result<String, AtlasError> {
    let uri = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let readers = AuthContext::new_with_method(
        public_key,
        private_key.expose_secret(),
        uri,
        None::<&[u8]>,
        HttpMethod::from(method.as_str()),
    );
    let answer = challenge.respond(&readers).map_err(|_| AtlasError::unknown_challenge())?;
    Ok(answer.to_header_string())
}
