//! An AWS account in the engine. An access key of 12 digits is the root of the account of that number.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_types::{SdkConfig, region::Region};

/// The region everything is deployed to.
pub const REGION: &str = "us-east-1";

/// An account of the embedded cloud, used as its root.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its 12 digits.
    pub id: String,
    endpoint: String,
    region: String,
}

impl Account {
    /// The account of these 12 digits in the engine at `endpoint`.
    pub fn new(id: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { id: id.into(), endpoint: endpoint.into(), region: REGION.to_owned() }
    }

    /// The same account, with another region to deploy to.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// Where the engine is.
    pub fn endpoint(&self) -> &str {
        self.endpoint.trim_end_matches('/')
    }

    /// Configures any AWS SDK client as this account's root, in the region that is deployed to.
    pub fn sdk_config(&self) -> SdkConfig {
        self.sdk_config_in(&self.region)
    }

    /// Configures any AWS SDK client as this account's root, in a region.
    pub fn sdk_config_in(&self, region: &str) -> SdkConfig {
        self.config_with(Credentials::new(&self.id, "local", None, None, "embedded cloud"), region)
    }

    /// Configures any AWS SDK client as a session of a role of this account, which has to trust the account.
    ///
    /// # Errors
    /// If the role cannot be assumed.
    pub async fn session_of(&self, role: &str, session: &str) -> anyhow::Result<SdkConfig> {
        let sts = aws_sdk_sts::Client::new(&self.sdk_config());
        let role_arn = format!("arn:aws:iam::{}:role/{role}", self.id);
        let assumed = sts.assume_role().role_arn(role_arn).role_session_name(session).send().await?;
        let keys = assumed.credentials.ok_or_else(|| anyhow::anyhow!("no credentials in the answer"))?;
        let (id, secret, token) = (keys.access_key_id, keys.secret_access_key, keys.session_token);
        Ok(self.config_with(Credentials::new(id, secret, Some(token), None, "embedded cloud"), &self.region))
    }

    fn config_with(&self, credentials: Credentials, region: &str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .build()
    }
}
