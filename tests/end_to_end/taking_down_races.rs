//! What Atlas does to those who take a project down: endpoints that cannot be deleted yet, that come back, that are
//! gone and still counted; clusters and roles that are in use a little longer. All of it is outlasted.

use std::time::Duration;

use atlas_cmk::atlas::EncryptionProvider;
use atlas_cmk_local::snapshot;
use serde_json::{Value, json};

use crate::world::{World, changed_steps};

/// Enables, takes down while Atlas refuses with this code, lets Atlas come round once it has, and asserts that nothing
/// is left.
async fn assert_outlasted(world: &World, lag: &str, code: &str, clusters: Value) {
    let before = world.snapshot().await;
    let mut input = world.customer().input();
    input["clusters"] = clusters;
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    world.cloud.simulator.forget_requests().await.unwrap();
    // For ever, if nobody was refused.
    world.cloud.simulator.behave(json!({lag: 30_000_000})).await.unwrap();
    let come_round = async {
        while refusals(world, code).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.cloud.simulator.behave(json!({lag: 0})).await.unwrap();
    };
    let ((), _) = tokio::join!(come_round, world.disable_successfully(json!({"scope": "role"})));
    let differences = snapshot::differences(&before, &world.snapshot().await);
    assert!(differences.is_empty(), "{lag}: {differences:#?}");
}

/// How often Atlas refused with this code.
async fn refusals(world: &World, code: &str) -> usize {
    let requests = world.cloud.simulator.requests().await.unwrap();
    requests.iter().filter(|request| request["errorCode"] == code).count()
}

#[tokio::test]
async fn an_endpoint_that_is_still_being_created_is_deleted_when_it_can_be() {
    let world = World::new().await;
    let before = world.snapshot().await;
    world.cloud.simulator.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "slow", "seconds": 3000}}})).await.unwrap();
    // An enablement that gave up waiting.
    let mut input = world.customer().input();
    input["deadlines"] = json!({"endpointMinutes": 1});
    let run = world.enable_with(&input).await;
    assert_eq!(run.error.as_deref(), Some("Endpoint.TimedOut"), "{:?}", run.cause);
    world.cloud.simulator.forget_requests().await.unwrap();
    world.disable_successfully(json!({"scope": "role"})).await;
    let code = "ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING";
    assert!(refusals(&world, code).await > 0, "it was tried too early");
    let differences = snapshot::differences(&before, &world.snapshot().await);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn an_endpoint_that_atlas_makes_again_meanwhile_is_deleted_too() {
    let world = World::new().await;
    let before = world.snapshot().await;
    let behaviour = json!({"endpoints": {"EU_WEST_1": {"kind": "recreateOnDelete"}}});
    world.cloud.simulator.behave(behaviour).await.unwrap();
    world.enable_successfully().await;
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    let steps = changed_steps(&run);
    assert_eq!(steps.iter().filter(|step| **step == "delete-endpoint").count(), 4, "one of them twice: {steps:?}");
    let differences = snapshot::differences(&before, &world.snapshot().await);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn endpoints_that_are_gone_and_still_counted_are_waited_for() {
    let world = World::new().await;
    let code = "CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST";
    assert_outlasted(&world, "endpointLagSeconds", code, json!("none")).await;

    // And when the keys are switched off.
    let due = json!({
        "method": "PATCH", "path": "/api/atlas/v2/groups/*/encryptionAtRest", "nth": 2, "times": 3,
        "answer": {"status": 400, "errorCode": "CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS"},
    });
    world.enable_successfully().await;
    world.cloud.simulator.add_fault(due).await.unwrap();
    world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(world.records().await.len(), 0);
}

#[tokio::test]
async fn a_cluster_that_is_counted_a_little_longer_is_waited_for() {
    let world = World::new().await;
    assert_outlasted(&world, "clusterLagSeconds", "CANNOT_DISABLE_ENCRYPTION_AT_REST", json!("all")).await;
}

#[tokio::test]
async fn a_role_that_is_in_use_a_little_longer_is_waited_for() {
    let world = World::new().await;
    assert_outlasted(&world, "roleInUseSeconds", "AWS_IAM_ROLE_IN_USE", json!("none")).await;
}

#[tokio::test]
async fn writes_whose_answers_are_lost_are_found_again_and_storms_are_outlasted() {
    let world = World::new().await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    let fault = |method: &str, path: &str, answer: Value| {
        json!({"method": method,
        "path": format!("/api/atlas/v2/groups/*/{path}"), "when": "after", "answer": answer})
    };
    for fault in [
        fault("DELETE", "encryptionAtRest/AWS/privateEndpoints/*", json!({"cut": true})),
        fault("PATCH", "encryptionAtRest", json!({"html": 502})),
        fault("DELETE", "cloudProviderAccess/AWS/*", json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})),
    ] {
        world.cloud.simulator.add_fault(fault).await.unwrap();
    }
    let storm = json!({
        "method": "*", "path": "/api/atlas/v2/groups/**", "times": 8, "nth": 12,
        "answer": {"status": 429, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "headers": {"Retry-After": "0"}},
    });
    world.cloud.simulator.add_fault(storm).await.unwrap();
    world.disable_successfully(json!({"scope": "role"})).await;
    let differences = snapshot::differences(&before, &world.snapshot().await);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn a_cluster_that_somebody_switches_meanwhile_is_waited_for() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["clusters"] = json!("all");
    input["regions"] = Value::Null;
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let cluster: atlas_cmk::ids::ClusterName = "orders".parse().unwrap();
    world.atlas().set_cluster_encryption(&world.project_id(), &cluster, EncryptionProvider::None).await.unwrap();
    let run = world.disable_successfully(json!({"scope": "project"})).await;
    assert_eq!(changed_steps(&run), ["set-cluster-encryption", "update-encryption", "unregister"]);
    let project = world.project().await;
    assert_eq!(project["encryptionAtRest"]["awsKms"]["enabled"], false, "{project}");
    assert_eq!(world.records().await.len(), 1, "the scope does not reach the role");
    assert_eq!(world.registered().await.unwrap()["disabled"], true);
}
