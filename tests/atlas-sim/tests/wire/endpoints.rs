//! Private endpoints through their states, on a clock a thousand times as fast as ours.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::world::{FOR_EVER, PROJECT, Reply, World, send};

const ENDPOINTS: &str = "/encryptionAtRest/AWS/privateEndpoints";

async fn create(world: &World, region: &str) -> Result<Reply> {
    world.post(ENDPOINTS, json!({"regionName": region})).await
}

async fn list(world: &World) -> Result<Vec<Value>> {
    let body = world.get(ENDPOINTS).await?.json();
    Ok(body["results"].as_array().cloned().unwrap_or_default())
}

/// Waits until the endpoints have these statuses, oldest first.
async fn reaches(world: &World, expected: &[&str]) -> Result<Vec<Value>> {
    let mut endpoints = Vec::new();
    for _ in 0..1000 {
        endpoints = list(world).await?;
        if endpoints.iter().map(|endpoint| &endpoint["status"]).eq(expected.iter()) {
            return Ok(endpoints);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("the endpoints never became {expected:?}: {endpoints:?}")
}

#[tokio::test]
async fn an_endpoint_is_accepted_then_active_then_deleted_then_gone() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    let created = create(&world, "EU_WEST_1").await?;
    assert_eq!(created.status, 202);
    assert_eq!(created.json()["status"], "INITIATING");
    assert_eq!(created.json()["errorMessage"], Value::Null);
    let active = reaches(&world, &["ACTIVE"]).await?;
    assert_eq!(active[0]["id"], created.json()["id"]);

    let path = format!("{ENDPOINTS}/{}", active[0]["id"].as_str().unwrap_or_default());
    let off = world.patch("/encryptionAtRest", json!({"awsKms": {"requirePrivateNetworking": false}})).await?;
    assert_eq!(
        off.error(),
        "400 CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST"
    );
    let deleted = world.delete(&path).await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    reaches(&world, &[]).await?;
    assert_eq!(world.get(&path).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_endpoint_that_is_provisioned_cannot_be_deleted_and_keeps_the_key() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "stuck"}}})).await?;
    let id = create(&world, "EU_WEST_1").await?.json()["id"].as_str().unwrap_or_default().to_owned();
    let refused = world.delete(&format!("{ENDPOINTS}/{id}")).await?;
    assert_eq!(refused.error(), "400 ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING");
    assert_eq!(refused.json()["parameters"], json!([format!("[{id}]")]));
    let off = world.patch("/encryptionAtRest", json!({"awsKms": {"enabled": false}})).await?;
    assert_eq!(off.error(), "400 CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS");
    assert_eq!(off.json()["parameters"], json!([]));
    Ok(())
}

#[tokio::test]
async fn an_endpoint_fails_as_it_was_asked_to() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "fail", "errorMessage": "no subnet"}}})).await?;
    create(&world, "EU_WEST_1").await?;
    assert_eq!(reaches(&world, &["FAILED"]).await?[0]["errorMessage"], "no subnet");
    Ok(())
}

#[tokio::test]
async fn an_endpoint_without_a_replica_of_the_key_fails() -> Result<()> {
    let world = World::start().await?;
    let role_id = world.authorized_role().await?;
    let single = json!({"awsKms": {
        "enabled": true, "roleId": role_id, "region": "US_EAST_1", "requirePrivateNetworking": true,
        "customerMasterKeyID": "arn:aws:kms:us-east-1:444455556666:key/0123",
    }});
    assert_eq!(world.patch("/encryptionAtRest", single).await?.status, 200);
    create(&world, "EU_WEST_1").await?;
    let failed = reaches(&world, &["FAILED"]).await?;
    assert!(failed[0]["errorMessage"].as_str().is_some_and(|why| why.contains("single-Region")));
    Ok(())
}

#[tokio::test]
async fn a_rejected_endpoint_comes_back_under_a_new_id() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    let id = create(&world, "EU_WEST_1").await?.json()["id"].clone();
    reaches(&world, &["ACTIVE"]).await?;
    // Long enough for both objects to be seen side by side.
    world.behave(json!({"endpointSeconds": {"initiating": 100_000}})).await?;
    world.scene(&format!("private-endpoints/{PROJECT}/EU_WEST_1/reject"), Value::Null).await?;
    let two = list(&world).await?;
    assert_eq!((&two[0]["id"], &two[0]["status"]), (&id, &json!("PENDING_RECREATION")));
    assert_eq!((&two[1]["regionName"], &two[1]["status"]), (&json!("EU_WEST_1"), &json!("INITIATING")));
    assert_ne!(two[1]["id"], id);
    Ok(())
}

#[tokio::test]
async fn a_recreated_endpoint_ends_as_one_under_a_new_id() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "recreate"}}})).await?;
    let id = create(&world, "EU_WEST_1").await?.json()["id"].clone();
    for _ in 0..1000 {
        let endpoints = list(&world).await?;
        if endpoints.iter().all(|endpoint| endpoint["id"] != id) {
            assert_eq!(endpoints.len(), 1);
            assert_eq!(endpoints[0]["status"], "ACTIVE");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("the first endpoint never went away")
}

#[tokio::test]
async fn an_endpoint_may_wait_to_be_accepted() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "pendingAcceptance"}}})).await?;
    create(&world, "EU_WEST_1").await?;
    reaches(&world, &["PENDING_ACCEPTANCE"]).await?;
    world.scene(&format!("private-endpoints/{PROJECT}/EU_WEST_1/accept"), Value::Null).await?;
    reaches(&world, &["ACTIVE"]).await?;
    let again = world.http.post(world.url(&format!("/_sim/private-endpoints/{PROJECT}/EU_WEST_1/accept")));
    assert_eq!(send(again).await?.status, 409);
    Ok(())
}

#[tokio::test]
async fn a_region_atlas_does_not_know_is_refused() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    let refused = create(&world, "eu-west-1").await?;
    assert_eq!(refused.error(), "400 INVALID_REGION");
    assert_eq!(refused.json()["detail"], "No region eu-west-1 exists for provider AWS.");
    Ok(())
}

/// Deletes the only endpoint, which has to work; its id.
async fn delete(world: &World) -> Result<String> {
    let id = list(world).await?[0]["id"].as_str().unwrap_or_default().to_owned();
    let deleted = world.delete(&format!("{ENDPOINTS}/{id}")).await?;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    Ok(id)
}

#[tokio::test]
async fn atlas_may_lag_behind_an_endpoint_that_is_gone() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"endpointLagSeconds": FOR_EVER})).await?;
    world.enable().await?;
    create(&world, "EU_WEST_1").await?;
    reaches(&world, &["ACTIVE"]).await?;
    let id = delete(&world).await?;
    reaches(&world, &[]).await?;
    assert_eq!(world.get(&format!("{ENDPOINTS}/{id}")).await?.status, 404);

    let public = || world.patch("/encryptionAtRest", json!({"awsKms": {"requirePrivateNetworking": false}}));
    let refused = public().await?;
    assert_eq!(
        refused.error(),
        "400 CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST"
    );
    assert_eq!(refused.json()["parameters"], json!(["EU_WEST_1"]));
    let off = world.disable().await?;
    assert_eq!(off.error(), "400 CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS");

    world.behave(json!({"endpointLagSeconds": 0})).await?;
    assert_eq!(public().await?.status, 200);
    assert_eq!(world.disable().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_deleted_endpoint_may_come_back_once_under_a_new_id() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "recreateOnDelete"}}})).await?;
    create(&world, "EU_WEST_1").await?;
    reaches(&world, &["ACTIVE"]).await?;
    let first = delete(&world).await?;
    // The first is DELETING by now, so the next one that is ACTIVE is another.
    let again = reaches(&world, &["ACTIVE"]).await?;
    assert_eq!(again[0]["regionName"], "EU_WEST_1");
    assert_ne!(again[0]["id"], first.as_str());
    delete(&world).await?;
    reaches(&world, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn a_slow_endpoint_is_provisioned_for_as_long_as_it_was_asked_to() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    let slow = |seconds: u32| json!({"kind": "slow", "seconds": seconds});
    world.behave(json!({"endpoints": {"EU_WEST_1": slow(FOR_EVER), "US_EAST_1": slow(1)}})).await?;
    create(&world, "EU_WEST_1").await?;
    create(&world, "US_EAST_1").await?;
    let endpoints = reaches(&world, &["INITIATING", "ACTIVE"]).await?;
    let id = endpoints[0]["id"].as_str().unwrap_or_default();
    let refused = world.delete(&format!("{ENDPOINTS}/{id}")).await?;
    assert_eq!(refused.error(), "400 ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING");
    Ok(())
}
