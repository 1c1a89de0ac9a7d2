//! Authentication: HTTP digest for API keys, OAuth 2.0 client credentials for service accounts.
//!
//! Both keep what costs a request: a digest challenge is answered again and again with a growing count until Atlas asks
//! for another, and a token is kept until shortly before it expires. Live tokens are limited to 100 per service account.

use std::time::{Duration, Instant};

use digest_auth::{AuthContext, HttpMethod, WwwAuthenticateHeader};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{AtlasError, Credential, CredentialSource};

/// A token is renewed this long before it expires, so that none expires on its way to Atlas.
const RENEWAL_MARGIN: Duration = Duration::from_mins(1);

pub(super) struct Authenticator {
    http: reqwest::Client,
    base_url: Url,
    source: CredentialSource,
    session: Mutex<Option<Session>>,
}

struct Session {
    credential: Credential,
    challenge: Option<WwwAuthenticateHeader>,
    token: Option<Token>,
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

impl Authenticator {
    pub(super) fn new(http: reqwest::Client, base_url: Url, source: CredentialSource) -> Self {
        Self { http, base_url, source, session: Mutex::new(None) }
    }

    /// The `Authorization` of a request; `None` for the first request with an API key, which is sent to be challenged.
    ///
    /// `count` is called for every request this makes itself.
    pub(super) async fn header(
        &self,
        method: &Method,
        url: &Url,
        count: impl Fn(),
    ) -> Result<Option<HeaderValue>, AtlasError> {
        // Held while a secret is read or a token minted: whoever comes second finds it done.
        let mut session = self.session.lock().await;
        let session = match &mut *session {
            Some(session) => session,
            none => none.insert(Session {
                credential: self.source.read().await.map_err(AtlasError::credentials)?,
                challenge: None,
                token: None,
            }),
        };
        let text = match &session.credential {
            Credential::ApiKey { public_key, private_key } => {
                let Some(challenge) = &mut session.challenge else { return Ok(None) };
                digest(challenge, public_key, private_key, method, url)?
            }
            Credential::ServiceAccount { client_id, client_secret } => {
                let fresh = session.token.take().filter(|token| Instant::now() < token.renew_at);
                let token = match fresh {
                    Some(token) => token,
                    None => {
                        count();
                        self.mint(client_id, client_secret).await?
                    }
                };
                let text = format!("Bearer {}", token.bearer.expose_secret());
                session.token = Some(token);
                text
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| AtlasError::unusable_credentials())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Takes the digest challenge of a 401. False if there is none, or if digest is not what we authenticate with.
    pub(super) async fn accept_challenge(&self, headers: &HeaderMap) -> bool {
        let challenge = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|text| WwwAuthenticateHeader::parse(text).ok());
        match (&mut *self.session.lock().await, challenge) {
            (Some(session), Some(challenge)) if matches!(session.credential, Credential::ApiKey { .. }) => {
                session.challenge = Some(challenge);
                true
            }
            _ => false,
        }
    }

    /// Forgets secret, challenge and token, so that the next request reads the secret again: it may have been rotated.
    pub(super) async fn forget(&self) {
        *self.session.lock().await = None;
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
        let lifetime = Duration::from_secs(answer.expires_in);
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
    let context = AuthContext::new_with_method(
        public_key,
        private_key.expose_secret(),
        uri,
        None::<&[u8]>,
        HttpMethod::from(method.as_str()),
    );
    let answer = challenge.respond(&context).map_err(|_| AtlasError::unusable_credentials())?;
    Ok(answer.to_header_string())
}
