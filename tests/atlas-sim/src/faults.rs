//! Faults asked for over `/_sim/faults`: which request they hit, and what it is answered.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::error::ApiError;

/// A fault as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FaultSpec {
    /// The method, or `*`.
    pub(crate) method: String,
    /// The path: `*` stands for one segment, `**` for any number of them.
    pub(crate) path: String,
    /// The first matching request to hit, counted from when the fault was added.
    #[serde(default = "one")]
    pub(crate) nth: u64,
    /// How many matching requests in a row are hit; 0 is for ever.
    #[serde(default = "one")]
    pub(crate) times: u64,
    #[serde(default)]
    pub(crate) when: When,
    pub(crate) answer: FaultAnswer,
}

fn one() -> u64 {
    1
}

/// When the answer is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum When {
    /// The request has no effect.
    #[default]
    Before,
    /// The request takes effect, then its answer is replaced.
    After,
}

/// What the client gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "an answer is one of {status, errorCode}, {status, json}, {html: STATUS}, {cut: true} and {empty: STATUS}"
)]
pub(crate) enum FaultAnswer {
    Error(ErrorAnswer),
    Json(JsonAnswer),
    Html(HtmlAnswer),
    Cut(CutAnswer),
    Empty(EmptyAnswer),
}

/// An error in the format of the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ErrorAnswer {
    status: u16,
    error_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default)]
    parameters: Vec<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Any JSON, such as an OAuth error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonAnswer {
    status: u16,
    json: Value,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// A page of a proxy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HtmlAnswer {
    html: u16,
}

/// No answer: the connection is closed. `cut` can only be true.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CutAnswer {
    cut: bool,
}

/// A status without a body, as was seen once on a GET of cloudProviderAccess (403).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyAnswer {
    empty: u16,
}

impl FaultAnswer {
    fn status(&self) -> u16 {
        match self {
            Self::Error(ErrorAnswer { status, .. })
            | Self::Json(JsonAnswer { status, .. })
            | Self::Html(HtmlAnswer { html: status })
            | Self::Empty(EmptyAnswer { empty: status }) => *status,
            Self::Cut(_) => 200,
        }
    }

    /// The answer to send.
    pub(crate) fn answer(&self) -> Answer {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match self {
            Self::Error(error) => {
                let detail = error.detail.as_deref().unwrap_or("Unexpected error.");
                let mut fault = ApiError::new(status, &error.error_code, detail);
                fault.parameters.clone_from(&error.parameters);
                with_headers(fault.into(), &error.headers)
            }
            Self::Json(json) => with_headers(Answer::json(status, json.json.clone()), &json.headers),
            Self::Html(_) => Answer::html(status),
            Self::Cut(_) => Answer::cut(),
            Self::Empty(_) => Answer::empty(status),
        }
    }
}

fn with_headers(mut answer: Answer, headers: &BTreeMap<String, String>) -> Answer {
    for (name, value) in headers {
        answer = answer.header(name, value);
    }
    answer
}

impl FaultSpec {
    /// What is wrong with the fault, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.nth == 0 {
            return Some("nth counts from 1.".to_owned());
        }
        if !self.path.starts_with('/') {
            return Some(format!("The path {:?} must start with a slash.", self.path));
        }
        if matches!(self.answer, FaultAnswer::Cut(CutAnswer { cut: false })) {
            return Some("cut can only be true.".to_owned());
        }
        let status = self.answer.status();
        (!(200..=599).contains(&status)).then(|| format!("{status} is no status to answer with: 200 to 599 are."))
    }
}

/// A fault in place.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fault {
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) spec: FaultSpec,
    /// Matching requests so far.
    pub(crate) seen: u64,
    /// Requests hit so far.
    pub(crate) hits: u64,
}

impl Fault {
    /// Whether it has not hit all it was to hit.
    fn is_left(&self) -> bool {
        self.hits < self.spec.times.max(1)
    }

    fn sees(&mut self, method: &str, path: &str) -> bool {
        let spec = &self.spec;
        let methods_match = spec.method == "*" || spec.method.eq_ignore_ascii_case(method);
        if !methods_match || !glob_matches(&spec.path, path) {
            return false;
        }
        self.seen += 1;
        self.seen >= spec.nth && (spec.times == 0 || self.seen - spec.nth < spec.times)
    }
}

/// The faults in place, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    in_place: Vec<Fault>,
    last_id: u64,
    /// Those that were removed before they had hit all they were to hit.
    removed: Vec<Fault>,
}

impl Faults {
    /// Puts a fault in place and says its id.
    pub(crate) fn add(&mut self, spec: FaultSpec) -> u64 {
        self.last_id += 1;
        self.in_place.push(Fault { id: self.last_id, spec, seen: 0, hits: 0 });
        self.last_id
    }

    /// All faults with their counts.
    pub(crate) fn all(&self) -> &[Fault] {
        &self.in_place
    }

    /// Removes every fault.
    pub(crate) fn clear(&mut self) {
        self.removed.extend(self.in_place.drain(..).filter(Fault::is_left));
    }

    /// Those that have not hit all they were to hit, in words, whether they are still in place or not.
    pub(crate) fn left(&self) -> Vec<String> {
        let in_words = |fault: &Fault| {
            let FaultSpec { method, path, times, .. } = &fault.spec;
            format!("{method} {path} was to be hit {times} times (0: at least once) and was hit {} times", fault.hits)
        };
        self.removed.iter().chain(self.in_place.iter().filter(|fault| fault.is_left())).map(in_words).collect()
    }

    /// Counts a request with every fault that matches it; the oldest of those that are due hits it.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let mut hit = None;
        for fault in &mut self.in_place {
            if fault.sees(method, path) && hit.is_none() {
                fault.hits += 1;
                hit = Some(fault.clone());
            }
        }
        hit
    }
}

/// Whether a path matches a pattern: `*` is one segment, `**` any number of them.
fn glob_matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    segments_match(&pattern, &path)
}

fn segments_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| segments_match(rest, &path[skipped..])),
        (Some((first, pattern)), Some((segment, path))) => {
            (*first == "*" || first == segment) && segments_match(pattern, path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(spec: Value) -> FaultSpec {
        serde_json::from_value(spec).expect("a fault")
    }

    /// Which of six matching requests are hit.
    fn hits(nth: u64, times: u64) -> Vec<u64> {
        let mut faults = Faults::default();
        faults
            .add(fault(json!({"method": "GET", "path": "/a/*", "nth": nth, "times": times, "answer": {"html": 502}})));
        (1..=6).filter(|_| faults.take("GET", "/a/b").is_some()).collect()
    }

    #[test]
    fn a_fault_hits_from_the_nth_request_on_as_often_as_asked() {
        let table: [(u64, u64, &[u64]); 4] = [(1, 1, &[1]), (3, 2, &[3, 4]), (2, 0, &[2, 3, 4, 5, 6]), (7, 1, &[])];
        for (nth, times, expected) in table {
            assert_eq!(hits(nth, times), expected, "nth {nth}, times {times}");
        }
    }

    #[test]
    fn patterns_match_segments() {
        let table = [
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/*", "/a/b/c", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", true),
            ("/**/c", "/a/b/c", true),
            ("/**/c", "/a/b/d", false),
            ("/a/b", "/a/b", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(glob_matches(pattern, path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn the_oldest_due_fault_wins_and_all_count() {
        let mut faults = Faults::default();
        for nth in [2, 1] {
            faults.add(fault(json!({"method": "*", "path": "/**", "nth": nth, "answer": {"empty": 403}})));
        }
        let ids: Vec<_> = (0..3).map(|_| faults.take("PATCH", "/x").map(|fault| fault.id)).collect();
        assert_eq!(ids, [Some(2), Some(1), None]);
        assert!(faults.all().iter().all(|fault| fault.seen == 3 && fault.hits == 1));
    }

    #[test]
    fn a_fault_that_cannot_work_is_refused_with_a_reason() {
        for (spec, word) in [
            (json!({"method": "GET", "path": "a", "answer": {"html": 502}}), "slash"),
            (json!({"method": "GET", "path": "/a", "nth": 0, "answer": {"html": 502}}), "nth"),
            (json!({"method": "GET", "path": "/a", "answer": {"cut": false}}), "cut"),
            (json!({"method": "GET", "path": "/a", "answer": {"empty": 99}}), "99"),
        ] {
            let problem = fault(spec).problem().unwrap_or_default();
            assert!(problem.contains(word), "{problem}");
        }
    }

    #[test]
    fn an_error_answer_has_the_body_and_headers_of_the_api() {
        let spec = fault(json!({
            "method": "GET", "path": "/a",
            "answer": {"status": 429, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "headers": {"Retry-After": "0"}},
        }));
        let answer = spec.answer.answer();
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers.contains(&("Retry-After".to_owned(), "0".to_owned())));
        assert_eq!(answer.error_code.as_deref(), Some("RATE_LIMITED_TOKEN_BUCKET"));
    }
}
