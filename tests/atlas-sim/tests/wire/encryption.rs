//! Encryption at rest of a project and its clusters.

use anyhow::Result;
use serde_json::{Value, json};

use crate::world::{FOR_EVER, World, enabling};

#[tokio::test]
async fn a_disabled_configuration_shows_every_cloud() -> Result<()> {
    let world = World::start().await?;
    let body = world.get("/encryptionAtRest").await?.json();
    for cloud in ["awsKms", "azureKeyVault", "googleCloudKms"] {
        assert_eq!((&body[cloud]["enabled"], &body[cloud]["valid"]), (&json!(false), &json!(false)), "{cloud}");
        assert_eq!(body[cloud]["roleId"], Value::Null, "{cloud}");
    }
    assert_eq!(body["enabledForSearchNodes"], false);
    Ok(())
}

#[tokio::test]
async fn the_answer_to_the_patch_is_already_valid() -> Result<()> {
    let world = World::start().await?;
    let enabled = world.enable().await?;
    assert_eq!(enabled.status, 200);
    assert_eq!(enabled.json()["awsKms"]["valid"], true);
    assert_eq!(world.get("/encryptionAtRest").await?.json(), enabled.json());
    Ok(())
}

#[tokio::test]
async fn a_role_has_to_be_authorized_first() -> Result<()> {
    let world = World::start().await?;
    let role = world.post("/cloudProviderAccess", json!({"providerName": "AWS"})).await?.json();
    let id = role["roleId"].as_str().unwrap_or_default();
    let refused = world.patch("/encryptionAtRest", enabling(id)).await?;
    assert_eq!(refused.error(), "400 CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED");
    Ok(())
}

#[tokio::test]
async fn the_key_stays_while_a_cluster_uses_it() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(world.encrypt_cluster("AWS").await?.error(), "400 ENCRYPTION_AT_REST_NOT_ENABLED");
    world.enable().await?;
    let changed = world.encrypt_cluster("AWS").await?;
    assert_eq!(changed.json()["encryptionAtRestProvider"], "AWS");
    assert_eq!(world.disable().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST");
    world.encrypt_cluster("NONE").await?;
    world.cluster_reaches("Cluster0", "IDLE").await?;
    assert_eq!(world.disable().await?.json()["awsKms"]["enabled"], false);
    Ok(())
}

#[tokio::test]
async fn the_key_stays_until_the_cluster_is_idle_without_it() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    world.cluster_reaches("Cluster0", "IDLE").await?;
    world.behave(json!({"clusterSeconds": FOR_EVER})).await?;
    let changed = world.encrypt_cluster("NONE").await?.json();
    assert_eq!((&changed["encryptionAtRestProvider"], &changed["stateName"]), (&json!("NONE"), &json!("UPDATING")));
    assert_eq!(world.disable().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST");
    Ok(())
}

#[tokio::test]
async fn atlas_may_lag_behind_a_cluster_that_is_idle_without_its_key() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0, "clusterLagSeconds": FOR_EVER})).await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    let changed = world.encrypt_cluster("NONE").await?.json();
    assert_eq!(changed["stateName"], "IDLE");
    assert_eq!(world.disable().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST");
    world.behave(json!({"clusterLagSeconds": 0})).await?;
    assert_eq!(world.disable().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn search_nodes_lose_the_key_with_the_project() -> Result<()> {
    let world = World::start().await?;
    world.enable().await?;
    let on = world.patch("/encryptionAtRest", json!({"enabledForSearchNodes": true})).await?;
    assert_eq!(on.json()["enabledForSearchNodes"], true);
    assert_eq!(world.disable().await?.json()["enabledForSearchNodes"], false);
    Ok(())
}
