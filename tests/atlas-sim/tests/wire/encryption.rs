//! Encryption at rest of a project and its clusters.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PROJECT, V2024, World, enabling, send};

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
    let cluster = |provider: &str| {
        let path = format!("groups/{PROJECT}/clusters/Cluster0");
        send(world.call(Method::PATCH, &path, V2024).json(&json!({"encryptionAtRestProvider": provider})))
    };
    assert_eq!(cluster("AWS").await?.error(), "400 ENCRYPTION_AT_REST_NOT_ENABLED");
    world.enable().await?;
    let changed = cluster("AWS").await?;
    assert_eq!(changed.json()["encryptionAtRestProvider"], "AWS");
    let off = || world.patch("/encryptionAtRest", json!({"awsKms": {"enabled": false}}));
    assert_eq!(off().await?.error(), "409 CANNOT_DISABLE_ENCRYPTION_AT_REST");
    cluster("NONE").await?;
    assert_eq!(off().await?.json()["awsKms"]["enabled"], false);
    Ok(())
}
