//! What Atlas refuses, under the name a state machine matches on, in the words a person reads.

use atlas_cmk::{Error, ErrorName};
use reqwest::Method;
use serde_json::json;

use crate::{
    peer::{Peer, Reply},
    world::{PRIVATE_KEY, PROJECT, PUBLIC_KEY, ROLE_ARN, ROLES, World, project},
};

#[tokio::test]
async fn every_refusal_has_its_name_and_keeps_what_atlas_said() {
    let world = World::start().await;
    let atlas = world.with_api_key();
    for (status, code, name) in [
        (400, "CANNOT_ASSUME_ROLE", ErrorName::AtlasCannotAssumeRole),
        (400, "INVALID_AWS_CREDENTIALS", ErrorName::AtlasCannotAssumeRole),
        (400, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED", ErrorName::AtlasRoleNotAuthorized),
        (400, "AWS_IAM_ROLE_IN_USE", ErrorName::AtlasRoleInUse),
        (409, "AWS_IAM_ROLE_IN_USE", ErrorName::AtlasRoleInUse),
        (400, "NO_PERMISSION_TO_ENCRYPT_DECRYPT", ErrorName::KmsAccessDenied),
        (400, "AWS_KMS_CUSTOMER_MASTER_KEY_NOT_ENABLED", ErrorName::KmsKeyUnusable),
        (400, "AWS_KMS_CUSTOMER_MASTER_KEY_PENDING_DELETION", ErrorName::KmsKeyUnusable),
        (404, "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND", ErrorName::KmsKeyUnusable),
        (400, "ENCRYPTION_AT_REST_SETTINGS_INVALID", ErrorName::KmsKeyUnusable),
        (401, "NOT_IN_GROUP", ErrorName::AtlasUnauthorized),
        (401, "USER_UNAUTHORIZED", ErrorName::AtlasUnauthorized),
        (403, "IP_ADDRESS_NOT_ON_WHITELIST", ErrorName::AtlasIpNotAllowed),
        (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", ErrorName::AtlasIpNotAllowed),
        (403, "ORG_REQUIRES_WHITELIST", ErrorName::AtlasIpNotAllowed),
        (403, "FEATURE_UNSUPPORTED", ErrorName::AtlasUnauthorized),
        (405, "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES", ErrorName::AtlasUnavailable),
        (409, "CANNOT_CHANGE_ENCRYPTION_AT_REST_PROVIDER", ErrorName::AtlasConflict),
        (409, "SOMETHING_NEW", ErrorName::AtlasConflict),
        (400, "SOMETHING_NEW", ErrorName::AtlasRejected),
        (402, "NO_PAYMENT_INFORMATION_FOUND", ErrorName::AtlasRejected),
        (402, "SOMETHING_NEW", ErrorName::AtlasRejected),
        (410, "VERSION_GONE", ErrorName::AtlasRejected),
        (429, "RATE_LIMITED", ErrorName::AtlasRateLimited),
        (500, "UNEXPECTED_ERROR", ErrorName::AtlasUnavailable),
    ] {
        let answer = json!({"status": status, "errorCode": code, "detail": "These are the words of Atlas."});
        world.answer_always("POST", ROLES, answer).await;
        let error = atlas.create_access_role(&project()).await.unwrap_err();
        assert_eq!(error.code().unwrap().as_str(), code);
        let error = Error::from(error);
        assert_eq!(error.name(), name, "{status} {code}");
        for part in [
            format!("POST /groups/{PROJECT}/cloudProviderAccess"),
            "These are the words of Atlas".to_owned(),
            format!("HTTP {status}"),
            format!("errorCode {code}"),
        ] {
            assert!(error.message().contains(&part), "{part} {error}");
        }
        world.clear_faults().await;
    }
    assert_eq!(world.records().await, 0);
}

#[tokio::test]
async fn a_project_that_does_not_exist_is_reported_as_atlas_reports_it() {
    let world = World::start().await;
    let error = world.with_api_key().access_roles(&"0123456789abcdef01234567".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "GROUP_NOT_FOUND");
    let error = Error::from(error);
    assert_eq!(error.name(), ErrorName::AtlasRejected);
    assert_eq!(
        error.message(),
        "GET /groups/0123456789abcdef01234567/cloudProviderAccess: No group with ID 0123456789abcdef01234567 exists \
         (HTTP 404, errorCode GROUP_NOT_FOUND); check projectId"
    );
}

#[tokio::test]
async fn a_project_of_someone_else_is_one_we_are_not_authorized_for() {
    let world = World::start().await;
    let roles = json!({"0123456789abcdef01234567": "GROUP_OWNER"});
    world
        .control(
            Method::POST,
            "credentials",
            json!({"publicKey": PUBLIC_KEY, "privateKey": PRIVATE_KEY, "roles": roles}),
        )
        .await;
    let error = world.with_api_key().access_roles(&project()).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "NOT_IN_GROUP");
    assert_eq!(Error::from(error).name(), ErrorName::AtlasUnauthorized);
}

#[tokio::test]
async fn a_role_that_atlas_cannot_assume_yet_is_named_with_its_arn() {
    let world = World::start().await;
    world.behave(json!({"propagationSeconds": 3600})).await;
    let atlas = world.with_api_key();
    let role = atlas.create_access_role(&project()).await.unwrap().role_id;
    let error =
        Error::from(atlas.authorize_access_role(&project(), &role, &ROLE_ARN.parse().unwrap()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasCannotAssumeRole);
    assert!(error.message().contains(ROLE_ARN), "{error}");
    assert!(!error.outcome_is_unknown());
}

#[tokio::test]
async fn a_refusal_without_a_body_is_named_by_its_header_and_traced_by_its_request_id() {
    let headers = vec![("x-error-code", "AWS_IAM_ROLE_IN_USE".to_owned()), ("x-request-id", "r-1".to_owned())];
    let peer = Peer::atlas([Reply::Answer(400, headers, "<html>no</html>".to_owned())]).await;
    let error = Error::from(peer.client().create_access_role(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasRoleInUse);
    assert!(error.message().contains("request id r-1") && !error.message().contains("<html>"), "{error}");
}

#[tokio::test]
async fn an_error_body_of_nulls_and_numbers_is_read_as_far_as_it_goes() {
    let body = json!({
        "error": 400, "errorCode": "CANNOT_ASSUME_ROLE", "detail": null, "reason": null,
        "parameters": ["a", 1, null, {"b": []}], "badRequestDetail": null, "more": 1.5
    });
    let peer =
        Peer::atlas([Reply::text(400, body.to_string()), Reply::text(400, "[1]"), Reply::text(400, "null")]).await;
    let atlas = peer.client();
    let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasCannotAssumeRole);
    for _ in 0..2 {
        let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
        assert_eq!(error.name(), ErrorName::AtlasRejected);
        assert!(error.message().contains("HTTP 400"), "{error}");
    }
}
