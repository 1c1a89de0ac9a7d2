//! What clouds do to those who are in a hurry: changes that take time to be seen, limits, lost answers.

use serde_json::json;

use crate::world::World;

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
    let fault = |method: &str, path: &str, answer| json!({"method": method, "path": format!("/api/atlas/v2/groups/*/{path}"), "when": "after", "answer": answer});
    for fault in [
        fault("POST", "cloudProviderAccess", json!({"cut": true})),
        fault("PATCH", "cloudProviderAccess/*", json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})),
        fault("PATCH", "encryptionAtRest", json!({"html": 502})),
        fault("POST", "encryptionAtRest/AWS/privateEndpoints", json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})),
    ] {
        world.cloud.simulator.add_fault(fault).await.unwrap();
    }
    let run = world.enable_successfully().await;
    assert_eq!(run.changes().len(), 8, "{:?}", run.changes());
}

#[tokio::test]
async fn an_endpoint_that_is_recreated_under_a_new_id_is_waited_for() {
    let world = World::new().await;
    let recreate = json!({"endpoints": {"EU_WEST_1": {"kind": "recreate"}}, "endpointSeconds": {"initiating": 60}});
    world.cloud.simulator.behave(recreate).await.unwrap();
    let run = world.enable().await;
    // Whether the check sees the first ACTIVE or only the second, the region ends with an endpoint that works.
    if let Some(error) = &run.error {
        assert_eq!(error, "Verify.Differs", "{:?}", run.cause);
    }
    let again = world.enable().await;
    assert_eq!(again.error, None, "{:?}", again.cause);
    assert!(world.endpoints().await.contains(&("EU_WEST_1".to_owned(), "ACTIVE".to_owned())));
}
