//! AWS, as thin typed calls: what a step asks for and what it can do about a refusal, nothing of the SDKs' shapes.

mod accounts;
mod dead_letters;
mod errors;
mod executions;
mod iam;
mod items;
mod kms;
mod organizations;
mod parameters;
mod secrets;
mod task_tokens;
mod topic;

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_iam::config::{
    BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_types::SdkConfig;

pub use accounts::{Accounts, Assumption, Caller};
pub use dead_letters::DeadLetters;
pub use errors::aws_error;
pub use executions::{ExecutionsReader, ExecutionsWriter, Started};
pub use iam::{CreateRole, IamReader, IamWriter, ManagedPolicy, Role, SimulatedDecision};
pub use items::{Expected, ItemKey, ItemsReader, ItemsWriter, Leases, Write};
pub use kms::{Key, KmsReader, KmsWriter, Rotation, State as KeyState};
pub use organizations::{Joined, Organizations};
pub use parameters::Parameters;
pub use secrets::Secrets;
pub use task_tokens::{TaskToken, TaskTokens};
pub use topic::Topic;

use crate::{http::SdkHttpClient, settings::Settings};

/// Of one attempt of one call. Every call we make answers within a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Of all attempts of one call: a step makes four calls at the most, and its function has two minutes.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// The configuration every SDK client is built from. There is no credential chain to walk: Lambda puts the credentials
/// of the function's role into the environment.
pub fn sdk_config(settings: &Settings, http: &reqwest::Client) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.aws_region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(settings.aws_credentials.clone()))
        .http_client(SdkHttpClient(http.clone()))
        // It gives up on a body that does not flow for 5 s. Our connector hands over whole bodies, so all that would
        // measure is how long AWS takes.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        );
    config.set_endpoint_url(settings.aws_endpoint_url.as_ref().map(ToString::to_string));
    config.build()
}
