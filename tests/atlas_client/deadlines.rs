//! A client of one invocation knows when that ends, and never waits for what can only come later.

use std::time::{Duration, Instant};

use atlas_cmk::{
    Error, ErrorName,
    atlas::{AtlasReader, AtlasWriter, CredentialSource, RetryPolicy},
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    peer::{Peer, Reply},
    world::{CLIENT_SECRET, ROLES, World, http, project, service_account},
};

/// Longer than any invocation here has, and shorter than any time-out or wait that does not heed the deadline.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(8);

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// A client that waits for an hour between attempts.
fn patient(world: &World) -> AtlasWriter {
    let retry = RetryPolicy { attempts: 3, floor: Duration::from_hours(1) };
    AtlasWriter::new(AtlasReader::new(
        http(),
        world.url(),
        CredentialSource::Fixed(service_account(CLIENT_SECRET)),
        retry,
    ))
}

#[tokio::test]
async fn with_time_left_calls_are_repeated_as_ever() {
    let world = World::start().await;
    world.answer_always("GET", ROLES, json!({"html": 502})).await;
    let atlas = world.with_service_account().for_invocation(soon());
    atlas.access_roles(&project()).await.unwrap_err();
    assert_eq!(atlas.requests(), 4);
    assert_eq!(world.log().await.len(), 4);
}

#[tokio::test]
async fn a_wait_that_would_end_after_the_deadline_is_not_begun() {
    let world = World::start().await;
    world.answer_always("GET", ROLES, json!({"html": 502})).await;
    let atlas = patient(&world).for_invocation(soon());
    let error = timeout(TOO_LONG, atlas.access_roles(&project())).await.expect("no wait").unwrap_err();
    assert_eq!(Error::from(error).name(), ErrorName::AtlasUnavailable);
    assert_eq!(world.log().await, ["POST /api/oauth/token 200", "GET cloudProviderAccess 502"]);
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    gives_up_when_asked_to_come_back_after("3600").await;
}

#[tokio::test]
async fn a_retry_after_of_absurd_length_is_not_waited_for_either() {
    gives_up_when_asked_to_come_back_after(&u64::MAX.to_string()).await;
}

async fn gives_up_when_asked_to_come_back_after(seconds: &str) {
    let world = World::start().await;
    let limited = json!({"status": 429, "errorCode": "RATE_LIMITED", "headers": {"Retry-After": seconds}});
    world.answer_always("POST", ROLES, limited).await;
    let atlas = AtlasWriter::new(world.with_service_account().for_invocation(soon()));
    let answer = timeout(TOO_LONG, atlas.create_access_role(&project())).await.expect("no wait");
    let error = Error::from(answer.expect_err("a refusal"));
    assert_eq!(error.name(), ErrorName::AtlasRateLimited, "the refusal itself is what is reported");
    assert_eq!(atlas.requests(), 2);
}

#[tokio::test]
async fn the_floor_holds_for_a_retry_after_of_nothing() {
    let world = World::start().await;
    let limited = json!({"status": 429, "errorCode": "RATE_LIMITED", "headers": {"Retry-After": "0"}});
    world.answer_always("GET", ROLES, limited).await;
    // Had the client taken the 0 for its word, it would have come back at once, and three times.
    let atlas = patient(&world).for_invocation(soon());
    let error = timeout(TOO_LONG, atlas.access_roles(&project())).await.expect("no wait").unwrap_err();
    assert_eq!(Error::from(error).name(), ErrorName::AtlasRateLimited);
    assert_eq!(atlas.requests(), 2);
}

#[tokio::test]
async fn without_time_no_call_is_begun() {
    let world = World::start().await;
    // The client keeps back two seconds for the function to answer in, so one second is none.
    for left in [Duration::ZERO, Duration::from_secs(1)] {
        let atlas = AtlasWriter::new(world.with_api_key().for_invocation(Instant::now() + left));
        let error = Error::from(atlas.create_access_role(&project()).await.unwrap_err());
        assert_eq!(error.name(), ErrorName::AtlasUnavailable);
        assert!(!error.outcome_is_unknown(), "{error}");
        assert_eq!(atlas.requests(), 0);
    }
    assert_eq!(world.log().await.len(), 0);
}

#[tokio::test]
async fn without_time_no_token_is_minted() {
    let world = World::start().await;
    let atlas = world.with_service_account().for_invocation(Instant::now());
    let error = Error::from(atlas.access_roles(&project()).await.unwrap_err());
    assert_eq!(error.name(), ErrorName::AtlasUnavailable);
    assert_eq!(world.log().await.len(), 0);
}

#[tokio::test]
async fn an_atlas_that_does_not_answer_is_left_at_the_deadline() {
    let peer = Peer::atlas([Reply::Silence]).await;
    let client = peer.client();
    for is_read in [true, false] {
        let atlas = AtlasWriter::new(client.for_invocation(Instant::now() + Duration::from_secs(3)));
        let answer = async {
            if is_read {
                atlas.access_roles(&project()).await.map(|_| ())
            } else {
                atlas.create_access_role(&project()).await.map(|_| ())
            }
        };
        let error = Error::from(timeout(TOO_LONG, answer).await.expect("no wait").unwrap_err());
        assert_eq!(error.name(), ErrorName::AtlasUnavailable);
        assert!(error.message().contains("no response before the timeout"), "{error}");
        assert_eq!(error.outcome_is_unknown(), !is_read, "{error}");
    }
    assert_eq!(peer.calls().len(), 2);
}

#[tokio::test]
async fn a_token_endpoint_that_does_not_answer_is_left_at_the_deadline() {
    let peer = Peer::start(|_| Reply::Silence).await;
    let atlas = peer.client().for_invocation(Instant::now() + Duration::from_secs(3));
    let error = timeout(TOO_LONG, atlas.access_roles(&project())).await.expect("no wait").unwrap_err();
    assert_eq!(Error::from(error).name(), ErrorName::AtlasUnavailable);
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn the_deadline_of_one_invocation_is_not_that_of_the_next() {
    let world = World::start().await;
    let atlas = world.with_api_key();
    atlas.for_invocation(Instant::now()).access_roles(&project()).await.unwrap_err();
    atlas.for_invocation(soon()).access_roles(&project()).await.unwrap();
}
