//! Digest and access tokens: what they cost, what goes stale, and what never shows.

use std::time::{Duration, Instant};

use atlas_cmk::{
    ErrorName,
    atlas::{AtlasWriter, CredentialSource},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    peer::{Peer, Reply, token},
    world::{
        CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, PROJECT, ROLE_ARN, TOKEN, World, api_key, project, service_account,
    },
};

#[tokio::test]
async fn a_digest_costs_one_request_more_once_and_nothing_for_later_calls_of_any_method() {
    let world = World::start().await;
    let atlas = world.with_api_key();
    atlas.access_roles(&project()).await.unwrap();
    let role = atlas.create_access_role(&project()).await.unwrap().role_id;
    atlas.authorize_access_role(&project(), &role, &ROLE_ARN.parse().unwrap()).await.unwrap();
    atlas.private_endpoints(&project()).await.unwrap();
    assert_eq!(
        world.log().await,
        [
            "GET cloudProviderAccess 401",
            "GET cloudProviderAccess 200",
            "POST cloudProviderAccess 200",
            &format!("PATCH cloudProviderAccess/{role} 200"),
            "GET encryptionAtRest/AWS/privateEndpoints 200",
        ]
    );
    assert_eq!(atlas.requests(), 5);
}

#[tokio::test]
async fn a_write_may_be_the_first_call_and_is_made_once() {
    let world = World::start().await;
    world.with_api_key().create_access_role(&project()).await.unwrap();
    assert_eq!(world.log().await, ["POST cloudProviderAccess 401", "POST cloudProviderAccess 200"]);
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn the_query_is_part_of_what_a_digest_proves() {
    let world = World::start().await;
    world.with_api_key().private_endpoints(&project()).await.unwrap();
    let requests = world.requests().await;
    assert_eq!(requests[1]["query"], "itemsPerPage=500&pageNum=1");
    assert_eq!(requests[1]["authenticated"], true);
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn a_nonce_that_went_stale_costs_one_more_request_and_no_call() {
    let world = World::start().await;
    let atlas = world.with_api_key();
    atlas.access_roles(&project()).await.unwrap();

    // With nonces that live for no time, a request by someone else is enough for the simulator to drop all it gave out.
    world.behave(json!({"nonceLifetimeSeconds": 0})).await;
    world.with_api_key().access_roles(&project()).await.unwrap_err();
    world.behave(json!({"nonceLifetimeSeconds": 30})).await;
    world.forget_requests().await;

    atlas.create_access_role(&project()).await.unwrap();
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(
        world.log().await,
        ["POST cloudProviderAccess 401", "POST cloudProviderAccess 200", "GET cloudProviderAccess 200"]
    );
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn nonces_that_are_stale_for_ever_end_in_an_error_and_not_in_a_loop() {
    let world = World::start().await;
    world.behave(json!({"nonceLifetimeSeconds": 0})).await;
    let error = world.with_api_key().access_roles(&project()).await.unwrap_err();
    assert_eq!(atlas_cmk::Error::from(error).name(), ErrorName::AtlasUnauthorized);
    assert!(world.log().await.len() <= 4, "{:?}", world.log().await);
}

#[tokio::test]
async fn concurrent_calls_share_a_nonce() {
    let world = World::start().await;
    let atlas = world.with_api_key();
    atlas.access_roles(&project()).await.unwrap();
    world.forget_requests().await;
    call_eight_times_at_once(&atlas).await;
    assert_eq!(world.log().await, ["GET cloudProviderAccess 200"; 8]);
}

#[tokio::test]
async fn a_wrong_private_key_is_refused_and_shown_nowhere() {
    let world = World::start().await;
    let atlas = world.client(CredentialSource::Fixed(api_key("wr0ng-key")));
    let error = atlas.create_access_role(&project()).await.unwrap_err();
    for shown in [error.to_string(), format!("{error:?}"), format!("{atlas:?}")] {
        assert!(!shown.contains("wr0ng-key"), "{shown}");
    }
    let error = atlas_cmk::Error::from(error);
    assert_eq!(error.name(), ErrorName::AtlasUnauthorized);
    assert!(!error.outcome_is_unknown());
    assert!(world.requests().await.iter().all(|request| request["authenticated"] == false));
    assert_eq!(world.records().await, 0);
}

#[tokio::test]
async fn a_token_serves_many_calls() {
    let world = World::start().await;
    let atlas = world.with_service_account();
    atlas.access_roles(&project()).await.unwrap();
    atlas.create_access_role(&project()).await.unwrap();
    atlas.clone().private_endpoints(&project()).await.unwrap();
    assert_eq!(
        world.log().await,
        [
            "POST /api/oauth/token 200",
            "GET cloudProviderAccess 200",
            "POST cloudProviderAccess 200",
            "GET encryptionAtRest/AWS/privateEndpoints 200",
        ]
    );
    assert_eq!(atlas.requests(), 4);
}

#[tokio::test]
async fn an_invocation_uses_the_token_of_the_one_before_and_counts_its_own_requests() {
    let world = World::start().await;
    let atlas = world.with_service_account();
    let deadline = Instant::now() + Duration::from_mins(1);
    for expected in [2, 1] {
        let invocation = atlas.for_invocation(deadline);
        invocation.access_roles(&project()).await.unwrap();
        assert_eq!(invocation.requests(), expected);
    }
    assert_eq!(world.log().await.len(), 3);
}

#[tokio::test]
async fn concurrent_first_calls_of_clones_mint_one_token() {
    let world = World::start().await;
    call_eight_times_at_once(&world.with_service_account()).await;
    assert_eq!(minted(&world).await, 1);
    assert_eq!(world.log().await.len(), 9);
}

#[tokio::test]
async fn a_token_that_atlas_no_longer_knows_is_replaced_once() {
    let world = World::start().await;
    let atlas = world.with_service_account();
    atlas.access_roles(&project()).await.unwrap();
    world.expire_tokens().await;
    world.forget_requests().await;

    atlas.create_access_role(&project()).await.unwrap();
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(
        world.log().await,
        [
            "POST cloudProviderAccess 401",
            "POST /api/oauth/token 200",
            "POST cloudProviderAccess 200",
            "GET cloudProviderAccess 200",
        ]
    );
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn concurrent_calls_that_find_their_token_expired_mint_one_new_token() {
    let world = World::start().await;
    let atlas = world.with_service_account();
    atlas.access_roles(&project()).await.unwrap();
    world.expire_tokens().await;
    world.forget_requests().await;
    call_eight_times_at_once(&atlas).await;
    assert_eq!(minted(&world).await, 1);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_not_used_for_another_call() {
    let world = World::start().await;
    world.behave(json!({"tokenLifetimeSeconds": 60})).await;
    let atlas = world.with_service_account();
    atlas.access_roles(&project()).await.unwrap();
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(minted(&world).await, 2);
    assert!(world.log().await.iter().all(|line| line.ends_with(" 200")));
}

#[tokio::test]
async fn a_lack_of_rights_costs_no_further_tokens() {
    let world = World::start().await;
    let reader = json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "roles": {PROJECT: "GROUP_READ_ONLY"}});
    world.control(Method::POST, "credentials", reader).await;
    let atlas = world.with_service_account();
    for _ in 0..3 {
        let error = atlas.create_access_role(&project()).await.unwrap_err();
        assert_eq!(error.code().unwrap().as_str(), "USER_UNAUTHORIZED");
    }
    // An account has 100 live tokens, and a table of many projects would soon use them up.
    assert_eq!(minted(&world).await, 1);
}

#[tokio::test]
async fn a_wrong_client_secret_is_refused_and_shown_nowhere() {
    let world = World::start().await;
    let atlas = world.client(CredentialSource::Fixed(service_account("mdb_sa_sk_wr0ng")));
    let error = atlas.access_roles(&project()).await.unwrap_err();
    for shown in [error.to_string(), format!("{error:?}"), format!("{atlas:?}")] {
        assert!(!shown.contains("wr0ng"), "{shown}");
    }
    let error = atlas_cmk::Error::from(error);
    assert_eq!(error.name(), ErrorName::AtlasUnauthorized);
    assert!(error.message().contains("invalid_client"), "{error}");
    assert!(error.message().contains("GET /groups/66f0a1b2c3d4e5f601234567/cloudProviderAccess"), "{error}");
    assert!(world.log().await.iter().all(|line| line == "POST /api/oauth/token 401"));
}

#[tokio::test]
async fn the_limit_of_live_tokens_is_a_rate_limit_that_no_repetition_helps_against() {
    let world = World::start().await;
    world.behave(json!({"maxLiveTokens": 0})).await;
    let error = atlas_cmk::Error::from(world.with_service_account().access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasRateLimited);
    assert!(error.message().contains("Access Token limit reached"), "{error}");
    assert_eq!(world.log().await, ["POST /api/oauth/token 403"]);
}

#[tokio::test]
async fn a_token_endpoint_that_stumbles_is_asked_again() {
    let html = json!({"html": 502});
    let refused = |status: u16| json!({"status": status, "json": {"error": "x"}, "headers": {"Retry-After": "0"}});
    for answer in
        [refused(500), refused(503), refused(429), html, json!({"cut": true}), json!({"status": 200, "json": {}})]
    {
        let world = World::start().await;
        world.answer_once("POST", TOKEN, answer.clone()).await;
        world.with_service_account().create_access_role(&project()).await.unwrap();
        assert_eq!(minted(&world).await, 2, "{answer}");
        assert_eq!(world.records().await, 1, "{answer}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_stays_down_leaves_no_doubt_about_a_write() {
    let world = World::start().await;
    world.answer_always("POST", TOKEN, json!({"html": 502})).await;
    let error = atlas_cmk::Error::from(world.with_service_account().create_access_role(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasUnavailable);
    assert!(!error.outcome_is_unknown());
    assert_eq!(world.log().await, ["POST /api/oauth/token 502"; 3]);
}

#[tokio::test]
async fn a_token_of_absurd_lifetime_is_taken_like_any_other() {
    let peer = Peer::start(|request| match request.target.as_str() {
        TOKEN => token(u64::MAX),
        _ => Reply::json(&json!({"awsIamRoles": []})),
    })
    .await;
    let atlas = peer.client();
    atlas.access_roles(&project()).await.unwrap();
    atlas.access_roles(&project()).await.unwrap();
    assert_eq!(peer.requests().len(), 3);
}

#[tokio::test]
async fn a_client_secret_travels_to_the_token_endpoint_only() {
    let peer = Peer::atlas([Reply::json(&json!({"awsIamRoles": []}))]).await;
    peer.client().access_roles(&project()).await.unwrap();
    let requests = peer.requests();
    assert!(requests[0].header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(requests[0].header("content-type").unwrap(), "application/x-www-form-urlencoded");
    assert_eq!(requests[1].header("authorization").unwrap(), "Bearer t0ken");
}

#[tokio::test]
async fn a_private_key_never_travels() {
    let peer = Peer::start(|_| {
        let challenge =
            r#"Digest realm="MMS Public API", domain="", nonce="n", algorithm=MD5, qop="auth", stale=false"#;
        Reply::Answer(401, vec![("www-authenticate", challenge.to_owned())], String::new())
    })
    .await;
    peer.client_with(api_key(PRIVATE_KEY)).access_roles(&project()).await.unwrap_err();
    let requests = peer.requests();
    assert!(requests.iter().any(|request| request.header("authorization").is_some_and(|it| it.starts_with("Digest "))));
    assert!(!format!("{requests:?}").contains(PRIVATE_KEY));
}

/// Makes eight calls that are under way together. All of them must succeed.
pub(crate) async fn call_eight_times_at_once(atlas: &AtlasWriter) {
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let atlas = atlas.clone();
        calls.spawn(async move { atlas.access_roles(&project()).await });
    }
    for answer in calls.join_all().await {
        answer.expect("the records");
    }
}

/// How often a token was asked for.
async fn minted(world: &World) -> usize {
    let is_for_token = |request: &&Value| request["path"] == TOKEN;
    world.requests().await.iter().filter(is_for_token).count()
}
