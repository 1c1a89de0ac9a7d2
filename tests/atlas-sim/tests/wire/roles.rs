//! Records of IAM roles.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::world::{World, enabling};

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
    // More than the test can last, even at a thousand seconds a second.
    world.behave(json!({"propagationSeconds": 1_000_000})).await?;
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
