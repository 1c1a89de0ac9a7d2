//! What goes over the wire for each operation, and where it does not go.

use atlas_cmk::{Error, ErrorName, atlas::AtlasError, ids::AccessRoleId};
use serde_json::{Value, json};

use crate::{
    peer::{Peer, Reply, Request},
    world::{KEY_ARN, ROLE_ARN, project, update},
};

const MEDIA_TYPE: &str = "application/vnd.atlas.2023-01-01+json";
const GROUP: &str = "/api/atlas/v2/groups/66f0a1b2c3d4e5f601234567";
const ROLE_ID: &str = "66f0a1b2c3d4e5f60123456a";

fn role() -> AccessRoleId {
    ROLE_ID.parse().expect("an id")
}

/// An answer that every operation understands.
fn any() -> Reply {
    Reply::json(&json!({"roleId": ROLE_ID, "id": ROLE_ID, "regionName": "EU_WEST_1", "status": "INITIATING"}))
}

#[tokio::test]
async fn every_operation_asks_for_its_version_and_sends_what_it_has_to_and_no_more() {
    let peer = Peer::atlas([any()]).await;
    let atlas = peer.client();
    atlas.access_roles(&project()).await.unwrap();
    atlas.create_access_role(&project()).await.unwrap();
    atlas.authorize_access_role(&project(), &role(), &ROLE_ARN.parse().unwrap()).await.unwrap();
    atlas.encryption_at_rest(&project()).await.unwrap();
    atlas.update_aws_kms(&project(), &update(role()), None).await.unwrap();
    atlas.private_endpoints(&project()).await.unwrap();
    atlas.create_private_endpoint(&project(), &"eu-west-1".parse().unwrap()).await.unwrap();

    let expected = [
        ("GET", "/cloudProviderAccess", Value::Null),
        ("POST", "/cloudProviderAccess", json!({"providerName": "AWS"})),
        (
            "PATCH",
            "/cloudProviderAccess/66f0a1b2c3d4e5f60123456a",
            json!({"providerName": "AWS", "iamAssumedRoleArn": ROLE_ARN}),
        ),
        ("GET", "/encryptionAtRest", Value::Null),
        (
            "PATCH",
            "/encryptionAtRest",
            json!({"awsKms": {
                "enabled": true,
                "roleId": ROLE_ID,
                "customerMasterKeyID": KEY_ARN,
                "region": "US_EAST_1",
                "requirePrivateNetworking": true,
            }}),
        ),
        ("GET", "/encryptionAtRest/AWS/privateEndpoints?itemsPerPage=500&pageNum=1", Value::Null),
        ("POST", "/encryptionAtRest/AWS/privateEndpoints", json!({"regionName": "EU_WEST_1"})),
    ];
    let calls = peer.calls();
    assert_eq!(calls.len(), expected.len());
    for (call, (method, path, body)) in calls.iter().zip(expected) {
        assert_eq!((call.method.as_str(), &call.target), (method, &format!("{GROUP}{path}")));
        assert_eq!(call.header("accept"), Some(MEDIA_TYPE), "{method} {path}");
        assert_eq!(call.header("content-type"), (!body.is_null()).then_some(MEDIA_TYPE), "{method} {path}");
        assert_eq!(call.header("authorization"), Some("Bearer t0ken"), "{method} {path}");
        assert!(call.header("user-agent").unwrap().starts_with("atlas-cmk/"), "{method} {path}");
        assert_eq!(call.json(), body, "{method} {path}");
    }
}

#[tokio::test]
async fn a_repeated_write_sends_the_same_body_again() {
    let peer = Peer::atlas([Reply::text(429, ""), Reply::text(429, ""), any()]).await;
    peer.client().update_aws_kms(&project(), &update(role()), None).await.unwrap();
    let bodies: Vec<Value> = peer.calls().iter().map(Request::json).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0] && body["awsKms"]["roleId"] == ROLE_ID), "{bodies:?}");
}

#[tokio::test]
async fn a_write_that_is_sent_again_with_a_new_token_sends_its_body_again() {
    let challenge = r#"Digest realm="MMS Public API", domain="", nonce="n", algorithm=MD5, qop="auth", stale=false"#;
    let expired = Reply::Answer(401, vec![("www-authenticate", challenge.to_owned())], String::new());
    let peer = Peer::atlas([expired, any()]).await;
    peer.client().create_access_role(&project()).await.unwrap();
    let bodies: Vec<Value> = peer.calls().iter().map(Request::json).collect();
    assert_eq!(bodies, [json!({"providerName": "AWS"}), json!({"providerName": "AWS"})]);
    assert_eq!(peer.requests().len(), 4, "two of them for tokens");
}

#[tokio::test]
async fn a_redirect_is_refused_and_nothing_is_sent_to_where_it_points() {
    let elsewhere = Peer::atlas([any()]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("location", format!("{}/elsewhere", elsewhere.url()))];
        let peer = Peer::atlas([Reply::Answer(status, location, String::new())]).await;
        let atlas = peer.client();
        let refused: [AtlasError; 2] = [
            atlas.access_roles(&project()).await.unwrap_err(),
            atlas.create_access_role(&project()).await.unwrap_err(),
        ];
        for error in refused {
            let error = Error::from(error);
            assert_eq!(error.name(), ErrorName::AtlasRejected, "{status}");
            assert!(error.message().contains(&format!("HTTP {status}")), "{error}");
            assert!(!error.outcome_is_unknown());
        }
        assert_eq!(peer.calls().len(), 2, "{status}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed_with_the_client_secret() {
    let elsewhere = Peer::start(|_| crate::peer::token(3600)).await;
    let location = format!("{}/api/oauth/token", elsewhere.url());
    let peer = Peer::start(move |_| Reply::Answer(307, vec![("location", location.clone())], String::new())).await;
    let error = Error::from(peer.client().access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasRejected);
    assert_eq!(elsewhere.requests().len(), 0);
}
