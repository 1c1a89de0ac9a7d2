//! An approver: a person of the hub account who answers requests for approval through the function URL, with a role that
//! has the stack's policy of approvers and nothing else.

use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::{deploy::Stack, http};

/// Somebody who may sign requests.
#[derive(Debug, Clone)]
pub struct Approver {
    stack: Stack,
    session: SdkConfig,
}

impl Approver {
    /// Creates a role with the policy of approvers, and assumes it.
    ///
    /// # Errors
    /// If IAM or STS refuses.
    pub async fn new(stack: &Stack, name: &str) -> Result<Self> {
        let policy = stack.output("ApproversPolicyArn")?;
        Ok(Self { stack: stack.clone(), session: session_with(stack, name, policy).await? })
    }

    /// Somebody else's session.
    pub fn with_session(stack: &Stack, session: SdkConfig) -> Self {
        Self { stack: stack.clone(), session }
    }

    /// The session that signs.
    pub fn session(&self) -> &SdkConfig {
        &self.session
    }

    /// Sends a signed request to the URL: the status, and what the function answered.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub async fn send(&self, body: &Value) -> Result<(u16, Value)> {
        let url = url::Url::parse(self.stack.output("ApprovalUrl")?)?;
        let host = url.host_str().context("a URL has a host")?;
        send_signed(&self.session, "POST", host, "/", body).await
    }

    /// Approves what a request for approval is about.
    ///
    /// # Errors
    /// If that is refused.
    pub async fn approve(&self, question: &Value) -> Result<Value> {
        match self.send(&question["body"]).await? {
            (200, noted) => Ok(noted),
            (status, why) => bail!("the approval is refused with {status}: {why}"),
        }
    }
}

/// Sends a signed request to Lambda or to a function URL, by the name of its host: the status, and what came back.
///
/// # Errors
/// If it cannot be sent.
pub async fn send_signed(
    session: &SdkConfig,
    method: &'static str,
    host: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, Value)> {
    let credentials = session.credentials_provider().context("a session has credentials")?;
    let identity = credentials.provide_credentials().await?.into();
    let region = session.region().context("a session has a region")?;
    let body = body.to_string();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_ref())
        .name("lambda")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?;
    let headers = [("host", host), ("content-type", "application/json")];
    let signed = format!("https://{host}{path}");
    let signable = SignableRequest::new(method, &signed, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(signable, &params.into())?.into_parts();
    let target = format!("{}{path}", session.endpoint_url().context("a session has an endpoint")?);
    let mut request = http::client()?.request(method.parse()?, target);
    for (name, value) in headers.into_iter().chain(instructions.headers()) {
        request = request.header(name, value);
    }
    let response = request.body(body).send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or_else(|_| json!(text))))
}

/// A session of a new role of the hub account that has a managed policy and nothing else.
///
/// # Errors
/// If IAM or STS refuses.
pub async fn session_with(stack: &Stack, name: &str, policy: &str) -> Result<SdkConfig> {
    let account = &stack.account;
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"},
    ]});
    iam.create_role().role_name(name).assume_role_policy_document(trust.to_string()).send().await?;
    iam.attach_role_policy().role_name(name).policy_arn(policy).send().await?;
    account.session_of(name, "alice").await
}
