//! The backup compliance policy of a project, and what it forbids.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{PROJECT, Reply, World, send};

async fn get(world: &World) -> Result<Reply> {
    let path = format!("groups/{PROJECT}/backupCompliancePolicy");
    send(world.call(Method::GET, &path, "application/vnd.atlas.2023-10-01+json")).await
}

/// The address of the policy for tests.
fn admin() -> String {
    format!("projects/{PROJECT}/backup-compliance-policy")
}

/// Puts a policy in force, which has to work.
async fn set(world: &World, encryption: bool) -> Result<Value> {
    let request = world.http.put(world.url(&format!("/_sim/{}", admin())));
    let reply = send(request.json(&json!({"encryptionAtRestEnabled": encryption}))).await?;
    assert_eq!(reply.status, 200, "{reply:?}");
    Ok(reply.json())
}

#[tokio::test]
async fn without_a_policy_the_answer_is_empty() -> Result<()> {
    let world = World::start().await?;
    let empty = get(&world).await?;
    assert_eq!((empty.status, empty.json()), (200, json!({})));
    assert_eq!(empty.header("ratelimit-limit"), "1200");
    let set = set(&world, true).await?;
    assert_eq!(get(&world).await?.json(), set);
    world.unset(&admin()).await?;
    assert_eq!(get(&world).await?.json(), json!({}));
    Ok(())
}

#[tokio::test]
async fn a_policy_shows_what_it_requires() -> Result<()> {
    let world = World::start().await?;
    set(&world, false).await?;
    let mut policy = get(&world).await?.json();
    assert!(policy["updatedDate"].take().is_string());
    assert_eq!(
        policy,
        json!({
            "projectId": PROJECT, "state": "ACTIVE", "encryptionAtRestEnabled": false, "copyProtectionEnabled": false,
            "pitEnabled": false, "authorizedEmail": "security@example.com", "authorizedUserFirstName": "Sec",
            "authorizedUserLastName": "Urity", "updatedDate": null, "updatedUser": "security@example.com",
            "scheduledPolicyItems": [], "restoreWindowDays": 7,
        })
    );
    Ok(())
}

#[tokio::test]
async fn reading_the_policy_takes_an_owner() -> Result<()> {
    let world = World::start().await?;
    world
        .scene("credentials", json!({"publicKey": "reader", "privateKey": "s", "projectRole": "GROUP_READ_ONLY"}))
        .await?;
    let url = world.url(&format!("/api/atlas/v2/groups/{PROJECT}/backupCompliancePolicy"));
    let request = || world.http.get(&url).header("Accept", "application/vnd.atlas.2023-10-01+json");
    let challenge = send(request()).await?;
    let mut prompt = digest_auth::parse(challenge.header("www-authenticate"))?;
    let context =
        digest_auth::AuthContext::new("reader", "s", format!("/api/atlas/v2/groups/{PROJECT}/backupCompliancePolicy"));
    let answer = prompt.respond(&context)?.to_header_string();
    let refused = send(request().header("Authorization", answer)).await?;
    assert_eq!(refused.error(), "401 USER_UNAUTHORIZED");
    Ok(())
}

const FORBIDDEN: &str = "400 CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY";

#[tokio::test]
async fn a_policy_that_demands_encryption_keeps_project_and_clusters_encrypted() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    set(&world, true).await?;
    assert_eq!(world.encrypt_cluster("NONE").await?.error(), FORBIDDEN);
    let deleted = world.cluster(Method::DELETE, "Cluster0", None).await?;
    assert_eq!(deleted.status, 202, "its backups are protected, it is not");
    assert_eq!(world.disable().await?.error(), FORBIDDEN);
    world.unset(&admin()).await?;
    assert_eq!(world.disable().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_policy_that_does_not_demand_encryption_forbids_nothing_about_it() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    world.enable().await?;
    world.encrypt_cluster("AWS").await?;
    set(&world, false).await?;
    assert_eq!(world.encrypt_cluster("NONE").await?.status, 200);
    assert_eq!(world.disable().await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_project_with_a_policy_cannot_be_deleted() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"clusterSeconds": 0})).await?;
    set(&world, false).await?;
    world.cluster(Method::DELETE, "Cluster0", None).await?;
    assert_eq!(world.delete("").await?.error(), "409 CANNOT_CLOSE_GROUP_ACTIVE_BACKUP_COMPLIANCE_POLICY");
    world.unset(&admin()).await?;
    assert_eq!(world.delete("").await?.status, 202);
    Ok(())
}
