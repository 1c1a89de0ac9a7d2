//! What clouds do to those who are in a hurry: changes that take time to be seen, limits, lost answers.

use atlas_cmk::atlas::{EndpointStatus, PrivateEndpoint};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, changed_steps, converged_steps};

#[tokio::test]
async fn a_role_that_atlas_cannot_assume_at_once_is_waited_for() {
    let world = World::new().await;
    world.cloud.simulator.behave(json!({"propagationSeconds": 30, "failOnceAfterAuthorize": true})).await.unwrap();
    let run = world.enable_successfully().await;
    assert!(run.measure.waiting.as_millis() > 0);
    let writes = world.writes().await;
    let authorizations = writes.iter().filter(|write| write.starts_with("PATCH /cloudProviderAccess/")).count();
    let configurations = writes.iter().filter(|write| *write == "PATCH /encryptionAtRest").count();
    assert!(authorizations > 1 && configurations > 1, "{writes:?}");
}

#[tokio::test]
async fn a_storm_of_429_delays_a_run_and_does_not_fail_it() {
    let world = World::new().await;
    let storm = json!({
        "method": "*", "path": "/api/atlas/v2/groups/**", "times": 12,
        "answer": {"status": 429, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "headers": {"Retry-After": "0"}},
    });
    world.cloud.simulator.add_fault(storm).await.unwrap();
    world.enable_successfully().await;
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_again_and_never_made_twice() {
    let world = World::new().await;
    let fault = |method: &str, path: &str, answer| {
        json!({"method": method,
        "path": format!("/api/atlas/v2/groups/*/{path}"), "when": "after", "answer": answer})
    };
    for fault in [
        fault("POST", "cloudProviderAccess", json!({"cut": true})),
        fault("PATCH", "cloudProviderAccess/*", json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})),
        fault("PATCH", "encryptionAtRest", json!({"html": 502})),
        fault("POST", "encryptionAtRest/AWS/privateEndpoints", json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})),
    ] {
        world.cloud.simulator.add_fault(fault).await.unwrap();
    }
    let run = world.enable_successfully().await;
    assert_eq!(converged_steps(&run).len(), 8, "{:?}", run.changes());
}

#[tokio::test]
async fn an_endpoint_that_is_recreated_under_a_new_id_is_waited_for() {
    let world = World::new().await;
    world.enable_successfully().await;
    let active = async || {
        let endpoints = world.atlas().private_endpoints(&world.project_id()).await.unwrap();
        let in_region = |it: &&PrivateEndpoint| it.region_name == "EU_WEST_1" && it.status == EndpointStatus::Active;
        endpoints.iter().find(in_region).map(|endpoint| endpoint.id.clone())
    };
    let before = active().await;
    let reject = format!("/private-endpoints/{}/EU_WEST_1/reject", world.customer().project_id);
    world.cloud.simulator.ask(Method::POST, &reject, None).await.unwrap();
    assert_eq!(active().await, None);
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(run.changes().len(), 0, "Atlas makes the new one by itself: {:?}", run.changes());
    let after = active().await;
    assert!(after.is_some() && after != before, "{after:?} after {before:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_being_deleted_is_made_again_when_it_is_gone() {
    let world = World::new().await;
    world.enable_successfully().await;
    let endpoints = world.atlas().private_endpoints(&world.project_id()).await.unwrap();
    let endpoint = endpoints.iter().find(|endpoint| endpoint.region_name == "EU_WEST_1").unwrap();
    world.atlas().delete_private_endpoint(&world.project_id(), &endpoint.id).await.unwrap();
    let run = world.enable_successfully().await;
    assert_eq!(changed_steps(&run), ["create-endpoint"]);
}

#[tokio::test]
async fn two_executions_at_the_same_time_end_with_one_authorized_record() {
    let world = World::new().await;
    let (one, other) = tokio::join!(world.enable(), world.enable());
    assert!(one.error.is_none() || other.error.is_none(), "{:?} {:?}", one.cause, other.cause);
    world.enable().await;
    let role_arn = world.customer().role_arn().parse().unwrap();
    let authorized = world.records().await.iter().filter(|record| record.is_authorized_for(&role_arn)).count();
    assert_eq!(authorized, 1);
    let project = world.project().await;
    assert_eq!(project["encryptionAtRest"]["awsKms"]["valid"], true);
}

#[tokio::test]
async fn a_key_that_atlas_may_not_use_at_once_is_waited_for() {
    let world = World::new().await;
    let not_yet = json!({
        "method": "PATCH", "path": "/api/atlas/v2/groups/*/encryptionAtRest", "times": 3,
        "answer": {"status": 400, "errorCode": "NO_PERMISSION_TO_ENCRYPT_DECRYPT"},
    });
    world.cloud.simulator.add_fault(not_yet).await.unwrap();
    let run = world.enable_successfully().await;
    assert_eq!(converged_steps(&run).len(), 8);
    assert_eq!(world.writes().await.iter().filter(|write| *write == "PATCH /encryptionAtRest").count(), 4);
}

#[tokio::test]
async fn credentials_that_are_rotated_between_runs_are_read_again_by_functions_that_are_still_warm() {
    for (id, secret, rotated, in_atlas) in [
        (
            "abcdefgh",
            json!({"publicKey": "abcdefgh", "privateKey": "the-old-one"}),
            json!({"publicKey": "abcdefgh", "privateKey": "the-new-one"}),
            json!({"privateKey": "the-new-one"}),
        ),
        (
            "mdb_sa_id_66f0a1b2c3d4e5f601234567",
            json!({"clientId": "mdb_sa_id_66f0a1b2c3d4e5f601234567", "clientSecret": "mdb_sa_sk_old"}),
            json!({"clientId": "mdb_sa_id_66f0a1b2c3d4e5f601234567", "clientSecret": "mdb_sa_sk_new"}),
            json!({"clientSecret": "mdb_sa_sk_new"}),
        ),
    ] {
        let world = World::with_secret(secret).await;
        let first = world.enable().await;
        assert_eq!(first.error, None, "{:?}", first.cause);
        let simulator = &world.cloud.simulator;
        simulator.ask(Method::PUT, &format!("/credentials/{id}"), Some(in_atlas)).await.unwrap();
        if id.starts_with("mdb_sa_id_") {
            simulator.ask(Method::POST, &format!("/credentials/{id}/expire-tokens"), None).await.unwrap();
        }
        let secrets = aws_sdk_secretsmanager::Client::new(&world.hub().sdk_config());
        let put = secrets.put_secret_value().secret_id("atlas-cmk/atlas").secret_string(rotated.to_string());
        put.send().await.unwrap();
        let before = simulator.requests().await.unwrap().len();
        let second = world.enable().await;
        assert_eq!(second.error, None, "{:?}", second.cause);
        assert_eq!(second.changes().len(), 0);
        // A cold function reads the new secret at once. A warm one learns from Atlas that its own is no longer good; of a
        // service account, its token had expired before it could try the old secret.
        let refused = |request: &Value| request["status"] == 401 && request["credential"] == id;
        let requests = simulator.requests().await.unwrap();
        assert!(id.starts_with("mdb_sa_id_") || requests[before..].iter().any(refused), "a function was warm");
    }
}
