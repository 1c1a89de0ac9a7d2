//! Parameter Store of Systems Manager, where finished projects are registered.

use std::ops::Deref;

use aws_sdk_ssm::{
    Client,
    error::SdkError,
    operation::{delete_parameter::DeleteParameterError, get_parameter::GetParameterError},
    types::{ParameterTier, ParameterType},
};
use aws_types::SdkConfig;

use serde_json::Value;

use super::aws_error;
use crate::error::Result;

/// Reads parameters that hold no secret.
#[derive(Debug, Clone)]
pub struct ParametersReader(Client);

/// Writes parameters that hold no secret, and reads them.
#[derive(Debug, Clone)]
pub struct ParametersWriter(ParametersReader);

impl Deref for ParametersWriter {
    type Target = ParametersReader;

    fn deref(&self) -> &ParametersReader {
        &self.0
    }
}

impl ParametersReader {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The value of a parameter, or `None` if there is none.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn read(&self, name: &str) -> Result<Option<String>> {
        match self.0.get_parameter().name(name).send().await {
            Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), GetParameterError::ParameterNotFound(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error("ssm:GetParameter", name, &error)),
        }
    }

    /// Every parameter below a path, by its name without the path.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn list(&self, path: &str) -> Result<Vec<(String, String)>> {
        let pages = self.0.get_parameters_by_path().path(path).into_paginator().send();
        let pages: std::result::Result<Vec<_>, _> = pages.collect().await;
        let pages = pages.map_err(|error| aws_error("ssm:GetParametersByPath", path, &error))?;
        let parameters = pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
        Ok(parameters
            .filter_map(|it| Some((it.name?.strip_prefix(path)?.trim_start_matches('/').to_owned(), it.value?)))
            .collect())
    }
}

impl ParametersWriter {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(ParametersReader::new(config))
    }

    /// Creates or replaces a parameter. It holds JSON.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn write(&self, name: &str, value: &Value, description: &str) -> Result<()> {
        self.0
            .0
            .put_parameter()
            .name(name)
            .value(without_double_braces(value))
            .description(description)
            .r#type(ParameterType::String)
            // Beyond 4 KB a parameter has to be an advanced one.
            .tier(ParameterTier::IntelligentTiering)
            .overwrite(true)
            .send()
            .await
            .map_err(|error| aws_error("ssm:PutParameter", name, &error))?;
        Ok(())
    }

    /// Deletes a parameter. One that is not there counts as deleted.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        match self.0.0.delete_parameter().name(name).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeleteParameterError::ParameterNotFound(_)) =>
            {
                Ok(())
            }
            answer => answer.map(drop).map_err(|error| aws_error("ssm:DeleteParameter", name, &error)),
        }
    }
}

/// The value as JSON that has no `{{`, which Parameter Store refuses (API reference, `PutParameter`, `Value`):
/// placeholders of profiles would be. In JSON two braces follow one another in texts only, where either may be written
/// by its code point, and reading gives them back.
fn without_double_braces(value: &Value) -> String {
    value.to_string().replace("{{", r"\u007b\u007b")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn a_text_of_braces_and_backslashes_has_no_double_brace_and_is_read_back(text in r#"[{}\\"a ]{0,12}"#, key in r"[{}a]{1,4}") {
            let value = json!({key: [text, {"nested": {}}]});
            let written = without_double_braces(&value);
            prop_assert!(!written.contains("{{"));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
