//! Errors as Atlas words them.
//!
//! The bodies follow recorded answers: keys in alphabetical order, `parameters` an array of strings and
//! numbers, and no `badRequestDetail` unless a validation failed.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// An error answer: a status, an error code and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) parameters: Vec<Value>,
    pub(crate) headers: Vec<(String, String)>,
}

impl ApiError {
    /// An error without parameters.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), parameters: Vec::new(), headers: Vec::new() }
    }

    /// A 400, by far the most common status of a refusal.
    pub(crate) fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Adds a parameter.
    #[must_use]
    pub(crate) fn with(mut self, parameter: impl Into<Value>) -> Self {
        self.parameters.push(parameter.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Value {
        json!({
            "detail": self.detail,
            "error": self.status.as_u16(),
            "errorCode": self.code,
            "parameters": self.parameters,
            "reason": self.status.canonical_reason(),
        })
    }

    /// The project does not exist. Recorded answer.
    pub(crate) fn group_not_found(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "GROUP_NOT_FOUND", format!("No group with ID {id} exists.")).with(id)
    }

    /// A project the credential is no member of: Atlas says 401, not 404.
    pub(crate) fn not_in_group() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "NOT_IN_GROUP",
            "The current user is not in the group, or the group does not exist.",
        )
    }

    /// The role held is too small: Atlas says 401, not 403.
    pub(crate) fn user_unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "USER_UNAUTHORIZED",
            "Current user is not authorized to perform this action.",
        )
    }

    /// No such path, or no such object below a project.
    pub(crate) fn resource_not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND", format!("Cannot find resource {path}.")).with(path)
    }

    /// A required attribute is absent or null.
    pub(crate) fn missing_attribute(name: &str) -> Self {
        Self::bad_request("MISSING_ATTRIBUTE", format!("The required attribute {name} was not specified.")).with(name)
    }

    /// An attribute that the resource does not have, or a value it cannot take.
    pub(crate) fn invalid_attribute(name: &str) -> Self {
        Self::bad_request("INVALID_ATTRIBUTE", format!("Invalid attribute {name} specified.")).with(name)
    }

    /// A value outside an enumeration.
    pub(crate) fn invalid_enum_value(value: &str) -> Self {
        Self::bad_request("INVALID_ENUM_VALUE", format!("An invalid enumeration value {value} was specified."))
            .with(value)
    }

    /// A region that Atlas does not offer.
    pub(crate) fn invalid_region(region: &str) -> Self {
        Self::bad_request("INVALID_REGION", format!("No region {region} exists for provider AWS."))
            .with(region)
            .with("AWS")
    }

    /// `sts:AssumeRole` failed. `subject` is the IAM role ARN on authorize and the 24-digit role id on the PATCH
    /// of encryptionAtRest; wording and parameters as in Terraform provider test logs.
    pub(crate) fn cannot_assume_role(subject: &str) -> Self {
        Self::bad_request("CANNOT_ASSUME_ROLE", format!("Atlas cannot assume the specified role ({subject})."))
            .with(subject)
    }

    /// Something real Atlas would do and the simulator cannot: better a loud 501 than a made-up answer.
    pub(crate) fn not_simulated(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "UNEXPECTED_ERROR",
            format!("The Atlas simulator does not model {what}."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_project_is_worded_as_recorded() {
        let error = ApiError::group_not_found("111111111111111111111111");
        assert_eq!(
            error.body().to_string(),
            concat!(
                r#"{"detail":"No group with ID 111111111111111111111111 exists.","error":404,"#,
                r#""errorCode":"GROUP_NOT_FOUND","parameters":["111111111111111111111111"],"reason":"Not Found"}"#,
            )
        );
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_named_in_text_and_parameters() {
        let error = ApiError::cannot_assume_role("arn:aws:iam::444455556666:role/cmk");
        assert_eq!(error.detail, "Atlas cannot assume the specified role (arn:aws:iam::444455556666:role/cmk).");
        assert_eq!(error.parameters, vec![Value::from("arn:aws:iam::444455556666:role/cmk")]);
    }
}
