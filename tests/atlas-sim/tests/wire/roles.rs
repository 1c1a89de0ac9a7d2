//! Records of IAM roles.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::world::{FOR_EVER, PROJECT, Reply, World, enabling, send};

#[tokio::test]
async fn a_new_record_is_pending_with_explicit_nulls() -> Result<()> {
    let world = World::start().await?;
    let created = world.post("/cloudProviderAccess", json!({"providerName": "AWS"})).await?;
    assert_eq!(created.status, 200);
    let record = created.json();
    let keys: Vec<&String> = record.as_object().context("an object")?.keys().collect();
    assert_eq!(
        keys,
        [
            "atlasAWSAccountArn",
            "atlasAssumedRoleExternalId",
            "authorizedDate",
            "createdDate",
            "featureUsages",
            "iamAssumedRoleArn",
            "providerName",
            "roleId"
        ]
    );
    assert_eq!(record["atlasAWSAccountArn"], "arn:aws:iam::299602853325:root");
    assert_eq!((&record["authorizedDate"], &record["iamAssumedRoleArn"]), (&Value::Null, &Value::Null));
    let list = world.get("/cloudProviderAccess").await?.json();
    assert_eq!(list, json!({"awsIamRoles": [record], "azureServicePrincipals": [], "gcpServiceAccounts": []}));
    Ok(())
}

#[tokio::test]
async fn every_create_makes_one_more_record() -> Result<()> {
    let world = World::start().await?;
    for _ in 0..2 {
        world.post("/cloudProviderAccess", json!({"providerName": "AWS"})).await?;
    }
    let list = world.get("/cloudProviderAccess").await?.json();
    assert_eq!(list["awsIamRoles"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn an_authorized_record_names_role_and_date() -> Result<()> {
    let world = World::start().await?;
    let id = world.authorized_role().await?;
    let record = world.get(&format!("/cloudProviderAccess/{id}")).await?.json();
    assert_eq!(record["iamAssumedRoleArn"], "arn:aws:iam::444455556666:role/cmk");
    assert!(record["authorizedDate"].is_string());
    Ok(())
}

#[tokio::test]
async fn atlas_cannot_assume_a_role_before_its_trust_has_spread() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"propagationSeconds": FOR_EVER})).await?;
    let role = world.post("/cloudProviderAccess", json!({"providerName": "AWS"})).await?.json();
    let id = role["roleId"].as_str().context("an id")?;
    let arn = "arn:aws:iam::444455556666:role/cmk";
    let authorize = json!({"providerName": "AWS", "iamAssumedRoleArn": arn});
    let refused = world.patch(&format!("/cloudProviderAccess/{id}"), authorize.clone()).await?;
    assert_eq!(refused.error(), "400 CANNOT_ASSUME_ROLE");
    assert_eq!(refused.json()["detail"], format!("Atlas cannot assume the specified role ({arn})."));
    assert_eq!(refused.json()["parameters"], json!([arn]));

    world.behave(json!({"propagationSeconds": 0})).await?;
    assert_eq!(world.patch(&format!("/cloudProviderAccess/{id}"), authorize).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_role_may_fail_once_more_after_it_had_worked() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"failOnceAfterAuthorize": true})).await?;
    let id = world.authorized_role().await?;
    let refused = world.patch("/encryptionAtRest", enabling(&id)).await?;
    assert_eq!(refused.error(), "400 CANNOT_ASSUME_ROLE");
    assert_eq!(refused.json()["parameters"], json!([id]));
    assert_eq!(world.patch("/encryptionAtRest", enabling(&id)).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_record_in_use_cannot_be_deleted() -> Result<()> {
    let world = World::start().await?;
    let id = world.authorized_role().await?;
    world.patch("/encryptionAtRest", enabling(&id)).await?;
    let usages = world.get(&format!("/cloudProviderAccess/{id}")).await?.json()["featureUsages"].clone();
    assert_eq!(usages, json!([{"featureId": null, "featureType": "ENCRYPTION_AT_REST"}]));
    let path = format!("/cloudProviderAccess/AWS/{id}");
    assert_eq!(world.delete(&path).await?.error(), "400 AWS_IAM_ROLE_IN_USE");

    world.patch("/encryptionAtRest", json!({"awsKms": {"enabled": false}})).await?;
    let deleted = world.delete(&path).await?;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_eq!(world.delete(&path).await?.error(), "404 CLOUD_PROVIDER_ACCESS_ROLE_NOT_FOUND");
    Ok(())
}

async fn usages(world: &World, role_id: &str) -> Result<Value> {
    Ok(world.get(&format!("/cloudProviderAccess/{role_id}")).await?.json()["featureUsages"].clone())
}

async fn delete(world: &World, role_id: &str) -> Result<Reply> {
    world.delete(&format!("/cloudProviderAccess/AWS/{role_id}")).await
}

#[tokio::test]
async fn a_record_may_be_used_by_other_features() -> Result<()> {
    let world = World::start().await?;
    let id = world.authorized_role().await?;
    let path = format!("projects/{PROJECT}/feature-usages");
    let bucket = json!({"exportBucketId": "64a6c94435fc02228a1d6aa9", "groupId": PROJECT});
    let added =
        world.scene(&path, json!({"roleId": id, "featureType": "EXPORT_SNAPSHOT", "featureId": bucket})).await?;
    assert_eq!(added, json!({"featureId": bucket, "featureType": "EXPORT_SNAPSHOT"}));
    for feature in ["ATLAS_DATA_LAKE", "PUSH_BASED_LOG_EXPORT", "ATLAS_LOG_INTEGRATION"] {
        world.scene(&path, json!({"roleId": id, "featureType": feature})).await?;
    }
    let shown = usages(&world, &id).await?;
    assert_eq!(shown[0], added);
    assert_eq!(shown[3], json!({"featureId": null, "featureType": "ATLAS_LOG_INTEGRATION"}));
    assert_eq!(delete(&world, &id).await?.error(), "400 AWS_IAM_ROLE_IN_USE");

    world.unset(&path).await?;
    assert_eq!(usages(&world, &id).await?, json!([]));
    assert_eq!(delete(&world, &id).await?.status, 204);
    Ok(())
}

#[tokio::test]
async fn a_usage_needs_a_record_and_a_feature() -> Result<()> {
    let world = World::start().await?;
    let id = world.authorized_role().await?;
    let add =
        |body: Value| send(world.http.post(world.url(&format!("/_sim/projects/{PROJECT}/feature-usages"))).json(&body));
    // What the configuration of the project says cannot be said otherwise.
    assert_eq!(add(json!({"roleId": id, "featureType": "ENCRYPTION_AT_REST"})).await?.status, 400);
    let unknown = add(json!({"roleId": "0123", "featureType": "ATLAS_DATA_LAKE"})).await?;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"].as_str().is_some_and(|sentence| sentence.contains("0123")));
    Ok(())
}

#[tokio::test]
async fn a_record_may_stay_in_use_after_encryption_was_switched_off() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"roleInUseSeconds": FOR_EVER})).await?;
    let id = world.authorized_role().await?;
    world.patch("/encryptionAtRest", enabling(&id)).await?;
    assert_eq!(world.disable().await?.status, 200);
    assert_eq!(usages(&world, &id).await?[0]["featureType"], "ENCRYPTION_AT_REST");
    assert_eq!(delete(&world, &id).await?.error(), "400 AWS_IAM_ROLE_IN_USE");

    world.behave(json!({"roleInUseSeconds": 0})).await?;
    assert_eq!(usages(&world, &id).await?, json!([]));
    assert_eq!(delete(&world, &id).await?.status, 204);
    Ok(())
}

#[tokio::test]
async fn a_record_may_stay_in_use_after_encryption_moved_to_another() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"roleInUseSeconds": FOR_EVER})).await?;
    let (first, second) = (world.authorized_role().await?, world.authorized_role().await?);
    world.patch("/encryptionAtRest", enabling(&first)).await?;
    assert_eq!(usages(&world, &second).await?, json!([]));
    world.patch("/encryptionAtRest", json!({"awsKms": {"roleId": second}})).await?;
    for id in [&first, &second] {
        assert_eq!(usages(&world, id).await?[0]["featureType"], "ENCRYPTION_AT_REST");
    }
    world.behave(json!({"roleInUseSeconds": 0})).await?;
    assert_eq!(delete(&world, &first).await?.status, 204);
    assert_eq!(delete(&world, &second).await?.error(), "400 AWS_IAM_ROLE_IN_USE");
    Ok(())
}
