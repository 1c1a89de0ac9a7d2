//! The attributes of a JSON body, taken out one by one; what is left over was not known.

use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::incoming::Incoming;
use crate::version;

/// A JSON object whose attributes are being read.
#[derive(Debug)]
pub(super) struct Attributes {
    rest: Map<String, Value>,
}

impl Attributes {
    /// Reads the body of a request.
    pub(super) fn read(request: &Incoming) -> Result<Self, ApiError> {
        // The status is that of HTTP itself; no source shows what Atlas says (inference).
        if !version::is_json(request.header(header::CONTENT_TYPE.as_str())) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNEXPECTED_ERROR",
                "The body must be application/json or a version of it.",
            ));
        }
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(rest)) => Ok(Self { rest }),
            _ => Err(ApiError::bad_request("MALFORMED_JSON", "Received JSON is malformed.")),
        }
    }

    /// An attribute, unless absent or null.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    /// Whether an attribute is there and not null.
    pub(super) fn take_presence(&mut self, name: &str) -> bool {
        self.take(name).is_some()
    }

    /// A text.
    pub(super) fn take_string(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(mistyped(name)),
        }
    }

    /// A text that has to be there.
    pub(super) fn require_string(&mut self, name: &str) -> Result<String, ApiError> {
        self.take_string(name)?.ok_or_else(|| ApiError::missing_attribute(name))
    }

    /// A truth value.
    pub(super) fn take_bool(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(mistyped(name)),
        }
    }

    /// An object within.
    pub(super) fn take_object(&mut self, name: &str) -> Result<Option<Self>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(rest)) => Ok(Some(Self { rest })),
            Some(_) => Err(mistyped(name)),
        }
    }

    /// The name of an attribute that nothing asked for.
    pub(super) fn unknown(&self) -> Option<&str> {
        self.rest.keys().next().map(String::as_str)
    }

    /// Refuses attributes that nothing asked for.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        self.unknown().map_or(Ok(()), |name| Err(ApiError::invalid_attribute(name)))
    }
}

fn mistyped(name: &str) -> ApiError {
    ApiError::bad_request(
        "INVALID_JSON_ATTRIBUTE",
        format!("Received JSON for the {name} attribute does not match expected format."),
    )
    .with(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(value: Value) -> Attributes {
        match value {
            Value::Object(rest) => Attributes { rest },
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let mut body = attributes(json!({"a": null, "b": "text"}));
        assert_eq!(body.take_string("a"), Ok(None));
        assert_eq!(body.take_string("b"), Ok(Some("text".to_owned())));
        assert_eq!(body.finish(), Ok(()));
    }

    #[test]
    fn wrong_types_and_unknown_names_are_refused() {
        let mut body = attributes(json!({"a": 1, "b": 2}));
        let code = body.take_bool("a").map_err(|error| error.code);
        assert_eq!(code, Err("INVALID_JSON_ATTRIBUTE".to_owned()));
        let code = body.finish().map_err(|error| error.code);
        assert_eq!(code, Err("INVALID_ATTRIBUTE".to_owned()));
    }
}
