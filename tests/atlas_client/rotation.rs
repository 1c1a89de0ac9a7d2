//! Secrets that change while a client is warm, and secrets that are of no use.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use atlas_cmk::{
    Error, ErrorName,
    atlas::{AtlasWriter, CredentialSource},
    aws::{Secrets, sdk_config},
    settings::Settings,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    authentication::call_eight_times_at_once,
    deadlines::TOO_LONG,
    peer::{Peer, Reply},
    world::{CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, PUBLIC_KEY, ROLES, World, http, project},
};

const SECRET_ID: &str = "atlas/keys";

/// A Secrets Manager with one secret.
struct SecretsManager {
    peer: Peer,
    reply: Arc<Mutex<Reply>>,
}

impl SecretsManager {
    async fn holding(secret: &str) -> Self {
        let reply = Arc::new(Mutex::new(value(secret)));
        let current = Arc::clone(&reply);
        let peer = Peer::start(move |request| {
            assert_eq!(request.header("x-amz-target"), Some("secretsmanager.GetSecretValue"));
            assert_eq!(request.json(), json!({"SecretId": SECRET_ID}));
            current.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
        .await;
        Self { peer, reply }
    }

    fn answer(&self, reply: Reply) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// A client of the simulated Atlas that takes its credentials from here.
    fn client(&self, world: &World) -> AtlasWriter {
        let endpoint = self.peer.url();
        let settings = Settings::read(|name| match name {
            "ATLAS_SECRET_ID" => Some(SECRET_ID.to_owned()),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        })
        .expect("settings");
        let secrets = Secrets::new(&sdk_config(&settings, &http()));
        world.client(CredentialSource::SecretsManager { secrets, secret_id: SECRET_ID.to_owned() })
    }

    /// How often the secret was read.
    fn reads(&self) -> usize {
        self.peer.requests().len()
    }
}

fn value(secret: &str) -> Reply {
    let arn = "arn:aws:secretsmanager:us-east-1:444455556666:secret:atlas/keys-AbCdEf";
    Reply::json(&json!({"ARN": arn, "Name": SECRET_ID, "SecretString": secret}))
}

fn refusal(kind: &str) -> Reply {
    Reply::text(400, json!({"__type": kind, "message": "Secrets Manager says no."}).to_string())
}

fn api_key(private_key: &str) -> String {
    json!({"publicKey": PUBLIC_KEY, "privateKey": private_key}).to_string()
}

fn service_account(client_secret: &str) -> String {
    json!({"clientId": CLIENT_ID, "clientSecret": client_secret, "orgId": "66f0a1b2c3d4e5f601234569"}).to_string()
}

async fn rotate(world: &World, name: &str, secret: Value) {
    world.control(Method::PUT, &format!("credentials/{name}"), secret).await;
}

#[tokio::test]
async fn a_secret_is_read_once_for_many_calls() {
    let world = World::start().await;
    for secret in [api_key(PRIVATE_KEY), service_account(CLIENT_SECRET)] {
        let manager = SecretsManager::holding(&secret).await;
        let atlas = manager.client(&world);
        assert_eq!(manager.reads(), 0);
        call_eight_times_at_once(&atlas).await;
        atlas.create_access_role(&project()).await.unwrap();
        assert_eq!(manager.reads(), 1);
    }
}

#[tokio::test]
async fn after_an_api_key_was_rotated_the_next_call_reads_the_secret_again_and_succeeds() {
    let world = World::start().await;
    let manager = SecretsManager::holding(&api_key(PRIVATE_KEY)).await;
    let atlas = manager.client(&world);
    atlas.access_roles(&project()).await.unwrap();

    rotate(&world, PUBLIC_KEY, json!({"privateKey": "n3w"})).await;
    manager.answer(value(&api_key("n3w")));
    atlas.create_access_role(&project()).await.unwrap();
    assert_eq!(manager.reads(), 2);
    assert_eq!(world.records().await, 1);

    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(manager.reads(), 2);
}

#[tokio::test]
async fn after_a_service_account_was_rotated_and_its_token_ended_the_next_call_succeeds() {
    let world = World::start().await;
    let manager = SecretsManager::holding(&service_account(CLIENT_SECRET)).await;
    let atlas = manager.client(&world);
    atlas.access_roles(&project()).await.unwrap();

    rotate(&world, CLIENT_ID, json!({"clientSecret": "mdb_sa_sk_n3w"})).await;
    manager.answer(value(&service_account("mdb_sa_sk_n3w")));
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(manager.reads(), 1, "the token still lives");

    world.expire_tokens().await;
    atlas.create_access_role(&project()).await.unwrap();
    assert_eq!(manager.reads(), 2);
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn a_secret_that_no_longer_mints_a_token_is_read_again() {
    let world = World::start().await;
    // Tokens so short-lived that each call wants a new one.
    world.behave(json!({"tokenLifetimeSeconds": 60})).await;
    let manager = SecretsManager::holding(&service_account(CLIENT_SECRET)).await;
    let atlas = manager.client(&world);
    atlas.access_roles(&project()).await.unwrap();

    rotate(&world, CLIENT_ID, json!({"clientSecret": "mdb_sa_sk_n3w"})).await;
    manager.answer(value(&service_account("mdb_sa_sk_n3w")));
    world.forget_requests().await;
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(manager.reads(), 2);
    assert_eq!(
        world.log().await,
        ["POST /api/oauth/token 401", "POST /api/oauth/token 200", "GET cloudProviderAccess 200"]
    );
}

#[tokio::test]
async fn a_client_may_go_over_from_an_api_key_to_a_service_account() {
    let world = World::start().await;
    let manager = SecretsManager::holding(&api_key(PRIVATE_KEY)).await;
    let atlas = manager.client(&world);
    atlas.access_roles(&project()).await.unwrap();

    world.control(Method::DELETE, &format!("credentials/{PUBLIC_KEY}"), Value::Null).await;
    manager.answer(value(&service_account(CLIENT_SECRET)));
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(world.requests().await.last().unwrap()["credential"], CLIENT_ID);
    assert_eq!(manager.reads(), 2);
}

#[tokio::test]
async fn a_call_between_the_rotation_and_the_new_secret_fails_and_the_next_one_recovers() {
    let world = World::start().await;
    let manager = SecretsManager::holding(&api_key(PRIVATE_KEY)).await;
    let atlas = manager.client(&world);
    atlas.access_roles(&project()).await.unwrap();

    rotate(&world, PUBLIC_KEY, json!({"privateKey": "n3w"})).await;
    let error = Error::from(atlas.access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasUnauthorized);
    assert_eq!(manager.reads(), 2, "once per call, however often Atlas refuses it");

    manager.answer(value(&api_key("n3w")));
    atlas.access_roles(&project()).await.unwrap();
}

#[tokio::test]
async fn concurrent_calls_after_a_rotation_all_succeed_and_read_the_secret_once() {
    for (name, before, after, change) in [
        (PUBLIC_KEY, api_key(PRIVATE_KEY), api_key("n3w"), json!({"privateKey": "n3w"})),
        (CLIENT_ID, service_account(CLIENT_SECRET), service_account("n3w"), json!({"clientSecret": "n3w"})),
    ] {
        let world = World::start().await;
        let manager = SecretsManager::holding(&before).await;
        let atlas = manager.client(&world);
        atlas.access_roles(&project()).await.unwrap();
        rotate(&world, name, change).await;
        manager.answer(value(&after));
        world.expire_tokens().await;
        call_eight_times_at_once(&atlas).await;
        assert_eq!(manager.reads(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_secret_that_was_wrong_is_read_again_before_the_next_call() {
    let forbidden = json!({"status": 403, "errorCode": "USER_UNAUTHORIZED"});
    let not_listed = json!({"status": 403, "errorCode": "IP_ADDRESS_NOT_ON_ACCESS_LIST"});
    let elsewhere = json!({"status": 404, "errorCode": "GROUP_NOT_FOUND"});
    let line_break = json!({"publicKey": format!("{PUBLIC_KEY}\n"), "privateKey": PRIVATE_KEY}).to_string();
    let faults = [forbidden, not_listed, elsewhere].map(|fault| (api_key(PRIVATE_KEY), Some(fault)));
    for (wrong, fault) in [(line_break, None)].into_iter().chain(faults) {
        let world = World::start().await;
        let manager = SecretsManager::holding(&wrong).await;
        let atlas = manager.client(&world);
        if let Some(answer) = fault {
            world.answer_once("GET", ROLES, answer).await;
        }
        atlas.access_roles(&project()).await.unwrap_err();

        manager.answer(value(&service_account(CLIENT_SECRET)));
        atlas.access_roles(&project()).await.unwrap();
        assert_eq!(manager.reads(), 2);
        assert_eq!(world.requests().await.last().unwrap()["credential"], CLIENT_ID);
    }
}

#[tokio::test]
async fn a_secret_that_was_refused_and_is_the_same_still_costs_no_new_token() {
    let world = World::start().await;
    let manager = SecretsManager::holding(&service_account(CLIENT_SECRET)).await;
    let atlas = manager.client(&world);
    world.answer_once("GET", ROLES, json!({"status": 403, "errorCode": "USER_UNAUTHORIZED"})).await;
    atlas.access_roles(&project()).await.unwrap_err();
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(manager.reads(), 2);
    let tokens = world.log().await.into_iter().filter(|line| line.contains("oauth")).count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_and_nothing_is_asked_of_atlas() {
    for kind in ["ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"] {
        let world = World::start().await;
        let manager = SecretsManager::holding("").await;
        manager.answer(refusal(kind));
        let atlas = manager.client(&world);
        let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
        assert_eq!(error.name(), ErrorName::SecretUnusable, "{kind}");
        assert!(error.message().contains(SECRET_ID), "{error}");
        assert!(!error.outcome_is_unknown());
        assert_eq!(world.log().await.len(), 0);

        // The client is not spoilt: once the secret is there, so is Atlas.
        manager.answer(value(&api_key(PRIVATE_KEY)));
        atlas.create_access_role(&project()).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_of_unknown_shape_is_named_and_never_quoted() {
    let world = World::start().await;
    for secret in ["s3cr3t", r#"{"user": "a", "password": "s3cr3t"}"#, r#"{"privateKey": "s3cr3t"}"#, r#"["s3cr3t"]"#] {
        let manager = SecretsManager::holding(secret).await;
        let error = manager.client(&world).access_roles(&project()).await.unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.contains(SECRET_ID) && !shown.contains("s3cr3t"), "{shown}");
        }
        assert_eq!(Error::from(error).name(), ErrorName::SecretUnusable);
        assert_eq!(manager.reads(), 1);
    }
    assert_eq!(world.log().await.len(), 0);
}

#[tokio::test]
async fn a_secret_of_bytes_is_unusable() {
    let world = World::start().await;
    let manager = SecretsManager::holding("").await;
    manager.answer(Reply::json(&json!({"Name": SECRET_ID, "SecretBinary": "czNjcjN0"})));
    let error = Error::from(manager.client(&world).access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::SecretUnusable);
}

#[tokio::test]
async fn an_account_that_may_not_read_the_secret_is_distinguished_from_a_secret_that_is_wrong() {
    let world = World::start().await;
    let manager = SecretsManager::holding("").await;
    manager.answer(refusal("AccessDeniedException"));
    let error = Error::from(manager.client(&world).access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AccountAccessDenied);
}

#[tokio::test]
async fn a_secrets_manager_that_does_not_answer_is_left_at_the_deadline() {
    let world = World::start().await;
    let manager = SecretsManager::holding("").await;
    manager.answer(Reply::Silence);
    let atlas = manager.client(&world).for_invocation(Instant::now() + Duration::from_secs(3));
    timeout(TOO_LONG, atlas.access_roles(&project())).await.expect("no wait").unwrap_err();
    assert_eq!(world.log().await.len(), 0);
}
