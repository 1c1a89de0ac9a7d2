//! What an organization and AWS itself limit: service control policies, closed regions, rates of calls, delays.

use std::time::Duration;

use atlas_cmk_local::execution;
use aws_sdk_organizations::types::PolicyType;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use serde_json::{Value, json};

use crate::{
    attacker,
    world::{World, assert_failed, diagnosis},
};

#[tokio::test]
async fn a_service_control_policy_that_denies_a_call_is_named_and_its_end_is_enough() {
    let world = World::with_two_accounts().await;
    let policy = attach(&world, &PolicyType::ServiceControlPolicy, "iam:*").await;
    let run = world.enable().await;
    let expected = ["service control policy", "iam:GetRole", &world.account().id];
    assert_failed(&run, "Account.AccessDenied", "preflight", &expected);
    assert_eq!(world.records().await, [], "nothing is written in Atlas");
    detach(&world, &policy).await;
    world.enable_successfully().await;
}

#[tokio::test]
async fn a_resource_control_policy_that_denies_a_call_is_named_and_its_end_is_enough() {
    let world = World::with_two_accounts().await;
    let policy = attach(&world, &PolicyType::ResourceControlPolicy, "kms:*").await;
    let run = world.enable().await;
    assert_failed(&run, "Account.AccessDenied", "preflight", &["resource control policy", "kms:DescribeKey"]);
    assert_eq!(world.records().await, [], "nothing is written in Atlas");
    detach(&world, &policy).await;
    world.enable_successfully().await;
}

/// Lets a policy of the organization deny an action in the account of role and key. Its id.
pub(crate) async fn attach(world: &World, kind: &PolicyType, action: &str) -> String {
    let organizations = aws_sdk_organizations::Client::new(&world.hub().sdk_config());
    let mut deny = json!({"Effect": "Deny", "Action": action, "Resource": "*"});
    if *kind == PolicyType::ResourceControlPolicy {
        deny["Principal"] = json!("*");
        let root = organizations.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap();
        organizations.enable_policy_type().root_id(root).policy_type(kind.clone()).send().await.unwrap();
    }
    let content = json!({"Version": "2012-10-17", "Statement": [deny]}).to_string();
    let policy = organizations.create_policy().name("quarantine").description("").content(content).r#type(kind.clone());
    let policy = policy.send().await.unwrap().policy.unwrap().policy_summary.unwrap().id.unwrap();
    organizations.attach_policy().policy_id(&policy).target_id(&world.account().id).send().await.unwrap();
    policy
}

pub(crate) async fn detach(world: &World, policy: &str) {
    let organizations = aws_sdk_organizations::Client::new(&world.hub().sdk_config());
    organizations.detach_policy().policy_id(policy).target_id(&world.account().id).send().await.unwrap();
}

#[tokio::test]
async fn an_account_that_was_closed_is_named_as_out_of_reach() {
    let world = World::with_two_accounts().await;
    let organizations = aws_sdk_organizations::Client::new(&world.hub().sdk_config());
    organizations.close_account().account_id(&world.account().id).send().await.unwrap();
    // An enablement would wait, for the account may be in the making.
    let mut input = world.customer().input();
    input["mode"] = json!("verify");
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Account.AccessDenied", "preflight", &[&world.account().id]);
}

#[tokio::test]
async fn a_region_that_the_account_has_not_enabled_is_named_before_anything_is_written() {
    let world = World::with_two_accounts().await;
    set_region(&world, "/disableRegion", "ap-southeast-2").await;
    let run = world.enable().await;
    let text = diagnosis(&run).to_string();
    let expected = format!("ap-southeast-2 is not enabled in account {}", world.account().id);
    assert!(text.contains(&expected), "{text}");
    assert_eq!(world.records().await, [], "nothing is written in Atlas");
    assert!(!world.role_exists().await, "nor in AWS");
    set_region(&world, "/enableRegion", "ap-southeast-2").await;
    world.enable_successfully().await;
}

/// The parameter with which a test asks the engine for throttling.
pub(crate) const THROTTLING: &str = "/engine/throttling";

#[tokio::test]
async fn throttled_calls_are_repeated_until_the_project_is_enabled_and_taken_down() {
    let world = World::new().await;
    // Size of the bucket and tokens per second, which the scale of time makes a hundred times as many.
    let limits = json!({"iam:GetRole": [1, 0.01], "kms:GetKeyPolicy": [1, 0.01], "dynamodb:GetItem": [1, 0.01]});
    set(&world, THROTTLING, &limits.to_string()).await;
    let enabled = world.enable().await;
    assert_eq!((enabled.error, enabled.cause), (None, None));
    // What the test asks itself is not to be throttled: it repeats nothing.
    set(&world, THROTTLING, "{}").await;
    world.assert_enabled().await;
    set(&world, THROTTLING, &limits.to_string()).await;
    world.disable_successfully(json!({"scope": "role"})).await;
    let calls = calls(&world).await;
    for action in limits.as_object().unwrap().keys() {
        assert!(calls[action]["refused"].as_u64() > Some(0), "{action} was never throttled: {calls}");
    }
}

#[tokio::test]
async fn a_nested_execution_whose_start_is_throttled_is_started_in_the_end() {
    let world = World::new().await;
    world.enable_successfully().await;
    // One start, which is that of reconcile-project.
    set(&world, THROTTLING, r#"{"states:StartExecution": [1, 0]}"#).await;
    let input = json!({"projectId": world.customer().project_id, "cause": {"event": "by hand", "resource": "a test"}});
    let throttled = async {
        while calls(&world).await["states:StartExecution"]["refused"].as_u64().unwrap_or(0) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        set(&world, THROTTLING, "{}").await;
    };
    let (run, ()) = tokio::join!(execution::run(&world.cloud, "ReconcileProjectArn", &input, |_| {}), throttled);
    assert_eq!(run.unwrap().output.unwrap()["state"], "matching");
}

/// How many calls there were of each action that the engine throttles.
pub(crate) async fn calls(world: &World) -> Value {
    let ssm = aws_sdk_ssm::Client::new(&world.account().sdk_config());
    match ssm.get_parameter().name("/engine/calls").send().await {
        Ok(counts) => serde_json::from_str(counts.parameter.unwrap().value().unwrap()).unwrap(),
        Err(none) if none.code() == Some("ParameterNotFound") => json!({}),
        Err(error) => panic!("{error:?}"),
    }
}

/// Whether somebody whose rights on keys depend on a tag may change a key that was created with it a moment ago.
async fn a_right_by_tag_counts_at_once(world: &World) -> bool {
    let by_tag = attacker::role_with(world.account(), "ByTag", "kms:ListKeys").await;
    let allow = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:EnableKeyRotation",
        "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "payments"}}}]});
    let put = world.iam().put_role_policy().role_name("ByTag").policy_name("by-tag");
    put.policy_document(allow.to_string()).send().await.unwrap();
    let tag = aws_sdk_kms::types::Tag::builder().tag_key("team").tag_value("payments").build().unwrap();
    let key = world.kms().create_key().tags(tag).send().await.unwrap().key_metadata.unwrap().key_id;
    aws_sdk_kms::Client::new(&by_tag).enable_key_rotation().key_id(key).send().await.is_ok()
}

#[tokio::test]
async fn no_right_on_a_new_key_waits_for_its_tags_to_count() {
    let world = World::with_nothing().await;
    // The longest that AWS names.
    set(&world, "/engine/tags-of-keys", "300").await;
    assert!(!a_right_by_tag_counts_at_once(&world).await);
    let run = world.enable_with(&world.bare_input()).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let refused = world.failures_of(&run).await.contains(&"Aws.Propagating".to_owned());
    assert!(!refused, "a right on the key depends on its tag");
}

/// Asks the engine for something by a parameter of the account of role and key.
pub(crate) async fn set(world: &World, parameter: &str, value: &str) {
    let ssm = aws_sdk_ssm::Client::new(&world.account().sdk_config());
    let put = ssm.put_parameter().name(parameter).value(value).overwrite(true);
    put.r#type(aws_sdk_ssm::types::ParameterType::String).send().await.unwrap();
}

/// Closes or opens a region for the account of role and key, as the account's root user.
async fn set_region(world: &World, call: &str, region: &str) {
    let account = world.account();
    let scope = format!("{}/20260101/us-east-1/account/aws4_request", account.id);
    let request = atlas_cmk::http::client(None).unwrap().post(format!("{}{call}", account.endpoint()));
    let request = request
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .json(&json!({"RegionName": region}));
    request.send().await.unwrap().error_for_status().unwrap();
}
