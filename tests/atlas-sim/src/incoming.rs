//! A request, read to its end.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// Far more than any body of this API.
const MAX_BODY: usize = 1 << 20;

/// Fields that never leave the simulator again.
const SECRETS: [&str; 4] = ["accessKeyID", "secretAccessKey", "client_secret", "token"];

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// Reads the body. One that breaks off or is too large counts as empty.
    pub(crate) async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: to_bytes(body, MAX_BODY).await.unwrap_or_default(),
        }
    }

    /// The request target, which a digest is computed over.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query.
    pub(crate) fn query_parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Whether a parameter of the query is `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query_parameter(name).is_some_and(|value| value == "true")
    }

    /// The body as the request log may show it: JSON or a form, without secrets.
    pub(crate) fn loggable_body(&self) -> Option<Value> {
        if self.body.is_empty() {
            return None;
        }
        let is_form =
            self.header("content-type").is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let mut body = if is_form {
            let form: Map<String, Value> = form_urlencoded::parse(&self.body)
                .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
                .collect();
            Value::from(form)
        } else {
            serde_json::from_slice(&self.body).ok()?
        };
        redact(&mut body);
        Some(body)
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if SECRETS.contains(&key.as_str()) && !value.is_null() {
                    *value = Value::from("[redacted]");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_redacted_wherever_they_are() {
        let mut body = json!({
            "awsKms": {"accessKeyID": "AKIA", "secretAccessKey": null, "region": "EU_WEST_1"},
            "list": [{"client_secret": "s"}],
        });
        redact(&mut body);
        assert_eq!(
            body,
            json!({
                "awsKms": {"accessKeyID": "[redacted]", "secretAccessKey": null, "region": "EU_WEST_1"},
                "list": [{"client_secret": "[redacted]"}],
            })
        );
    }
}
