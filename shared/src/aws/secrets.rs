//! Secrets Manager.

use aws_sdk_secretsmanager::{
    Client,
    config::{Config, retry::RetryConfig},
    error::SdkError,
    operation::{
        create_secret::CreateSecretError, get_secret_value::GetSecretValueError, put_secret_value::PutSecretValueError,
    },
};
use aws_types::SdkConfig;
use secrecy::{ExposeSecret, SecretString};

use super::aws_error;
use crate::error::{Error, ErrorName, Result};

/// Reads secrets. Nothing of a secret's value ever reaches an error.
#[derive(Debug, Clone)]
pub struct Secrets(Client);

impl Secrets {
    /// A reader with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The current value of a secret, by name or ARN.
    ///
    /// # Errors
    /// `Secret.Unusable` if there is none, it holds no text, or its key cannot be used; as [`aws_error`] otherwise.
    pub async fn read(&self, id: &str) -> Result<SecretString> {
        let unusable = |what: &str| Error::new(ErrorName::SecretUnusable, format!("the secret {id} {what}"));
        let answer = self.0.get_secret_value().secret_id(id).send().await.map_err(|error| match &error {
            SdkError::ServiceError(refusal) => match refusal.err() {
                GetSecretValueError::ResourceNotFoundException(_) => {
                    unusable("does not exist; create it, or set AtlasSecretArn of the stack to an existing secret")
                }
                GetSecretValueError::InvalidRequestException(_) => {
                    unusable("is scheduled for deletion or has no current value; restore it or store a value")
                }
                GetSecretValueError::DecryptionFailure(_) => {
                    unusable("cannot be decrypted; allow kms:Decrypt on its key in the role of this function")
                }
                _ => aws_error("secretsmanager:GetSecretValue", id, &error),
            },
            _ => aws_error("secretsmanager:GetSecretValue", id, &error),
        })?;
        answer
            .secret_string
            .map(SecretString::from)
            .ok_or_else(|| unusable("holds binary data; store JSON text instead"))
    }

    /// The current value of a secret of ours and the id of its version, or `None` if there is no such secret or no
    /// value.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn find(&self, name: &str) -> Result<Option<(SecretString, String)>> {
        match self.0.get_secret_value().secret_id(name).send().await {
            Ok(answer) => {
                let version = answer.version_id.unwrap_or_default();
                Ok(answer.secret_string.map(|text| (SecretString::from(text), version)))
            }
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), GetSecretValueError::ResourceNotFoundException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error("secretsmanager:GetSecretValue", name, &error)),
        }
    }

    /// Creates a secret of ours, encrypted with a key of KMS or with AWS's own for Secrets Manager. Of two concurrent
    /// writers, the second gets an error.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create(
        &self,
        name: &str,
        value: &SecretString,
        description: &str,
        key: Option<&str>,
    ) -> Result<Claim> {
        let sent = self.0.create_secret().name(name).description(description).secret_string(value.expose_secret());
        let sent = sent.set_kms_key_id(key.map(str::to_owned));
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match sent.customize().config_override(once).send().await {
            Ok(_) => Ok(Claim::Won),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), CreateSecretError::ResourceExistsException(_)) =>
            {
                Ok(Claim::Lost)
            }
            Err(error) => Err(aws_error("secretsmanager:CreateSecret", name, &error)),
        }
    }

    /// Stores a version under an id of our choice. A version is written once: of several writers of the same id and
    /// different values, Secrets Manager takes the first (API reference, `PutSecretValue`, `ClientRequestToken`).
    /// Staged as the current value, or as something else that nobody reads by default.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn put(&self, name: &str, value: &SecretString, version: &str, stage: &str) -> Result<Claim> {
        let sent = self
            .0
            .put_secret_value()
            .secret_id(name)
            .secret_string(value.expose_secret())
            .client_request_token(version)
            .version_stages(stage);
        match sent.send().await {
            Ok(_) => Ok(Claim::Won),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), PutSecretValueError::ResourceExistsException(_)) =>
            {
                Ok(Claim::Lost)
            }
            Err(error) => Err(aws_error("secretsmanager:PutSecretValue", name, &error)),
        }
    }
}

/// Who of several writers of one thing was the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// We were.
    Won,
    /// Another was.
    Lost,
}
