//! What goes over the wire for each operation, and where it does not go.

use std::collections::BTreeSet;

use atlas_cmk::{
    Error, ErrorName,
    atlas::{AtlasError, AtlasWriter, EncryptionProvider},
    ids::AccessRoleId,
};
use serde_json::{Value, json};

use crate::{
    peer::{Peer, Reply, Request},
    world::{CLIENT_ID, KEY_ARN, ROLE_ARN, project, update},
};

const GROUP: &str = "/api/atlas/v2/groups/66f0a1b2c3d4e5f601234567";
const ROLE_ID: &str = "66f0a1b2c3d4e5f60123456a";
const ORGANIZATION: &str = "5f0000000000000000000001";

fn role() -> AccessRoleId {
    ROLE_ID.parse().expect("an id")
}

/// An answer that every operation understands.
fn any() -> Reply {
    Reply::json(&json!({
        "roleId": ROLE_ID, "id": ROLE_ID, "regionName": "EU_WEST_1", "status": "INITIATING", "name": "payments",
        "orgId": ORGANIZATION,
    }))
}

/// What an operation of the client sends.
struct Sent {
    operation: &'static str,
    method: &'static str,
    /// After the path of the API.
    target: String,
    version: &'static str,
    body: Value,
}

fn sent(operation: &'static str, method: &'static str, target: &str, version: &'static str, body: Value) -> Sent {
    // All but those of an organization are about the project.
    let target = match target.strip_prefix("organization:") {
        Some(path) => format!("/api/atlas/v2{path}"),
        None => format!("{GROUP}{target}"),
    };
    Sent { operation, method, target, version, body }
}

/// Every operation of the client, in alphabetical order.
fn operations() -> Vec<Sent> {
    const ENDPOINTS: &str = "/encryptionAtRest/AWS/privateEndpoints";
    const V2023_01_01: &str = "2023-01-01";
    let record = format!("/cloudProviderAccess/{ROLE_ID}");
    let endpoint = format!("{ENDPOINTS}/{ROLE_ID}");
    let aws_kms = |change: Value| json!({"awsKms": change});
    let new_project = json!({"name": "payments&eu", "orgId": ORGANIZATION});
    let authorization = json!({"providerName": "AWS", "iamAssumedRoleArn": ROLE_ARN});
    let whole = json!({
        "enabled": true,
        "roleId": ROLE_ID,
        "customerMasterKeyID": KEY_ARN,
        "region": "US_EAST_1",
        "requirePrivateNetworking": true,
    });
    let no = Value::Null;
    vec![
        sent("access_roles", "GET", "/cloudProviderAccess", V2023_01_01, no.clone()),
        sent("authorize_access_role", "PATCH", &record, V2023_01_01, authorization),
        sent("backup_compliance_policy", "GET", "/backupCompliancePolicy", "2023-10-01", no.clone()),
        sent("cluster", "GET", "/clusters/orders", "2024-08-05", no.clone()),
        sent("clusters", "GET", "/clusters?itemsPerPage=500", "2024-08-05", no.clone()),
        sent("create_access_role", "POST", "/cloudProviderAccess", V2023_01_01, json!({"providerName": "AWS"})),
        sent("create_private_endpoint", "POST", ENDPOINTS, V2023_01_01, json!({"regionName": "EU_WEST_1"})),
        sent("create_project", "POST", "organization:/groups", V2023_01_01, new_project),
        sent("delete_private_endpoint", "DELETE", &endpoint, V2023_01_01, no.clone()),
        sent("disable_aws_kms", "PATCH", "/encryptionAtRest", V2023_01_01, aws_kms(json!({"enabled": false}))),
        sent("encryption_at_rest", "GET", "/encryptionAtRest", V2023_01_01, no.clone()),
        sent("flex_clusters", "GET", "/flexClusters?itemsPerPage=500", "2024-11-13", no.clone()),
        sent("own_service_account", "GET", &format!("/serviceAccounts/{CLIENT_ID}"), "2024-08-05", no.clone()),
        sent("private_endpoint", "GET", &endpoint, V2023_01_01, no.clone()),
        sent("private_endpoints", "GET", &format!("{ENDPOINTS}?itemsPerPage=500&pageNum=1"), V2023_01_01, no.clone()),
        sent("project", "GET", "", V2023_01_01, no.clone()),
        sent("project_by_name", "GET", "organization:/groups/byName/payments%26eu", V2023_01_01, no.clone()),
        sent("remove_access_role", "DELETE", &format!("/cloudProviderAccess/AWS/{ROLE_ID}"), V2023_01_01, no.clone()),
        sent("search_nodes", "GET", "/clusters/orders/search/deployment", "2025-03-12", no),
        sent(
            "set_cluster_encryption",
            "PATCH",
            "/clusters/orders",
            "2024-10-23",
            json!({"encryptionAtRestProvider": "AWS"}),
        ),
        sent(
            "stop_private_networking",
            "PATCH",
            "/encryptionAtRest",
            V2023_01_01,
            aws_kms(json!({"requirePrivateNetworking": false})),
        ),
        sent("update_aws_kms", "PATCH", "/encryptionAtRest", V2023_01_01, aws_kms(whole)),
    ]
}

async fn call(atlas: &AtlasWriter, operation: &str) -> Result<(), AtlasError> {
    let project = &project();
    let (organization, name) = (&ORGANIZATION.parse().unwrap(), &"payments&eu".parse().unwrap());
    let (cluster, endpoint) = (&"orders".parse().unwrap(), &ROLE_ID.parse().unwrap());
    match operation {
        "access_roles" => atlas.access_roles(project).await.map(drop),
        "authorize_access_role" => {
            atlas.authorize_access_role(project, &role(), &ROLE_ARN.parse().unwrap()).await.map(drop)
        }
        "backup_compliance_policy" => atlas.backup_compliance_policy(project).await.map(drop),
        "cluster" => atlas.cluster(project, cluster).await.map(drop),
        "clusters" => atlas.clusters(project).await.map(drop),
        "create_access_role" => atlas.create_access_role(project).await.map(drop),
        "create_private_endpoint" => {
            atlas.create_private_endpoint(project, &"eu-west-1".parse().unwrap()).await.map(drop)
        }
        "create_project" => atlas.create_project(organization, name).await.map(drop),
        "delete_private_endpoint" => atlas.delete_private_endpoint(project, endpoint).await,
        "disable_aws_kms" => atlas.disable_aws_kms(project).await.map(drop),
        "encryption_at_rest" => atlas.encryption_at_rest(project).await.map(drop),
        "flex_clusters" => atlas.flex_clusters(project).await.map(drop),
        "own_service_account" => atlas.own_service_account(project).await.map(drop),
        "private_endpoint" => atlas.private_endpoint(project, endpoint).await.map(drop),
        "private_endpoints" => atlas.private_endpoints(project).await.map(drop),
        "project" => atlas.project(project).await.map(drop),
        "project_by_name" => atlas.project_by_name(organization, name).await.map(drop),
        "remove_access_role" => atlas.remove_access_role(project, &role()).await,
        "search_nodes" => atlas.search_nodes(project, "orders").await.map(drop),
        "set_cluster_encryption" => {
            atlas.set_cluster_encryption(project, cluster, EncryptionProvider::Aws).await.map(drop)
        }
        "stop_private_networking" => atlas.stop_private_networking(project).await.map(drop),
        "update_aws_kms" => atlas.update_aws_kms(project, &update(role()), None).await.map(drop),
        other => panic!("nothing calls {other}"),
    }
}

/// The operations that the client has, by its source.
fn operations_of_the_client() -> BTreeSet<String> {
    let folder = atlas_cmk_tests::root().join("shared/src/atlas");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap());
    let operations = texts.flat_map(|text| {
        let of_clients = text.split("\nimpl ").filter(|block| block.starts_with("Atlas")).map(str::to_owned);
        of_clients.collect::<Vec<_>>()
    });
    let names = operations.flat_map(|block| {
        let after = block.split("    pub async fn ").skip(1);
        after.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())).collect::<Vec<_>>()
    });
    names.collect()
}

#[tokio::test]
async fn every_operation_sends_its_version_and_its_body_and_no_more() {
    let operations = operations();
    let tried: BTreeSet<String> = operations.iter().map(|sent| sent.operation.to_owned()).collect();
    assert_eq!(tried, operations_of_the_client());
    for Sent { operation, method, target, version, body } in operations {
        let peer = Peer::atlas([if method == "DELETE" { Reply::text(204, "") } else { any() }]).await;
        call(&peer.client(), operation).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        let [call] = peer.calls().try_into().unwrap_or_else(|calls| panic!("{operation} calls once: {calls:?}"));
        assert_eq!((call.method.as_str(), &call.target), (method, &target), "{operation}");
        let media_type = format!("application/vnd.atlas.{version}+json");
        assert_eq!(call.header("accept"), Some(media_type.as_str()), "{operation}");
        assert_eq!(call.header("content-type"), (!body.is_null()).then_some(media_type.as_str()), "{operation}");
        assert_eq!(call.header("authorization"), Some("Bearer t0ken"), "{operation}");
        assert!(call.header("user-agent").unwrap().starts_with("atlas-cmk/"), "{operation}");
        assert_eq!(call.json(), body, "{operation}");
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
