//! Access to AWS, tried the way Atlas tries it: assume the customer's role with the external id as the Atlas
//! account, then use the key with the credentials this gave.

use aws_credential_types::Credentials;
use aws_sdk_kms::config::SharedHttpClient;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::KeyState;
use aws_smithy_http_client::Builder;
use url::Url;

/// What Atlas encrypts to see whether it may.
const SAMPLE: &[u8] = b"atlas encryption at rest";

/// Why access was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// STS refused, or the trust has not reached Atlas yet.
    CannotAssumeRole,
    KeyNotFound,
    KeyNotEnabled,
    KeyPendingDeletion,
    KeyPendingImport,
    /// `DescribeKey`, Encrypt or Decrypt was denied.
    NoPermission,
    /// AWS could not be asked at all: nothing is known about the access.
    Unreachable(String),
}

/// An assumed role. Without an AWS endpoint there are no credentials, and every key works.
#[derive(Debug, Clone)]
pub(crate) struct Assumed(Option<Credentials>);

/// AWS as Atlas's own account sees it.
#[derive(Debug)]
pub(crate) struct Aws {
    endpoint: Option<Url>,
    sts_region: String,
    account: String,
    http: SharedHttpClient,
}

impl Aws {
    /// With no endpoint every access is granted.
    pub(crate) fn new(endpoint: Option<Url>, sts_region: String, account: String) -> Self {
        Self { endpoint, sts_region, account, http: Builder::new().build_http() }
    }

    /// Assumes a role.
    pub(crate) async fn assume(&self, role_arn: &str, external_id: &str) -> Result<Assumed, Refusal> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(Assumed(None));
        };
        // The local engine takes an access key of 12 digits for the root of that account.
        let root = Credentials::new(&self.account, "atlas", None, None, "atlas-sim");
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
            .region(aws_sdk_sts::config::Region::new(self.sts_region.clone()))
            .endpoint_url(endpoint.as_str())
            .credentials_provider(root)
            .http_client(self.http.clone())
            .build();
        let assumed = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(role_arn)
            .external_id(external_id)
            .role_session_name("atlas")
            .send()
            .await
            .map_err(|error| unless_unreachable(&error, Refusal::CannotAssumeRole))?;
        let credentials = assumed.credentials.ok_or(Refusal::CannotAssumeRole)?;
        Ok(Assumed(Some(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "atlas-sim",
        ))))
    }

    /// Tries a key in a region (AWS spelling): `DescribeKey`, Encrypt, Decrypt.
    pub(crate) async fn try_key(&self, role: &Assumed, region: &str, key: &str) -> Result<(), Refusal> {
        let (Some(endpoint), Assumed(Some(credentials))) = (&self.endpoint, role) else {
            return Ok(());
        };
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
            .region(aws_sdk_kms::config::Region::new(region.to_owned()))
            .endpoint_url(endpoint.as_str())
            .credentials_provider(credentials.clone())
            .http_client(self.http.clone())
            .build();
        let kms = aws_sdk_kms::Client::from_conf(config);

        let described = kms.describe_key().key_id(key).send().await.map_err(|error| refusal(&error))?;
        if let Some(state) = described.key_metadata.as_ref().and_then(|key| key.key_state()) {
            of_state(state)?;
        }
        let encrypted =
            kms.encrypt().key_id(key).plaintext(Blob::new(SAMPLE)).send().await.map_err(|error| refusal(&error))?;
        let decrypted = kms
            .decrypt()
            .key_id(key)
            .set_ciphertext_blob(encrypted.ciphertext_blob)
            .send()
            .await
            .map_err(|error| refusal(&error))?;
        match decrypted.plaintext {
            Some(text) if text.as_ref() == SAMPLE => Ok(()),
            _ => Err(Refusal::NoPermission),
        }
    }
}

fn of_state(state: &KeyState) -> Result<(), Refusal> {
    match state {
        KeyState::Enabled => Ok(()),
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => Err(Refusal::KeyPendingDeletion),
        KeyState::PendingImport => Err(Refusal::KeyPendingImport),
        _ => Err(Refusal::KeyNotEnabled),
    }
}

fn refusal<E: ProvideErrorMetadata, R: std::fmt::Debug>(error: &SdkError<E, R>) -> Refusal {
    let reason = match error.code() {
        Some("NotFoundException") => Refusal::KeyNotFound,
        Some("DisabledException" | "KMSInvalidStateException") => Refusal::KeyNotEnabled,
        _ => Refusal::NoPermission,
    };
    unless_unreachable(error, reason)
}

/// `reason`, if AWS answered at all.
fn unless_unreachable<E: ProvideErrorMetadata, R: std::fmt::Debug>(error: &SdkError<E, R>, reason: Refusal) -> Refusal {
    match error {
        SdkError::ServiceError(_) => {
            tracing::info!(code = error.code(), message = error.message(), "AWS refused Atlas");
            reason
        }
        SdkError::TimeoutError(_) => Refusal::Unreachable("AWS did not answer in time".to_owned()),
        SdkError::DispatchFailure(_) => Refusal::Unreachable("AWS cannot be reached".to_owned()),
        _ => Refusal::Unreachable("AWS answered with something that is no answer".to_owned()),
    }
}

/// The region an ARN names; `None` for a bare key id.
pub(crate) fn region_of_arn(key: &str) -> Option<&str> {
    key.strip_prefix("arn:")?.split(':').nth(2)
}

/// Whether a key (id or ARN) is a multi-Region key.
pub(crate) fn is_multi_region(key: &str) -> bool {
    key.rsplit_once('/').map_or(key, |(_, id)| id).starts_with("mrk-")
}

/// The key to use in another region: the replica of a multi-Region key. `None` for a single-Region key.
pub(crate) fn regional_key(key: &str, key_region: &str, region: &str) -> Option<String> {
    if key_region == region {
        return Some(key.to_owned());
    }
    if !is_multi_region(key) {
        return None;
    }
    Some(match region_of_arn(key) {
        Some(own) => key.replacen(&format!(":{own}:"), &format!(":{region}:"), 1),
        None => key.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MULTI: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-0123";
    const SINGLE: &str = "arn:aws:kms:us-east-1:444455556666:key/0123";

    #[test]
    fn a_multi_region_key_has_the_same_id_in_every_region() {
        let table = [
            (MULTI, "eu-west-1", Some("arn:aws:kms:eu-west-1:444455556666:key/mrk-0123")),
            (MULTI, "us-east-1", Some(MULTI)),
            ("mrk-0123", "eu-west-1", Some("mrk-0123")),
            (SINGLE, "us-east-1", Some(SINGLE)),
            (SINGLE, "eu-west-1", None),
            ("0123", "eu-west-1", None),
        ];
        for (key, region, expected) in table {
            assert_eq!(regional_key(key, "us-east-1", region).as_deref(), expected, "{key} in {region}");
        }
    }

    #[test]
    fn only_an_arn_names_a_region() {
        assert_eq!(region_of_arn(MULTI), Some("us-east-1"));
        assert_eq!(region_of_arn("mrk-0123"), None);
    }

    #[test]
    fn only_an_enabled_key_is_usable() {
        let table = [
            (KeyState::Enabled, Ok(())),
            (KeyState::Disabled, Err(Refusal::KeyNotEnabled)),
            (KeyState::PendingDeletion, Err(Refusal::KeyPendingDeletion)),
            (KeyState::PendingImport, Err(Refusal::KeyPendingImport)),
            (KeyState::Unavailable, Err(Refusal::KeyNotEnabled)),
        ];
        for (state, expected) in table {
            assert_eq!(of_state(&state), expected, "{state:?}");
        }
    }
}
