//! Answers that are not quite what was promised.

use atlas_cmk::{
    Error, ErrorName,
    atlas::{AccessRole, EncryptionAtRest, EndpointStatus},
};
use serde_json::{Value, json};

use crate::{
    peer::{Peer, Reply},
    world::project,
};

fn endpoint(number: usize) -> Value {
    json!({"id": format!("{number:024x}"), "regionName": "EU_WEST_1", "status": "ACTIVE", "errorMessage": null})
}

fn page(numbers: std::ops::Range<usize>) -> Reply {
    Reply::json(&json!({"results": numbers.map(endpoint).collect::<Vec<_>>(), "totalCount": 501}))
}

#[tokio::test]
async fn nulls_unknown_fields_and_fields_that_are_missing_are_survived_in_records() {
    let id = "66f0a1b2c3d4e5f601234567";
    let peer = Peer::atlas([
        Reply::json(&json!({
            "awsIamRoles": [
                {"roleId": id},
                {
                    "providerName": "AWS", "roleId": id, "atlasAWSAccountArn": null, "atlasAssumedRoleExternalId": null,
                    "authorizedDate": null, "createdDate": null, "iamAssumedRoleArn": null, "featureUsages": [{"featureId": 7}],
                    "somethingNew": {"depth": [1.5, -3, 1e300]}
                },
                {"roleId": id, "authorizedDate": "2026-01-01T00:00:00Z", "iamAssumedRoleArn": "arn:aws:iam::1:role/x"}
            ],
            "azureServicePrincipals": [{"roleId": 5, "tenantId": null}],
            "gcpServiceAccounts": null
        })),
        Reply::json(&json!({"awsIamRoles": null})),
        Reply::json(&json!({})),
    ])
    .await;
    let atlas = peer.client();
    let records = atlas.access_roles(&project()).await.unwrap();
    assert_eq!(records.iter().map(AccessRole::is_pending).collect::<Vec<_>>(), [true, true, false]);
    assert!(atlas.access_roles(&project()).await.unwrap().is_empty());
    assert!(atlas.access_roles(&project()).await.unwrap().is_empty());
    assert_eq!(peer.calls().len(), 3);
}

#[tokio::test]
async fn nulls_and_unknown_fields_are_survived_in_encryption_at_rest() {
    let off = |encryption: &EncryptionAtRest| {
        encryption.aws_kms.as_ref().is_none_or(|kms| kms.enabled != Some(true) && kms.valid.is_none())
    };
    let peer = Peer::atlas([
        Reply::json(&json!({"awsKms": null, "azureKeyVault": null, "googleCloudKms": null})),
        Reply::json(&json!({})),
        Reply::json(&json!({
            "awsKms": {
                "accessKeyID": null, "customerMasterKeyID": null, "enabled": false, "region": null, "roleId": null,
                "requirePrivateNetworking": null, "secretAccessKey": null, "valid": null, "somethingNew": 3
            },
            "azureKeyVault": {"enabled": null, "azureEnvironment": "SOMETHING_NEW", "subscriptionID": 12},
            "googleCloudKms": {"valid": 1},
            "enabledForSearchNodes": null
        })),
    ])
    .await;
    let atlas = peer.client();
    for _ in 0..3 {
        let encryption = atlas.encryption_at_rest(&project()).await.unwrap();
        assert!(off(&encryption), "{encryption:?}");
    }
    assert_eq!(peer.calls().len(), 3);
}

#[tokio::test]
async fn an_endpoint_of_a_status_or_a_cloud_nobody_knows_is_listed_like_any_other() {
    let peer = Peer::atlas([
        Reply::json(&json!({
            "links": [{"href": "x", "rel": "self"}],
            "results": [
                {"id": format!("{:024x}", 1), "regionName": "EU_WEST_1", "status": "SOMETHING_NEW"},
                {
                    "cloudProvider": "AZURE", "id": format!("{:024x}", 2), "regionName": "EUROPE_NORTH", "status": "FAILED",
                    "errorMessage": " ", "privateEndpointConnectionName": null, "somethingNew": 4.5
                }
            ],
            "totalCount": null
        })),
        Reply::json(&json!({"results": null, "totalCount": 0})),
        Reply::json(&json!({})),
    ])
    .await;
    let atlas = peer.client();
    let endpoints = atlas.private_endpoints(&project()).await.unwrap();
    assert_eq!(endpoints[0].status, EndpointStatus::Other("SOMETHING_NEW".to_owned()));
    assert_eq!(endpoints[1].status, EndpointStatus::Failed);
    assert_eq!(endpoints[1].error_message(), None);
    let region = "eu-west-1".parse().unwrap();
    assert_eq!(endpoints.iter().map(|endpoint| endpoint.is_in(&region)).collect::<Vec<_>>(), [true, false]);
    assert!(atlas.private_endpoints(&project()).await.unwrap().is_empty());
    assert!(atlas.private_endpoints(&project()).await.unwrap().is_empty());
}

#[tokio::test]
async fn endpoints_are_read_to_the_last_page() {
    let path = "/api/atlas/v2/groups/66f0a1b2c3d4e5f601234567/encryptionAtRest/AWS/privateEndpoints";
    for (last, total) in [(500..501, 501), (500..500, 500)] {
        let peer = Peer::atlas([page(0..500), page(last)]).await;
        let endpoints = peer.client().private_endpoints(&project()).await.unwrap();
        assert_eq!(endpoints.len(), total);
        assert_eq!(endpoints.last().unwrap().id.to_string(), format!("{:024x}", total - 1));
        let targets: Vec<String> = peer.calls().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, [1, 2].map(|number| format!("{path}?itemsPerPage=500&pageNum={number}")));
    }
}

#[tokio::test]
async fn a_page_that_fails_is_read_again_and_no_endpoint_is_listed_twice() {
    let peer = Peer::atlas([page(0..500), Reply::text(502, "<html>"), page(500..501)]).await;
    let endpoints = peer.client().private_endpoints(&project()).await.unwrap();
    assert_eq!(endpoints.len(), 501);
    assert_eq!(peer.calls().len(), 3);
}

/// Answers that begin like a success and are none.
fn broken() -> [Reply; 5] {
    let whole = json!({"awsIamRoles": [{"roleId": "66f0a1b2c3d4e5f601234567"}], "roleId": "66f0a1b2c3d4e5f601234567"});
    [
        Reply::half(&whole),
        Reply::text(200, &whole.to_string()[..20]),
        Reply::text(200, ""),
        Reply::text(200, "<html>welcome to this hotel</html>"),
        Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-le".to_owned()),
    ]
}

#[tokio::test]
async fn half_an_answer_to_a_read_is_asked_for_again() {
    for reply in broken() {
        let peer = Peer::atlas([reply.clone(), Reply::json(&json!({"awsIamRoles": []}))]).await;
        assert!(peer.client().access_roles(&project()).await.unwrap().is_empty(), "{reply:?}");
        assert_eq!(peer.calls().len(), 2, "{reply:?}");
    }
}

#[tokio::test]
async fn half_an_answer_to_a_write_is_an_unknown_outcome() {
    for reply in broken() {
        let peer = Peer::atlas([reply.clone()]).await;
        let error = Error::from(peer.client().create_access_role(&project()).await.unwrap_err());
        assert_eq!(error.name(), ErrorName::AtlasUnavailable, "{reply:?}");
        assert!(error.outcome_is_unknown(), "{reply:?}");
        assert!(!error.message().contains("hotel"), "{error}");
        assert_eq!(peer.calls().len(), 1, "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_makes_sense_is_given_up_and_reported_without_being_quoted() {
    let peer = Peer::atlas([Reply::json(&json!({"awsIamRoles": [{"roleId": "s3cr3t"}]}))]).await;
    let error = Error::from(peer.client().access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasUnavailable);
    assert!(error.message().contains("could not be parsed") && !error.message().contains("s3cr3t"), "{error}");
    assert_eq!(peer.calls().len(), 3);
}
