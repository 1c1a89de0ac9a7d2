//! What cannot work fails with its name, its step and its reason, and leaves no more behind than it must.

use atlas_cmk::policy::Statement;
use atlas_cmk_local::execution;
use serde_json::json;

use crate::world::{World, assert_failed, diagnosis, trust_of_others};

#[tokio::test]
async fn a_wrong_input_is_refused_with_the_path_of_the_field_before_anything_is_asked_or_written() {
    let world = World::new().await;
    for (field, value) in [
        ("projectId", json!("payments")),
        ("roleArn", json!("arn:aws:iam::1:role/x")),
        ("keyArn", json!("alias/atlas")),
        ("regions", json!(["us-east-1", "us-east-1"])),
        ("region", json!("us-east-1")),
    ] {
        let mut input = world.customer().input();
        input[field] = value;
        let run = world.enable_with(&input).await;
        assert_failed(&run, "Input.Invalid", "record-obligation", &[field]);
    }
    assert_eq!(world.cloud.simulator.requests().await.unwrap().len(), 0);
    assert!(!world.role_exists().await);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_reported_with_region_and_reason() {
    let world = World::new().await;
    let fail = json!({"endpoints": {"EU_WEST_1": {"kind": "fail", "errorMessage": "the service quota is used up"}}});
    world.cloud.simulator.behave(fail).await.unwrap();
    let run = world.enable().await;
    assert_failed(&run, "Endpoint.Failed", "check-endpoints", &["eu-west-1 is FAILED", "the service quota is used up"]);
    let again = world.enable().await;
    assert_failed(&again, "Endpoint.Failed", "preflight", &["eu-west-1 failed", "the service quota is used up"]);
    assert_eq!(world.endpoints().await.iter().filter(|(region, _)| region == "EU_WEST_1").count(), 1);
}

#[tokio::test]
async fn what_no_function_raised_is_diagnosed_under_the_name_of_the_state() {
    let world = World::new().await;
    let input = world.customer().input();
    let gone = execution::define_with(&world.cloud, "EnableEncryptionArn", "AuthorizeRole", |state| {
        state["Arguments"]["FunctionName"] = json!("a-function-that-is-gone");
    });
    let run = execution::run_machine(&world.cloud, &gone.await.unwrap(), &input, |_| {}).await.unwrap();
    assert_failed(&run, "Lambda.ResourceNotFoundException", "AuthorizeRole", &["a-function-that-is-gone"]);

    let late = execution::define_with(&world.cloud, "EnableEncryptionArn", "AuthorizeRole", |state| {
        state["TimeoutSeconds"] = json!(1);
        state["Retry"] = json!([]);
    });
    let late = late.await.unwrap();
    let path = "/api/atlas/v2/groups/*/cloudProviderAccess/*";
    let slow = json!({"status": 429, "errorCode": "RATE_LIMITED", "headers": {"Retry-After": "5"}});
    world
        .cloud
        .simulator
        .add_fault(json!({"method": "PATCH", "path": path, "times": 0, "answer": slow}))
        .await
        .unwrap();
    let run = execution::run_machine(&world.cloud, &late, &input, |_| {}).await.unwrap();
    assert_failed(&run, "States.Timeout", "AuthorizeRole", &[]);
    // What it had done until then stays, and another run goes on from there.
    world.cloud.simulator.ask(reqwest::Method::DELETE, "/faults", None).await.unwrap();
    assert_eq!(world.enable().await.error, None);
}

#[tokio::test]
async fn a_region_without_a_replica_is_refused_where_the_key_is_not_ours_to_replicate() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-central-1"]);
    input["key"] = json!({"manage": "none"});
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Kms.NotReplicated", "preflight", &["no replica in eu-central-1", "key.manage"]);
    assert_eq!(world.writes().await, [] as [String; 0]);
}

#[tokio::test]
async fn an_endpoint_that_never_becomes_active_is_given_up_at_the_deadline_and_kept() {
    let world = World::new().await;
    world.cloud.simulator.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "stuck"}}})).await.unwrap();
    let mut input = world.customer().input();
    input["deadlines"] = json!({"endpointMinutes": 5});
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Endpoint.TimedOut", "check-endpoints", &["eu-west-1 is INITIATING"]);
    assert_eq!(diagnosis(&run)["retryable"], true);
    assert!(world.endpoints().await.contains(&("EU_WEST_1".to_owned(), "INITIATING".to_owned())));
}

#[tokio::test]
async fn a_trust_policy_that_loses_the_external_id_on_the_way_ends_in_cannot_assume_role() {
    let world = World::new().await;
    // Long enough for another tool to write its own idea of the trust policy before Atlas could ever assume the role.
    world.cloud.simulator.behave(json!({"propagationSeconds": 600})).await.unwrap();
    let tamper = async {
        while !world.role_exists().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let sid = format!("AtlasCmk{}", world.customer().project_id);
        let wrong = Statement::trust(&sid, "arn:aws:iam::299602853325:root", "of-another-record");
        let document = world.trust_policy().await.merge(&wrong);
        let update = world.iam().update_assume_role_policy().role_name(&world.customer().role_name);
        update.policy_document(document.to_json()).send().await.unwrap();
    };
    let (run, ()) = tokio::join!(world.enable(), tamper);
    assert_failed(&run, "Atlas.CannotAssumeRole", "authorize-role", &["CANNOT_ASSUME_ROLE", "another external ID"]);
}

#[tokio::test]
async fn a_key_that_is_disabled_is_named_as_the_reason() {
    let world = World::new().await;
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    let run = world.enable().await;
    assert_failed(&run, "Kms.KeyUnusable", "preflight", &["is disabled", "aws kms enable-key"]);
    assert_eq!(world.writes().await, [] as [String; 0]);
}

#[tokio::test]
async fn a_key_that_is_disabled_later_is_found_by_the_next_run() {
    let world = World::new().await;
    world.enable_successfully().await;
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    let run = world.enable().await;
    assert_failed(&run, "Kms.KeyUnusable", "preflight", &["is disabled"]);
}

#[tokio::test]
async fn a_key_that_does_not_exist_leaves_the_project_with_the_one_it_has() {
    let world = World::new().await;
    world.enable_successfully().await;
    let mut input = world.customer().input();
    input["keyArn"] = json!(world.customer().key_arn().replace("1234abcd", "99999999"));
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Kms.KeyUnusable", "preflight", &["KMS has no key"]);
    world.assert_enabled().await;
}

#[tokio::test]
async fn a_permission_that_a_functions_role_lacks_is_named_with_its_step() {
    for (step, permission) in [
        ("create-role", "secretsmanager:GetSecretValue"),
        ("update-trust", "iam:GetRole"),
        ("authorize-role", "secretsmanager:GetSecretValue"),
        ("enable-kms", "secretsmanager:GetSecretValue"),
        ("check-endpoints", "secretsmanager:GetSecretValue"),
        ("create-endpoint", "secretsmanager:GetSecretValue"),
        ("verify", "iam:GetRole"),
    ] {
        let world = World::new().await;
        world.deny(world.hub(), &world.role_of(step), Some(permission)).await;
        let run = world.enable().await;
        assert_failed(&run, "Account.AccessDenied", step, &[permission]);
    }
}

#[tokio::test]
async fn each_permission_to_change_a_role_is_missed_by_name() {
    let world = World::new().await;
    let role = world.role_of("update-trust");
    // In this order each run gets one step further than the one before: nothing has to be undone in between.
    for permission in ["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"] {
        let deny =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": permission, "Resource": "*"}]});
        let put = world.iam().put_role_policy().role_name(&role).policy_name("deny").policy_document(deny.to_string());
        put.send().await.unwrap();
        if permission == "iam:UpdateAssumeRolePolicy" {
            let name = &world.customer().role_name;
            let theirs = trust_of_others();
            world.iam().update_assume_role_policy().role_name(name).policy_document(theirs).send().await.unwrap();
        }
        let run = world.enable().await;
        assert_failed(&run, "Account.AccessDenied", "update-trust", &[permission]);
    }
}

#[tokio::test]
async fn a_role_of_another_account_is_never_made_in_ours() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["roleArn"] = json!("arn:aws:iam::999999999999:role/atlas-cmk/access");
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Input.Invalid", "preflight", &["roleArn: ", "account.roleArn"]);
    assert_eq!(world.cloud.simulator.requests().await.unwrap().len(), 0);
    assert!(!world.role_exists().await);
}

#[tokio::test]
async fn the_functions_can_never_change_their_own_roles() {
    let world = World::new().await;
    let roles = world.iam().list_roles().send().await.unwrap().roles;
    let own = roles.iter().find(|role| role.role_name().ends_with("-update-trust")).unwrap();
    let mut input = world.customer().input();
    input["roleArn"] = json!(own.arn());
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Account.AccessDenied", "preflight", &[own.arn()]);
}

#[tokio::test]
async fn credentials_that_atlas_refuses_are_distinguished_from_a_secret_that_cannot_be_read() {
    let world = World::new().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&world.account().sdk_config());
    let put = async |text: &str| {
        secrets.put_secret_value().secret_id("atlas-cmk/atlas").secret_string(text).send().await.unwrap()
    };

    put(r#"{"publicKey":"abcdefgh","privateKey":"not-the-right-one"}"#).await;
    let run = world.enable().await;
    assert_failed(&run, "Atlas.Unauthorized", "preflight", &["Project Owner"]);
    assert!(!run.cause.unwrap().contains("not-the-right-one"));

    put(r#"{"user":"abcdefgh","password":"not-the-right-shape"}"#).await;
    let run = world.enable().await;
    // Functions that are still warm with the refused key read the secret again before they give up.
    assert_failed(&run, "Secret.Unusable", "preflight", &["clientId"]);
    assert!(!run.cause.unwrap().contains("not-the-right-shape"));
}
