//! Somebody who has replaced the code of a function, and may do what it may do; and somebody with a role of his own.

use atlas_cmk_local::{Account, approver, functions};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_types::SdkConfig;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::world::World;

/// Answers each invocation with the credentials that Lambda gave to the function.
const CODE: &str = r#"#!/usr/bin/env python3
import http.client, json, os
while True:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    invocation = api.getresponse()
    invocation.read()
    path = "/2018-06-01/runtime/invocation/" + invocation.headers["Lambda-Runtime-Aws-Request-Id"] + "/response"
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    api.request("POST", path, json.dumps({name: os.environ[name] for name in names}))
    api.getresponse().read()
"#;

/// Clients with the rights of a function, from within it.
pub(crate) async fn inside(world: &World, step: &str) -> SdkConfig {
    let zip = functions::zip(CODE.as_bytes(), 1).unwrap();
    let zip = base64::engine::general_purpose::STANDARD.encode(zip);
    let name = format!("{}-{step}", world.customer().stack);
    let hub = world.hub().sdk_config();
    lambda(&hub, "PUT", &format!("{name}/code"), &json!({"ZipFile": zip})).await.unwrap();
    let given = lambda(&hub, "POST", &format!("{name}/invocations"), &json!({})).await.unwrap();
    let text = |field: &str| given[field].as_str().unwrap_or_else(|| panic!("{given}")).to_owned();
    let (id, secret) = (text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"));
    let credentials = Credentials::new(id, secret, Some(text("AWS_SESSION_TOKEN")), None, "stolen");
    with_credentials(world.hub(), credentials)
}

/// Clients with the rights of a new role that may do this on every resource of an account, as far as it is up to IAM.
pub(crate) async fn role_with(account: &Account, name: &str, actions: &str) -> SdkConfig {
    let statement = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let trust = statement(json!({"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"}));
    let policy = statement(json!({"Effect": "Allow", "Action": actions, "Resource": "*"}));
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let role = iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap().role.unwrap();
    iam.put_role_policy().role_name(name).policy_name("rights").policy_document(policy).send().await.unwrap();
    let sts = aws_sdk_sts::Client::new(&account.sdk_config());
    let session = sts.assume_role().role_arn(role.arn).role_session_name("attacker").send().await.unwrap();
    with(account, session.credentials.unwrap())
}

/// Clients with the credentials of a session in an account.
pub(crate) fn with(account: &Account, given: aws_sdk_sts::types::Credentials) -> SdkConfig {
    let (id, secret) = (given.access_key_id, given.secret_access_key);
    with_credentials(account, Credentials::new(id, secret, Some(given.session_token), None, "attacker"))
}

fn with_credentials(account: &Account, credentials: Credentials) -> SdkConfig {
    let config = account.sdk_config().into_builder();
    config.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// A call of Lambda: what it answers, or the status with which it refuses.
pub(crate) async fn lambda(config: &SdkConfig, method: &'static str, path: &str, body: &Value) -> Result<Value, u16> {
    let path = format!("/2015-03-31/functions/{path}");
    let host = config.endpoint_url().unwrap().trim_start_matches("http://").to_owned();
    match approver::send_signed(config, method, &host, &path, body).await.unwrap() {
        (200..300, answer) => Ok(answer),
        (status, _) => Err(status),
    }
}
