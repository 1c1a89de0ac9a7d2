//! The two kinds of credentials Atlas knows, and where they come from.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    aws::Secrets,
    error::{Error, ErrorName, Result},
};

/// Credentials for the Atlas Administration API.
#[derive(Clone)]
pub enum Credential {
    /// A programmatic API key, used with HTTP digest.
    ApiKey {
        /// The user of the digest.
        public_key: String,
        /// The password of the digest.
        private_key: SecretString,
    },
    /// A service account, used with OAuth 2.0 client credentials.
    ServiceAccount {
        /// For example `mdb_sa_id_…`.
        client_id: String,
        /// For example `mdb_sa_sk_…`.
        client_secret: SecretString,
    },
}

/// Written by hand: what identifies is shown, what authenticates is not.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiKey { public_key, .. } => write!(f, "ApiKey({public_key}, …)"),
            Self::ServiceAccount { client_id, .. } => write!(f, "ServiceAccount({client_id}, …)"),
        }
    }
}

/// The shapes a secret may have. Other fields, such as the `orgId` of secrets that Secrets Manager rotates by itself
/// (type `MongoDBAtlasServiceAccount`), are left alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum SecretValue {
    #[serde(rename_all = "camelCase")]
    ServiceAccount { client_id: String, client_secret: SecretString },
    #[serde(rename_all = "camelCase")]
    ApiKey { public_key: String, private_key: SecretString },
}

impl Credential {
    /// Whether these are the very same credentials, secret part included.
    pub(super) fn is_the_same_as(&self, other: &Self) -> bool {
        let parts = |credential: &Self| match credential {
            Self::ApiKey { public_key: who, private_key: secret }
            | Self::ServiceAccount { client_id: who, client_secret: secret } => {
                (who.clone(), secret.expose_secret().to_owned())
            }
        };
        std::mem::discriminant(self) == std::mem::discriminant(other) && parts(self) == parts(other)
    }

    /// Reads the text of a secret.
    ///
    /// # Errors
    /// `Secret.Unusable`; the message never quotes the secret.
    pub fn parse(secret_id: &str, text: &SecretString) -> Result<Self> {
        let value = serde_json::from_str(text.expose_secret()).map_err(|_| {
            Error::new(
                ErrorName::SecretUnusable,
                format!(
                    "the secret {secret_id} must be {{\"clientId\":…,\"clientSecret\":…}} or {{\"publicKey\":…,\"privateKey\":…}}"
                ),
            )
        })?;
        Ok(match value {
            SecretValue::ServiceAccount { client_id, client_secret } => {
                Self::ServiceAccount { client_id, client_secret }
            }
            SecretValue::ApiKey { public_key, private_key } => Self::ApiKey { public_key, private_key },
        })
    }
}

/// Where credentials come from. They are read when first needed, and again when Atlas refuses the ones we have.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// A secret in Secrets Manager.
    SecretsManager {
        /// Reads it.
        secrets: Secrets,
        /// Its name or ARN.
        secret_id: String,
    },
    /// Credentials that do not change.
    Fixed(Credential),
    /// There are none: this function is not meant to call Atlas.
    None,
}

impl CredentialSource {
    pub(super) async fn read(&self) -> Result<Credential> {
        match self {
            Self::SecretsManager { secrets, secret_id } => {
                Credential::parse(secret_id, &secrets.read(secret_id).await?)
            }
            Self::Fixed(credential) => Ok(credential.clone()),
            Self::None => {
                Err(Error::new(ErrorName::DeploymentInvalid, "the environment variable ATLAS_SECRET_ID is not set"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Credential> {
        Credential::parse("atlas/keys", &SecretString::from(text))
    }

    #[test]
    fn both_kinds_of_secret_are_read_whatever_else_they_hold() {
        let key = parse(r#"{"publicKey":"abcdefgh","privateKey":"p"}"#).unwrap();
        assert!(matches!(key, Credential::ApiKey { .. }));
        let account = parse(r#"{"clientId":"mdb_sa_id_1","clientSecret":"s","orgId":"o"}"#).unwrap();
        assert!(matches!(account, Credential::ServiceAccount { .. }));
    }

    #[test]
    fn an_unusable_secret_is_named_and_never_quoted() {
        for text in
            ["", "s3cr3t", r#"{"privateKey":"s3cr3t"}"#, r#"{"clientId":1,"clientSecret":"s3cr3t"}"#, r#"["s3cr3t"]"#]
        {
            let error = parse(text).unwrap_err();
            assert_eq!(error.name(), ErrorName::SecretUnusable);
            assert!(error.message().contains("atlas/keys") && !error.message().contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn debug_shows_who_but_not_the_secret() {
        for text in [r#"{"publicKey":"who","privateKey":"s3cr3t"}"#, r#"{"clientId":"who","clientSecret":"s3cr3t"}"#] {
            let debug = format!("{:?}", parse(text).unwrap());
            assert!(debug.contains("who") && !debug.contains("s3cr3t"), "{debug}");
        }
    }
}
