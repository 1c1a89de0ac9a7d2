//! An AWS account: one of the engine, where an access key of 12 digits is the root of the account of that number, or a
//! real one.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_types::{SdkConfig, region::Region};

/// The region everything is deployed to.
pub const REGION: &str = "us-east-1";

/// An account, with the credentials that it is used with.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its 12 digits.
    pub id: String,
    config: SdkConfig,
}

impl Account {
    /// The account of these 12 digits in the engine at `endpoint`, used as its root.
    pub fn new(id: impl Into<String>, endpoint: impl Into<String>) -> Self {
        let id = id.into();
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials(&id, "local", None)))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .build();
        Self { id, config }
    }

    /// The account of these 12 digits, used with a configuration that has a region and credentials.
    pub fn with_config(id: impl Into<String>, config: SdkConfig) -> Self {
        Self { id: id.into(), config }
    }

    /// The same account, with another region to deploy to.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self { id: self.id.clone(), config: self.sdk_config_in(region) }
    }

    /// Where the engine is; empty for AWS.
    pub fn endpoint(&self) -> &str {
        self.config.endpoint_url().unwrap_or_default().trim_end_matches('/')
    }

    /// The region that is deployed to.
    pub fn region(&self) -> &str {
        self.config.region().map_or(REGION, Region::as_ref)
    }

    /// How long to wait before something that takes a while is asked for once more.
    pub fn pace(&self) -> Duration {
        if self.endpoint().is_empty() { Duration::from_secs(5) } else { Duration::from_millis(100) }
    }

    /// Configures any AWS SDK client, in the region that is deployed to.
    pub fn sdk_config(&self) -> SdkConfig {
        self.config.clone()
    }

    /// Configures any AWS SDK client, in a region.
    pub fn sdk_config_in(&self, region: &str) -> SdkConfig {
        self.config.to_builder().region(Region::new(region.to_owned())).build()
    }

    /// Configures any AWS SDK client as a session of a role of this account, which has to trust the account.
    ///
    /// # Errors
    /// If the role cannot be assumed.
    pub async fn session_of(&self, role: &str, session: &str) -> anyhow::Result<SdkConfig> {
        let sts = aws_sdk_sts::Client::new(&self.config);
        let role_arn = format!("arn:aws:iam::{}:role/{role}", self.id);
        let assumed = sts.assume_role().role_arn(role_arn).role_session_name(session).send().await?;
        let keys = assumed.credentials.ok_or_else(|| anyhow::anyhow!("no credentials in the answer"))?;
        let session = credentials(&keys.access_key_id, &keys.secret_access_key, Some(keys.session_token));
        Ok(self.config.to_builder().credentials_provider(SharedCredentialsProvider::new(session)).build())
    }
}

/// The words in which AWS refuses a call.
pub fn words<E: ProvideErrorMetadata + std::error::Error + 'static>(
    action: &str,
    error: &SdkError<E>,
) -> anyhow::Error {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => anyhow::anyhow!("{action}: {code}: {message}"),
        _ => anyhow::anyhow!("{action}: {}", DisplayErrorContext(error)),
    }
}

fn credentials(id: &str, secret: &str, token: Option<String>) -> Credentials {
    Credentials::new(id, secret, token, None, "embedded cloud")
}
