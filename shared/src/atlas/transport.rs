//! One call: authenticated, versioned, repeated where that is safe, and never past the deadline of the invocation.

#![expect(clippy::disallowed_methods, reason = "a request ends before the invocation")]

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use backon::{ExponentialBuilder, Retryable};
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{AtlasError, AtlasReader, ErrorCode, auth::Authorization};

/// The version of most resources this client uses. Versions belong to resources: each call names its own.
pub(super) const V2023_01_01: &str = "application/vnd.atlas.2023-01-01+json";

/// That of service accounts, which are younger.
pub(super) const V2024_08_05: &str = "application/vnd.atlas.2024-08-05+json";

/// Kept back from the deadline of an invocation, so that the function can still answer by itself.
const RESERVE: Duration = Duration::from_secs(2);

/// The longest wait between two attempts: a function that sleeps is paid for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A call of the API.
#[derive(Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    version: &'static str,
    body: Option<Vec<u8>>,
}

impl Call {
    pub(super) fn get(version: &'static str, path: String) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), version, body: None }
    }

    pub(super) fn post(version: &'static str, path: String, body: &impl Serialize) -> Self {
        Self { method: Method::POST, body: Some(to_json(body)), ..Self::get(version, path) }
    }

    pub(super) fn patch(version: &'static str, path: String, body: &impl Serialize) -> Self {
        Self { method: Method::PATCH, body: Some(to_json(body)), ..Self::get(version, path) }
    }

    pub(super) fn delete(version: &'static str, path: String) -> Self {
        Self { method: Method::DELETE, ..Self::get(version, path) }
    }

    pub(super) fn query(mut self, name: &'static str, value: usize) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// How errors call it, for example `PATCH /groups/66f0…/encryptionAtRest`.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("request bodies are plain structs")
}

impl AtlasReader {
    /// Makes the call and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, AtlasError> {
        let retry = self.shared.retry;
        let backoff = ExponentialBuilder::default()
            .with_min_delay(retry.floor)
            .with_max_delay(retry.floor * 8)
            .with_max_times(retry.attempts.saturating_sub(1))
            .with_jitter();
        let result = (|| self.attempt(&call))
            .retry(backoff)
            .when(AtlasError::may_be_repeated)
            .adjust(|error, delay| {
                let delay = delay?.max(error.retry_after().unwrap_or_default());
                // Saturating: a server may name any delay. What would take longer is for the state machine to wait for.
                let in_time = |deadline: Instant| {
                    delay.saturating_add(RESERVE) < deadline.saturating_duration_since(Instant::now())
                };
                (delay <= LONGEST_WAIT && self.deadline.is_none_or(in_time)).then_some(delay)
            })
            .await;
        if result.as_ref().is_err_and(AtlasError::is_of_the_secret) {
            self.shared.auth.doubt().await;
        }
        result
    }

    async fn attempt<T: DeserializeOwned>(&self, call: &Call) -> Result<T, AtlasError> {
        let response = self.authenticated(call).await?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| AtlasError::transport(call, &error))?;
        if !status.is_success() {
            return Err(AtlasError::refused(call, status, &headers, &body));
        }
        // A 204 has no body: what is read of it is `()`.
        let body: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(body).map_err(|error| AtlasError::unreadable(call, status, &error))
    }

    /// Sends the call, answers a digest challenge, and on another 401 reads the secret again, once.
    async fn authenticated(&self, call: &Call) -> Result<Response, AtlasError> {
        let url = self.url(call)?;
        let (mut challenged, mut renewed) = (false, false);
        loop {
            let authorization = match self.authorization(call, &url).await {
                Err(error) if error.credentials_refused() && !renewed => {
                    renewed = true;
                    self.renew(call, self.shared.auth.generation().await, false).await?;
                    continue;
                }
                other => other?,
            };
            let response = self.send(call, &url, authorization.header).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let refused = authorization.generation;
            if !challenged && self.shared.auth.accept_challenge(refused, response.headers()).await {
                challenged = true;
            } else if !renewed && self.renew(call, refused, is_lack_of_rights(&response)).await? {
                (challenged, renewed) = (false, true);
            } else {
                return Ok(response);
            }
        }
    }

    async fn authorization(&self, call: &Call, url: &Url) -> Result<Authorization, AtlasError> {
        let authorize = self.shared.auth.authorize(&call.method, url, || self.count());
        match tokio::time::timeout(self.time_left()?, authorize).await {
            Ok(result) => result.map_err(|error| error.during(call)),
            Err(_) => Err(AtlasError::out_of_time().during(call)),
        }
    }

    async fn renew(&self, call: &Call, refused: u64, lack_of_rights: bool) -> Result<bool, AtlasError> {
        match tokio::time::timeout(self.time_left()?, self.shared.auth.renew(refused, lack_of_rights)).await {
            Ok(result) => result.map_err(|error| error.during(call)),
            Err(_) => Err(AtlasError::out_of_time().during(call)),
        }
    }

    async fn send(&self, call: &Call, url: &Url, authorization: Option<HeaderValue>) -> Result<Response, AtlasError> {
        let mut request = self
            .shared
            .http
            .request(call.method.clone(), url.clone())
            .header(ACCEPT, call.version)
            .timeout(self.time_left()?);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, call.version).body(body.clone());
        }
        self.count();
        request.send().await.map_err(|error| AtlasError::transport(call, &error))
    }

    fn url(&self, call: &Call) -> Result<Url, AtlasError> {
        let mut url = self
            .shared
            .base_url
            .join(&format!("/api/atlas/v2{}", call.path))
            .map_err(|_| AtlasError::unaddressable(call))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// What a request may take: the client's own time-out, cut at the deadline of the invocation.
    fn time_left(&self) -> Result<Duration, AtlasError> {
        const LONGEST: Duration = Duration::from_secs(65);
        let Some(deadline) = self.deadline else { return Ok(LONGEST) };
        let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(RESERVE);
        if left.is_zero() { Err(AtlasError::out_of_time()) } else { Ok(left.min(LONGEST)) }
    }
}

/// Whether a 401 says that the credentials are known but lack a role, as far as its headers show.
fn is_lack_of_rights(response: &Response) -> bool {
    let code = response.headers().get("x-error-code").and_then(|value| value.to_str().ok());
    let code = code.map(|code| ErrorCode::from(code.to_owned()));
    matches!(code, Some(ErrorCode::NotInGroup | ErrorCode::UserUnauthorized | ErrorCode::UserCannotAccessGroup))
}
