//! What goes back to the client.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::ApiError;

/// The body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// No body at all, hence no content type either.
    Empty,
    /// JSON, and how to lay it out.
    Json(Value),
    /// A page of some proxy in front of Atlas.
    Html(String),
}

/// An answer before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Body,
    pub(crate) headers: Vec<(String, String)>,
    /// The error code, for the request log.
    pub(crate) error_code: Option<String>,
    /// Close the connection instead of answering.
    pub(crate) cut: bool,
}

impl Answer {
    /// A JSON answer.
    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Body::Json(body), headers: Vec::new(), error_code: None, cut: false }
    }

    /// 200 with JSON.
    pub(crate) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// A status and nothing else.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { body: Body::Empty, ..Self::json(status, Value::Null) }
    }

    /// A page of HTML, as a proxy or load balancer sends it.
    pub(crate) fn html(status: StatusCode) -> Self {
        let title = status.to_string();
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self { body: Body::Html(page), ..Self::json(status, Value::Null) }
    }

    /// No answer: the connection is closed.
    pub(crate) fn cut() -> Self {
        Self { cut: true, ..Self::empty(StatusCode::OK) }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Wraps the body the way `envelope=true` asks for: lists gain a `status`, everything else moves below
    /// `content` (Atlas API spec, common query parameters).
    #[must_use]
    pub(crate) fn in_envelope(mut self) -> Self {
        if let Body::Json(body) = &mut self.body {
            let status = self.status.as_u16();
            match body.as_object_mut().filter(|map| map.contains_key("results")) {
                Some(list) => {
                    list.insert("status".to_owned(), status.into());
                }
                None => *body = json!({"status": status, "content": body.take()}),
            }
        }
        self
    }

    /// The answer on the wire. `pretty` lays JSON out over lines.
    pub(crate) fn into_response(self, pretty: bool) -> Response {
        let mut response = match self.body {
            Body::Empty => self.status.into_response(),
            Body::Html(page) => {
                (self.status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
            }
            Body::Json(value) => {
                let text = if pretty { format!("{value:#}") } else { value.to_string() };
                (self.status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
            }
        };
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        let mut answer = Self::json(error.status, error.body());
        answer.headers = error.headers;
        answer.error_code = Some(error.code.clone());
        answer.header("X-Error-Code", error.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enveloped(body: Value) -> Value {
        match Answer::ok(body).in_envelope().body {
            Body::Json(body) => body,
            other => unreachable!("JSON stays JSON: {other:?}"),
        }
    }

    #[test]
    fn an_envelope_puts_the_status_beside_the_content() {
        assert_eq!(enveloped(json!({"id": 1})), json!({"status": 200, "content": {"id": 1}}));
    }

    #[test]
    fn a_list_is_its_own_envelope() {
        assert_eq!(enveloped(json!({"results": []})), json!({"results": [], "status": 200}));
    }
}
