//! A smoke test from its beginning to its end.

use anyhow::{Context, Result};
use atlas_cmk_local::{
    Account,
    account::words,
    deploy::{Bucket, Stack, Template, created, deploy_from},
    functions::Build,
    progress,
};
use aws_sdk_cloudformation::types::{Capability, Parameter, Tag};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Name,
    checks::{self, Check},
    remove,
};

/// The tag of the stacks that says when a smoke test has to be over: [`remove::left`] finds those that died by it.
pub const EXPIRES: &str = "atlas-cmk-smoke:expires";

/// A smoke test takes half an hour; whoever comes back the next day finds what died.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

const BASE: &str = include_str!("../base.yaml");

/// The organization of the simulator: it has this one only.
const SIMULATED_ORGANIZATION: &str = "5f0000000000000000000001";

/// Where a smoke test runs, and what it deploys.
#[derive(Debug, Clone)]
pub struct Target {
    /// The account, and the region of stack and key.
    pub account: Account,
    /// The region of the replica of the key.
    pub replica_region: String,
    /// The Atlas that the stack calls.
    pub atlas: Atlas,
    /// The functions and templates.
    pub build: Build,
    /// The architecture of the functions, if it is not the one that the template names.
    pub architecture: Option<&'static str>,
}

/// The Atlas of a smoke test, which gets a project of its own there.
#[derive(Debug, Clone)]
pub enum Atlas {
    /// An organization of Atlas, with credentials that may create projects in it.
    Organization {
        /// Its id.
        id: String,
        /// The secret of the account with the credentials.
        secret_arn: String,
    },
    /// The simulator, behind an address that the functions reach.
    Simulator(Url),
}

/// How a smoke test went.
#[derive(Debug, Clone)]
pub struct Report {
    /// The checks, in their order.
    pub checks: Vec<Check>,
    /// What AWS or Atlas keep for a while or for good, or why not everything was removed.
    pub kept: Result<Vec<String>, String>,
}

/// Deploys, checks, and removes everything, whatever the checks found.
///
/// # Errors
/// If atlas-cmk is in use in the account and the region, or the stack cannot be deployed.
pub async fn run(target: &Target, name: &Name) -> Result<Report> {
    let checked = tokio::select! {
        checked = check(target, name) => checked,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    progress::step("removing everything");
    let kept = remove::remove(&target.account, name).await;
    let kept =
        kept.map_err(|error| format!("not everything of {name} was removed; run `cargo smoke clean`: {error:#}"));
    match (checked, kept) {
        (Ok(checks), kept) => Ok(Report { checks, kept }),
        (Err(error), Ok(_)) => Err(error),
        (Err(error), Err(left)) => Err(error.context(left)),
    }
}

async fn check(target: &Target, name: &Name) -> Result<Vec<Check>> {
    progress::step("creating what the stack needs");
    let base = create_base(target, name).await?;
    let (secret_arn, organization) = match &target.atlas {
        Atlas::Organization { id, secret_arn } => (secret_arn.as_str(), id.as_str()),
        Atlas::Simulator(_) => (base.output("AtlasSecretArn")?, SIMULATED_ORGANIZATION),
    };
    progress::step("deploying infra/template.yaml");
    let (stack, vending_account) = deploy_stack(target, name, secret_arn).await?;
    progress::step("writing a profile");
    let profile = checks::profile(&base, &stack, name, organization).await;
    progress::step("enabling encryption with a new key and its replica, and comparing it with what is registered");
    let mut checks = vec![vending_account, profile];
    checks.extend(checks::enablement(&stack, name, organization, &target.replica_region).await);
    Ok(checks)
}

async fn create_base(target: &Target, name: &Name) -> Result<Stack> {
    let credentials = match &target.atlas {
        Atlas::Organization { .. } => String::new(),
        Atlas::Simulator(url) => add_credentials(url).await?.to_string(),
    };
    let cloudformation = aws_sdk_cloudformation::Client::new(&target.account.sdk_config());
    let parameter = |key: &str, value: &str| Parameter::builder().parameter_key(key).parameter_value(value).build();
    cloudformation
        .create_stack()
        .stack_name(name.base())
        .template_body(BASE)
        .parameters(parameter("StackUnderTest", name.stack()))
        .parameters(parameter("AtlasCredentials", &credentials))
        .tags(Tag::builder().key(EXPIRES).value(expiry()).build())
        .capabilities(Capability::CapabilityIam)
        .send()
        .await
        .map_err(|error| words("cloudformation:CreateStack", &error))?;
    created(&target.account, &name.base()).await
}

fn expiry() -> String {
    (Timestamp::now() + LONGEST).to_string()
}

/// Adds an API key to the simulator that nobody else has.
async fn add_credentials(simulator: &Url) -> Result<Value> {
    let random = || uuid::Uuid::new_v4().to_string();
    let credentials = json!({"publicKey": &random()[..8], "privateKey": random()});
    let http = atlas_cmk::http::client(None)?;
    let answer = http.post(simulator.join("/_sim/credentials")?).json(&credentials).send().await;
    answer.and_then(reqwest::Response::error_for_status).context("the simulator takes no credentials")?;
    Ok(credentials)
}

/// Deploys the stack with a vending account, which is the first check. Without one, if that fails.
async fn deploy_stack(target: &Target, name: &Name, secret_arn: &str) -> Result<(Stack, Check)> {
    let what = "a stack with VendingAccountId is deployed";
    let account = target.account.id.as_str();
    match deploy(target, name, secret_arn, &[("VendingAccountId", account)]).await {
        Ok(stack) => Ok((stack, Check::passed(what, "CREATE_COMPLETE".to_owned()))),
        Err(error) => {
            if let Some(failed) = Stack::find(&target.account, name.stack()).await? {
                failed.delete_and_wait(name.stack()).await?;
            }
            let stack = deploy(target, name, secret_arn, &[]).await?;
            Ok((stack, Check::failed(what, format!("{error:#}"))))
        }
    }
}

async fn deploy(target: &Target, name: &Name, secret_arn: &str, more: &[(&str, &str)]) -> Result<Stack> {
    // The test removes what it has made, and has no approver.
    let mut parameters = vec![("AtlasSecretArn", secret_arn), ("RequireApproval", "false")];
    if let Atlas::Simulator(url) = &target.atlas {
        parameters.push(("AtlasBaseUrl", url.as_str().trim_end_matches('/')));
    }
    parameters.extend(target.architecture.map(|architecture| ("Architecture", architecture)));
    parameters.extend(more);
    let bucket = Bucket::of(&target.account, &name.bucket(&target.account.id));
    bucket.put_code(&target.build.packages).await?;
    let template = Template {
        infra: &target.build.infra,
        file: "template.yaml",
        packages: &target.build.packages,
        parameters: &parameters,
        tags: &[(EXPIRES, &expiry())],
    };
    deploy_from(&target.account, name.stack(), template, &bucket, &bucket).await
}
