//! Clusters that are deleted, and their search nodes.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{FOR_EVER, PROJECT, Reply, V2023, V2024, World, send};

async fn delete(world: &World, name: &str) -> Result<Reply> {
    world.cluster(Method::DELETE, name, None).await
}

/// Adds a cluster with these settings besides what every cluster needs.
async fn add(world: &World, name: &str, settings: Value) -> Result<()> {
    let mut spec = json!({"name": name, "instanceSize": "M10", "regions": ["US_EAST_1"]});
    for (key, value) in settings.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    world.scene(&format!("projects/{PROJECT}/clusters"), spec).await?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_cluster_is_deleting_then_gone() -> Result<()> {
    let world = World::start().await?;
    let deleted = delete(&world, "Cluster0").await?;
    assert_eq!((deleted.status, deleted.json()), (202, json!({})));
    assert_eq!(deleted.header("content-type"), "application/vnd.atlas.2024-08-05+json;charset=utf-8");
    world.cluster_reaches("Cluster0", "404 CLUSTER_NOT_FOUND").await?;
    assert_eq!(delete(&world, "Cluster0").await?.error(), "404 CLUSTER_NOT_FOUND");
    assert_eq!(world.get("").await?.json()["clusterCount"], 0);
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_is_being_deleted_cannot_be_deleted_again_and_keeps_the_project() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": FOR_EVER})).await?;
    delete(&world, "Cluster0").await?;
    assert_eq!(world.cluster(Method::GET, "Cluster0", None).await?.json()["stateName"], "DELETING");
    let again = delete(&world, "Cluster0").await?;
    assert_eq!(again.error(), "400 CLUSTER_ALREADY_REQUESTED_DELETION");
    assert_eq!(again.json()["parameters"], json!(["Cluster0"]));
    assert_eq!(world.delete("").await?.error(), "409 CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS");
    Ok(())
}

#[tokio::test]
async fn a_cluster_may_be_protected_from_deletion() -> Result<()> {
    let world = World::start().await?;
    add(&world, "precious", json!({"terminationProtectionEnabled": true})).await?;
    let shown = world.cluster(Method::GET, "precious", None).await?.json();
    assert_eq!(shown["terminationProtectionEnabled"], true);
    let refused = delete(&world, "precious").await?;
    assert_eq!(refused.error(), "400 CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED");
    Ok(())
}

#[tokio::test]
async fn an_encrypted_cluster_keeps_the_key_until_it_is_gone_and_a_lag_longer() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterLagSeconds": FOR_EVER})).await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    world.behave(json!({"clusterSeconds": FOR_EVER})).await?;
    add(&world, "other", json!({"encryptionAtRestProvider": "AWS"})).await?;
    delete(&world, "other").await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    delete(&world, "Cluster0").await?;
    world.cluster_reaches("Cluster0", "404 CLUSTER_NOT_FOUND").await?;
    assert_eq!(world.disable().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST");
    world.behave(json!({"clusterLagSeconds": 0})).await?;
    assert_eq!(world.disable().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST", "the other is DELETING");
    Ok(())
}

#[tokio::test]
async fn the_key_is_free_once_the_last_encrypted_cluster_is_gone() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    delete(&world, "Cluster0").await?;
    world.cluster_reaches("Cluster0", "404 CLUSTER_NOT_FOUND").await?;
    assert_eq!(world.disable().await?.status, 200);
    Ok(())
}

const SEARCH_NODES: &str = r#"{"searchNodes": {"instanceSize": "S20_HIGHCPU_NVME", "nodeCount": 2}}"#;

async fn search(world: &World, name: &str) -> Result<Reply> {
    world.cluster(Method::GET, &format!("{name}/search/deployment"), None).await
}

#[tokio::test]
async fn a_cluster_without_search_nodes_has_an_empty_search_deployment() -> Result<()> {
    let world = World::start().await?;
    let empty = search(&world, "Cluster0").await?;
    assert_eq!((empty.status, empty.json()), (200, json!({})));
    assert_eq!(empty.header("ratelimit-limit"), "1200");
    assert_eq!(search(&world, "none").await?.error(), "404 CLUSTER_NOT_FOUND");
    let path = format!("groups/{PROJECT}/clusters/Cluster0/search/deployment");
    assert_eq!(send(world.call(Method::GET, &path, V2024)).await?.error(), "406 INVALID_VERSION_DATE");
    Ok(())
}

#[tokio::test]
async fn search_nodes_use_the_key_if_cluster_and_project_say_so() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    add(&world, "found", serde_json::from_str(SEARCH_NODES)?).await?;
    let body = search(&world, "found").await?.json();
    let nodes = json!([{"instanceSize": "S20_HIGHCPU_NVME", "nodeCount": 2}]);
    assert_eq!((&body["specs"], &body["effectiveSpecs"]), (&nodes, &nodes));
    assert_eq!((&body["groupId"], &body["stateName"]), (&json!(PROJECT), &json!("IDLE")));
    assert_eq!(body["encryptionAtRestProvider"], "NONE");
    assert_eq!(body["id"].as_str().map(str::len), Some(24));

    world.enable().await?;
    let aws = json!({"encryptionAtRestProvider": "AWS"});
    world.cluster(Method::PATCH, "found", Some(aws)).await?;
    assert_eq!(search(&world, "found").await?.json()["encryptionAtRestProvider"], "NONE");
    world.patch("/encryptionAtRest", json!({"enabledForSearchNodes": true})).await?;
    assert_eq!(search(&world, "found").await?.json()["encryptionAtRestProvider"], "AWS");
    Ok(())
}

#[tokio::test]
async fn search_nodes_are_updated_with_their_cluster_and_paused_with_it() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    add(&world, "found", serde_json::from_str(SEARCH_NODES)?).await?;
    world.cluster(Method::PATCH, "found", Some(json!({"paused": true}))).await?;
    assert_eq!(search(&world, "found").await?.json()["stateName"], "PAUSED");
    world.behave(json!({"clusterSeconds": FOR_EVER})).await?;
    world.cluster(Method::PATCH, "found", Some(json!({"paused": false}))).await?;
    assert_eq!(search(&world, "found").await?.json()["stateName"], "UPDATING");
    Ok(())
}

#[tokio::test]
async fn deleting_in_an_old_version_is_gone() -> Result<()> {
    let world = World::start().await?;
    let path = format!("groups/{PROJECT}/clusters/Cluster0");
    assert_eq!(send(world.call(Method::DELETE, &path, V2023)).await?.error(), "410 VERSION_GONE");
    Ok(())
}
