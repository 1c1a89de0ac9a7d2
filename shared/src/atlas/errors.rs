//! From what Atlas answers to what a step, a state machine and a person can react to.
//!
//! Behaviour is keyed on Atlas's `errorCode`, never on the status alone: "in use" is 400 in one place and 409 in
//! another, and a missing role is 401.

mod code;
mod naming;

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::Value;

pub use code::ErrorCode;

use super::transport::Call;
use crate::error::{Error, ErrorName, Failure};

/// Why a call of Atlas failed. It turns into an [`Error`] with a name of the closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct AtlasError {
    error: Error,
    code: Option<ErrorCode>,
    not_found: bool,
    repeatable: bool,
    credentials: Credentials,
    retry_after: Option<Duration>,
}

/// What an answer says of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    /// Nothing.
    Fine,
    /// They may be the wrong ones.
    Doubtful,
    /// Others might help at once.
    Refused,
}

impl From<AtlasError> for Error {
    fn from(error: AtlasError) -> Self {
        error.error
    }
}

/// Atlas's error body. Only `error` and `errorCode` are promised, and a proxy in between promises nothing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    error_code: Option<ErrorCode>,
    detail: Option<String>,
    reason: Option<String>,
}

/// The error body of the token endpoint, which follows OAuth (RFC 6749, section 5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct OAuthBody {
    error: Option<String>,
    error_description: Option<String>,
}

impl AtlasError {
    /// Atlas's `errorCode`, if it gave one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.code.as_ref()
    }

    /// Whether Atlas says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.not_found
    }

    /// Whether the same call may be sent again at once without harm.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.repeatable
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether other credentials might help.
    pub(super) fn credentials_refused(&self) -> bool {
        self.credentials == Credentials::Refused
    }

    /// Whether the secret may be the reason, so that it is worth reading again before the next call.
    pub(super) fn is_of_the_secret(&self) -> bool {
        // Access lists belong to credentials, and to those of another organization a project does not exist.
        self.credentials != Credentials::Fine
            || matches!(
                self.error.name(),
                ErrorName::SecretUnusable | ErrorName::AtlasUnauthorized | ErrorName::AtlasIpNotAllowed
            )
            || self.code == Some(ErrorCode::GroupNotFound)
    }

    /// An answer that is not a success.
    pub(super) fn refused(call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let json = serde_json::from_slice::<Value>(body).ok();
        let is_json = json.as_ref().is_some_and(Value::is_object);
        let body: Body = json.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
        let code = body.error_code.or_else(|| header(headers, "x-error-code").map(ErrorCode::from));
        let name = naming::of_refusal(status, code.as_ref(), is_json);

        // Only a rate limit is sure to come before the effect. A 503 may be a proxy's, which lost its connection to
        // Atlas after it.
        let rate_limited = status == StatusCode::TOO_MANY_REQUESTS;
        let server_error = status.is_server_error();
        let silent_refusal = status == StatusCode::FORBIDDEN && !is_json;
        let repeatable = rate_limited || (call.is_read() && (server_error || silent_refusal));

        let said = body.detail.or(body.reason).unwrap_or_else(|| match status.canonical_reason() {
            Some(reason) if !is_json => format!("{reason}, and the response body gives no readable reason"),
            Some(reason) => reason.to_owned(),
            None => "no reason given".to_owned(),
        });
        let mut facts = vec![format!("HTTP {}", status.as_u16())];
        facts.extend(code.as_ref().map(|code| format!("errorCode {code}")));
        facts.extend(header(headers, "x-request-id").map(|id| format!("request id {id}")));
        let fix = naming::fix(name, code.as_ref()).map(|fix| format!("; {fix}")).unwrap_or_default();
        let mut error = Error::new(
            name,
            format!("{}: {} ({}){fix}", call.describe(), said.trim_end_matches('.'), facts.join(", ")),
        );
        if server_error && !call.is_read() {
            error = error.with_unknown_outcome();
        }
        if let Some(code) = &code {
            error = error.because_of(Failure::Atlas(code.to_string()));
        }
        let not_found = status == StatusCode::NOT_FOUND && is_json;
        let retry_after = retry_after(headers);
        Self { code, not_found, repeatable, retry_after, ..Self::plain(error) }
    }

    /// No answer, or half of one.
    pub(super) fn transport(call: &Call, error: &reqwest::Error) -> Self {
        let what = if error.is_connect() {
            "could not connect to Atlas"
        } else if error.is_timeout() {
            "no response before the timeout"
        } else {
            "the connection was interrupted"
        };
        let not_sent = error.is_connect();
        let mut named = Error::new(ErrorName::AtlasUnavailable, format!("{}: {what}", call.describe()));
        if !not_sent && !call.is_read() {
            named = named.with_unknown_outcome();
        }
        Self { repeatable: not_sent || call.is_read(), ..Self::plain(named) }
    }

    /// A success whose body is not what it should be.
    pub(super) fn unreadable(call: &Call, status: StatusCode, error: &serde_json::Error) -> Self {
        // Only the position of the error is reported: the body of another API could hold anything.
        let place = format!("line {}, column {}", error.line(), error.column());
        let message =
            format!("{}: the response (HTTP {}) could not be parsed at {place}", call.describe(), status.as_u16());
        let mut named = Error::new(ErrorName::AtlasUnavailable, message);
        if !call.is_read() {
            named = named.with_unknown_outcome();
        }
        Self { repeatable: call.is_read(), ..Self::plain(named) }
    }

    pub(super) fn credentials(error: Error) -> Self {
        Self::plain(error)
    }

    pub(super) fn unusable_credentials() -> Self {
        Self::plain(Error::new(
            ErrorName::SecretUnusable,
            "the Atlas credentials cannot be used: they contain characters that are not allowed in an HTTP header",
        ))
    }

    pub(super) fn unknown_challenge() -> Self {
        Self::plain(Error::new(
            ErrorName::AtlasRejected,
            "Atlas requests a kind of HTTP digest authentication that atlas-cmk does not support",
        ))
    }

    pub(super) fn out_of_time() -> Self {
        Self::plain(Error::new(
            ErrorName::AtlasUnavailable,
            "the Lambda invocation has no time left for another request to Atlas",
        ))
    }

    pub(super) fn unaddressable(call: &Call) -> Self {
        Self::plain(Error::new(ErrorName::Internal, format!("{}: not a URL", call.describe())))
    }

    pub(super) fn token_transport(error: &reqwest::Error) -> Self {
        let what = if error.is_timeout() { "no response before the timeout" } else { "the connection failed" };
        let named = Error::new(ErrorName::AtlasUnavailable, format!("requesting an access token from Atlas: {what}"));
        Self { repeatable: true, ..Self::plain(named) }
    }

    pub(super) fn token_unreadable(status: StatusCode) -> Self {
        let message = format!(
            "requesting an access token from Atlas: the response (HTTP {}) could not be parsed",
            status.as_u16()
        );
        Self { repeatable: true, ..Self::plain(Error::new(ErrorName::AtlasUnavailable, message)) }
    }

    /// The token endpoint's refusal. Its error code and description are safe to quote, the request is not.
    pub(super) fn token_refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Option<OAuthBody> = serde_json::from_slice(body).ok();
        let silent_refusal = status == StatusCode::FORBIDDEN && body.is_none();
        let body = body.unwrap_or_default();
        let (name, fix) = if silent_refusal {
            (ErrorName::AtlasUnavailable, "")
        } else {
            naming::of_token_refusal(status, body.error.as_deref())
        };
        let message = format!(
            "requesting an access token from Atlas: {} (HTTP {}{}){fix}",
            body.error_description.as_deref().unwrap_or("refused").trim_end_matches('.'),
            status.as_u16(),
            body.error.map(|error| format!(", {error}")).unwrap_or_default(),
        );
        Self {
            repeatable: silent_refusal || matches!(status.as_u16(), 429 | 500..=599),
            credentials: match name {
                ErrorName::AtlasUnauthorized => Credentials::Refused,
                _ if status.is_client_error() => Credentials::Doubtful,
                _ => Credentials::Fine,
            },
            retry_after: retry_after(headers),
            ..Self::plain(Error::new(name, message))
        }
    }

    /// Says during which call something that is not an answer to it went wrong.
    pub(super) fn during(mut self, call: &Call) -> Self {
        let message = format!("{}: {}", call.describe(), self.error.message());
        self.error = self.error.clone().restated(self.error.name(), message);
        self
    }

    fn plain(error: Error) -> Self {
        Self {
            error,
            code: None,
            not_found: false,
            repeatable: false,
            credentials: Credentials::Fine,
            retry_after: None,
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
