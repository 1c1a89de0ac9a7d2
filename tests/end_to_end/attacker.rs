//! Somebody who has replaced the code of a function, and may do what it may do; and somebody with a role of his own.

use atlas_cmk_local::{Account, functions};
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
    lambda(world, reqwest::Method::PUT, &format!("{name}/code"), &json!({"ZipFile": zip})).await;
    let given = lambda(world, reqwest::Method::POST, &format!("{name}/invocations"), &json!({})).await;
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
    let given = session.credentials.unwrap();
    let (id, secret) = (given.access_key_id, given.secret_access_key);
    with_credentials(account, Credentials::new(id, secret, Some(given.session_token), None, "attacker"))
}

fn with_credentials(account: &Account, credentials: Credentials) -> SdkConfig {
    let config = account.sdk_config().into_builder();
    config.credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// A call of Lambda, as the root user of the hub.
async fn lambda(world: &World, method: reqwest::Method, path: &str, body: &Value) -> Value {
    let hub = world.hub();
    let scope = format!("{}/20260101/us-east-1/lambda/aws4_request", hub.id);
    let url = format!("{}/2015-03-31/functions/{path}", hub.endpoint());
    let request = atlas_cmk::http::client(None).unwrap().request(method, url);
    let request = request
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .json(body);
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}
