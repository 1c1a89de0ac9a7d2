//! Who is asking: HTTP digest with a programmatic API key, or a bearer token of a service account.

pub(crate) mod credentials;
pub(crate) mod digest;
pub(crate) mod oauth;
pub(crate) mod tokens;

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::answer::Answer;
use crate::sim::State;
use credentials::Identity;
use digest::{DigestHeader, Spent};

/// The name an `Authorization` header goes by, proven or not: the public key of a digest.
pub(crate) fn claimed_name(headers: &HeaderMap) -> Option<String> {
    DigestHeader::parse(authorization(headers)?).map(|digest| digest.username)
}

/// Checks the `Authorization` header of a request; the error is the 401 to answer with.
pub(crate) fn authenticate(
    state: &mut State,
    method: &str,
    target: &str,
    headers: &HeaderMap,
    now: Instant,
) -> Result<Identity, Box<Answer>> {
    let value = authorization(headers).unwrap_or_default();
    let proven = match value.strip_prefix("Bearer ") {
        Some(token) => bearer(state, token.trim(), now).ok_or(Rejected::Unproven),
        None => digest(state, method, target, value, now),
    };
    proven.map_err(|rejected| {
        let stale = rejected == Rejected::StaleNonce;
        Box::new(challenge(&state.nonces.issue(now), stale))
    })
}

/// Why a request is challenged.
#[derive(Debug, PartialEq, Eq)]
enum Rejected {
    Unproven,
    /// The key is right, only the nonce is not: the client need not ask its user again.
    StaleNonce,
}

fn bearer(state: &State, token: &str, now: Instant) -> Option<Identity> {
    state.credentials.identity(&state.tokens.owner(token, now)?)
}

fn digest(state: &mut State, method: &str, target: &str, value: &str, now: Instant) -> Result<Identity, Rejected> {
    let header = DigestHeader::parse(value).ok_or(Rejected::Unproven)?;
    let private_key = state.credentials.private_key(&header.username);
    let is_right = private_key.is_some_and(|key| header.response == header.expected_response(method, key));
    if !is_right || header.uri != target {
        return Err(Rejected::Unproven);
    }
    let lifetime = Duration::from_secs(state.behaviour.nonce_lifetime_seconds);
    match state.nonces.spend(&header.nonce, header.count, lifetime, now) {
        Spent::Accepted => state.credentials.identity(&header.username).ok_or(Rejected::Unproven),
        Spent::Stale => Err(Rejected::StaleNonce),
    }
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

/// The recorded challenge: this order of keys, and no `parameters`.
fn challenge(nonce: &str, stale: bool) -> Answer {
    let mut answer = Answer::json(
        StatusCode::UNAUTHORIZED,
        json!({
            "error": 401,
            "reason": "Unauthorized",
            "detail": "You are not authorized for this resource.",
            "errorCode": "UNEXPECTED_ERROR",
        }),
    )
    .header("WWW-Authenticate", digest::challenge(nonce, stale))
    .header("X-Error-Code", "UNEXPECTED_ERROR");
    answer.error_code = Some("UNEXPECTED_ERROR".to_owned());
    answer
}
