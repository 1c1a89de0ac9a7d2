//! The account that the credentials of the environment belong to.

use anyhow::{Context, Result, bail};
use atlas_cmk_local::{Account, account::words};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_types::{SdkConfig, region::Region};

/// The account of the credentials in the environment, to be used in a region. `AWS_ENDPOINT_URL` is where AWS is, if not
/// on the internet.
///
/// # Errors
/// If there are no credentials, or they are those of another account than `expected`.
pub async fn account_of_the_environment(expected: &str, region: &str) -> Result<Account> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let required = |name: &str| {
        variable(name).with_context(|| {
            format!("{name} is not set; `eval \"$(aws configure export-credentials --format env)\"` sets it")
        })
    };
    let (id, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    let credentials = Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None, "environment");
    let mut config = SdkConfig::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(atlas_cmk::http::SdkHttpClient(atlas_cmk::http::client(None)?))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new());
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    let config = config.build();
    let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let identity = identity.map_err(|error| words("sts:GetCallerIdentity", &error))?;
    let account = identity.account().context("AWS does not say whose the credentials are")?;
    if account != expected {
        bail!("the credentials are those of account {account}, not of {expected}; nothing was touched");
    }
    Ok(Account::with_config(account, config))
}
