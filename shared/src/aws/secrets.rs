//! Secrets Manager.

use aws_sdk_secretsmanager::{Client, error::SdkError, operation::get_secret_value::GetSecretValueError};
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

    /// Replaces the current value of a secret.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn put(&self, id: &str, value: &SecretString) -> Result<()> {
        let put = self.0.put_secret_value().secret_id(id).secret_string(value.expose_secret());
        put.send().await.map_err(|error| aws_error("secretsmanager:PutSecretValue", id, &error))?;
        Ok(())
    }
}
