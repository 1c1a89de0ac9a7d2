//! What is repeated, what never is, and how often.

use atlas_cmk::{
    Error, ErrorName,
    atlas::{AtlasReader, AtlasWriter, CredentialSource},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::{ENCRYPTION, PRIVATE_KEY, RETRY, ROLES, World, api_key, http, project, update};

fn failure(status: u16) -> Value {
    json!({"status": status, "errorCode": "UNEXPECTED_ERROR"})
}

fn rate_limit() -> Value {
    json!({"status": 429, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "headers": {"Retry-After": "0"}})
}

/// A world and a client that has had its challenge.
async fn start() -> (World, AtlasWriter) {
    let world = World::start().await;
    let atlas = world.with_api_key();
    atlas.access_roles(&project()).await.expect("the records");
    world.forget_requests().await;
    (world, atlas)
}

#[tokio::test]
async fn a_read_is_repeated_after_whatever_may_pass() {
    for answer in [
        rate_limit(),
        failure(500),
        failure(502),
        failure(503),
        failure(504),
        json!({"html": 502}),
        json!({"html": 503}),
        json!({"cut": true}),
        json!({"empty": 403}),
        json!({"empty": 500}),
        json!({"html": 403}),
        json!({"empty": 200}),
        json!({"html": 200}),
    ] {
        let (world, atlas) = start().await;
        world.answer_once("GET", ROLES, answer.clone()).await;
        atlas.access_roles(&project()).await.unwrap();
        let log = world.log().await;
        assert_eq!(log.len(), 2, "{answer} {log:?}");
        assert_eq!(log[1], "GET cloudProviderAccess 200");
    }
}

#[tokio::test]
async fn a_write_is_repeated_after_a_rate_limit_which_comes_before_its_effect() {
    for answer in [rate_limit(), failure(429), json!({"empty": 429})] {
        let (world, atlas) = start().await;
        world.answer_once("POST", ROLES, answer.clone()).await;
        atlas.create_access_role(&project()).await.unwrap();
        assert_eq!(world.log().await.len(), 2, "{answer}");
        assert_eq!(world.records().await, 1, "{answer}");
    }
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_not_repeated() {
    for answer in [
        failure(500),
        failure(502),
        // A proxy in front of Atlas answers 503 too when the connection behind it breaks, whatever has happened there.
        failure(503),
        json!({"html": 503}),
        failure(504),
        json!({"html": 502}),
        json!({"empty": 500}),
        json!({"cut": true}),
        json!({"empty": 200}),
        json!({"html": 200}),
    ] {
        for (when, records) in [("before", 0), ("after", 1)] {
            let (world, atlas) = start().await;
            world.fault(json!({"method": "POST", "path": ROLES, "when": when, "answer": answer})).await;
            let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
            assert_eq!(error.name(), ErrorName::AtlasUnavailable, "{answer} {when}");
            assert!(error.outcome_is_unknown(), "{answer} {when}");
            assert_eq!(world.log().await.len(), 1, "{answer} {when}");
            assert_eq!(world.records().await, records, "{answer} {when}");
        }
    }
}

#[tokio::test]
async fn a_change_is_a_write_like_any_other() {
    for (answer, when) in [(json!({"cut": true}), "after"), (failure(500), "after"), (failure(500), "before")] {
        let world = World::start().await;
        let update = update(world.authorize().await);
        world.fault(json!({"method": "PATCH", "path": ENCRYPTION, "when": when, "answer": answer})).await;
        let error =
            Error::from(world.with_service_account().update_aws_kms(&project(), &update, None).await.unwrap_err());
        assert_eq!(error.name(), ErrorName::AtlasUnavailable, "{answer} {when}");
        assert!(error.outcome_is_unknown(), "{answer} {when}");
        assert_eq!(world.log().await.len(), 2, "a token and the change: {answer} {when}");
        let kms = world.project().await["encryptionAtRest"]["awsKms"].clone();
        assert_eq!(kms["enabled"] == true, when == "after", "{answer} {when}");
    }
}

#[tokio::test]
async fn a_write_that_was_refused_is_neither_repeated_nor_in_doubt() {
    for answer in [
        failure(400),
        failure(402),
        failure(403),
        failure(404),
        failure(405),
        failure(409),
        failure(410),
        json!({"empty": 403}),
        json!({"html": 404}),
    ] {
        let (world, atlas) = start().await;
        world.answer_once("POST", ROLES, answer.clone()).await;
        let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
        assert!(!error.outcome_is_unknown(), "{answer} {error}");
        assert_eq!(world.log().await.len(), 1, "{answer}");
        assert_eq!(world.records().await, 0, "{answer}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_not_repeated_even_for_a_read() {
    for status in [400, 402, 403, 404, 405, 409, 410] {
        let (world, atlas) = start().await;
        world.answer_once("GET", ROLES, failure(status)).await;
        atlas.access_roles(&project()).await.unwrap_err();
        assert_eq!(world.log().await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_rate_limit_that_holds_is_given_up_after_three_attempts() {
    for method in ["GET", "POST"] {
        let (world, atlas) = start().await;
        world.answer_always(method, ROLES, rate_limit()).await;
        let error = match method {
            "GET" => atlas.access_roles(&project()).await.unwrap_err(),
            _ => atlas.create_access_role(&project()).await.unwrap_err(),
        };
        assert_eq!(error.code().unwrap().as_str(), "RATE_LIMITED_TOKEN_BUCKET");
        let error = Error::from(error);
        assert_eq!(error.name(), ErrorName::AtlasRateLimited);
        assert!(!error.outcome_is_unknown());
        assert_eq!(world.log().await, [format!("{method} cloudProviderAccess 429").as_str(); 3]);
    }
}

#[tokio::test]
async fn the_rate_limit_of_atlas_itself_is_waited_for() {
    let (world, atlas) = start().await;
    // One token now, and another every 10 ms: the simulator asks a client to come back after 0 seconds.
    world.behave(json!({"rateLimits": {"cloudProviderAccess": {"capacity": 1, "refillPerMinute": 6000}}})).await;
    for _ in 0..3 {
        atlas.create_access_role(&project()).await.unwrap();
    }
    assert_eq!(world.records().await, 3);
}

#[tokio::test]
async fn every_kind_of_disturbance_counts_towards_the_three_attempts() {
    let (world, atlas) = start().await;
    for (nth, answer) in [(1, failure(500)), (2, json!({"cut": true})), (3, json!({"empty": 403}))] {
        world.fault(json!({"method": "GET", "path": ROLES, "nth": nth, "answer": answer})).await;
    }
    let error = Error::from(atlas.access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasUnavailable);
    assert_eq!(world.log().await.len(), 3);
}

#[tokio::test]
async fn a_write_that_is_refused_first_and_in_doubt_then_stops_at_the_doubt() {
    let (world, atlas) = start().await;
    world.fault(json!({"method": "POST", "path": ROLES, "nth": 1, "answer": failure(429)})).await;
    world.fault(json!({"method": "POST", "path": ROLES, "nth": 2, "when": "after", "answer": {"cut": true}})).await;
    let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
    assert!(error.outcome_is_unknown());
    assert_eq!(world.log().await, ["POST cloudProviderAccess 429", "POST cloudProviderAccess 0"]);
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn an_atlas_that_cannot_be_connected_to_is_unavailable_and_a_write_did_not_happen() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let source = CredentialSource::Fixed(api_key(PRIVATE_KEY));
    let atlas = AtlasWriter::new(AtlasReader::new(http(), format!("http://{address}").parse().unwrap(), source, RETRY));
    for error in
        [atlas.access_roles(&project()).await.unwrap_err(), atlas.create_access_role(&project()).await.unwrap_err()]
    {
        let error = Error::from(error);
        assert_eq!(error.name(), ErrorName::AtlasUnavailable);
        assert!(!error.outcome_is_unknown(), "{error}");
        assert!(error.message().contains("could not connect"), "{error}");
    }
    assert_eq!(atlas.requests(), 6);
}
