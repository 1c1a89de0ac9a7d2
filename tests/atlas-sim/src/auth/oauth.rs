//! `POST /api/oauth/token` and `/api/oauth/revoke`. Their errors are OAuth's, not those of the API.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded;

use crate::answer::Answer;
use crate::incoming::Incoming;
use crate::sim::State;

use super::tokens::{Refusal, Rules};

/// Where tokens are minted.
pub(crate) const TOKEN_PATH: &str = "/api/oauth/token";
/// Where tokens are revoked.
pub(crate) const REVOKE_PATH: &str = "/api/oauth/revoke";

/// The client id and secret of an `Authorization: Basic` header.
pub(crate) fn basic(request: &Incoming) -> Option<(String, String)> {
    let value = request.header(header::AUTHORIZATION.as_str())?;
    let bytes = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The service account that sent a request, if its secret is right.
pub(crate) fn client(state: &State, request: &Incoming) -> Option<String> {
    let (id, secret) = basic(request)?;
    (state.credentials.client_secret(&id)? == secret).then_some(id)
}

/// Mints a token.
pub(crate) fn token(state: &mut State, request: &Incoming, now: Instant) -> Answer {
    let Some(client_id) = client(state, request) else {
        return invalid_client();
    };
    let form = match form(request) {
        Ok(form) => form,
        Err(answer) => return *answer,
    };
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => {
            return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "The grant type is not supported.");
        }
        None => {
            return error(StatusCode::BAD_REQUEST, "invalid_request", "The parameter grant_type is missing.");
        }
    }
    let lifetime = state.behaviour.token_lifetime_seconds;
    let rules = Rules {
        lifetime: Duration::from_secs(lifetime),
        max_live: state.behaviour.max_live_tokens,
        mints_per_minute: state.behaviour.mints_per_minute,
    };
    match state.tokens.mint(&client_id, rules, now) {
        Ok(token) => Answer::ok(json!({
            "access_token": token,
            "expires_in": lifetime,
            "token_type": "Bearer",
        })),
        // MongoDB documents this sentence; a function that mints for each call locks itself out with it.
        Err(Refusal::TooMany) => error(
            StatusCode::FORBIDDEN,
            "access_denied",
            "Access Token limit reached. Please use the existing Access Tokens or create a new Service Account.",
        ),
        // The status is documented, the words are not.
        Err(Refusal::TooFast) => error(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "Too many access tokens were requested. Please try again later.",
        ),
    }
}

/// Revokes a token: 200 and an empty body, whether it existed or not.
pub(crate) fn revoke(state: &mut State, request: &Incoming) -> Answer {
    let Some(client_id) = client(state, request) else {
        return invalid_client();
    };
    match form(request) {
        Err(answer) => *answer,
        Ok(form) => match form.get("token") {
            Some(token) => {
                state.tokens.revoke(&client_id, token);
                Answer::empty(StatusCode::OK)
            }
            None => error(StatusCode::BAD_REQUEST, "invalid_request", "The parameter token is missing."),
        },
    }
}

fn form(request: &Incoming) -> Result<HashMap<String, String>, Box<Answer>> {
    let is_form = request
        .header(header::CONTENT_TYPE.as_str())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(Box::new(error(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The body must be application/x-www-form-urlencoded.",
        )));
    }
    Ok(form_urlencoded::parse(&request.body).into_owned().collect())
}

/// Documented answer.
fn invalid_client() -> Answer {
    error(StatusCode::UNAUTHORIZED, "invalid_client", "Invalid credentials provided.")
}

fn error(status: StatusCode, code: &str, description: &str) -> Answer {
    let mut answer = Answer::json(status, json!({"error": code, "error_description": description}));
    answer.error_code = Some(code.to_owned());
    answer
}
