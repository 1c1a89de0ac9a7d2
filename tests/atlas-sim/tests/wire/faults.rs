//! Faults: which request they hit, whether it takes effect, what the client gets.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, send};

const ROLES: &str = "/api/atlas/v2/groups/*/cloudProviderAccess";

async fn fault(world: &World, when: &str, answer: Value) -> Result<()> {
    world.scene("faults", json!({"method": "POST", "path": ROLES, "when": when, "answer": answer})).await?;
    Ok(())
}

async fn roles(world: &World) -> Result<usize> {
    let list = world.get("/cloudProviderAccess").await?.json();
    Ok(list["awsIamRoles"].as_array().map_or(0, Vec::len))
}

fn create(world: &World) -> reqwest::RequestBuilder {
    world.request(Method::POST, "/cloudProviderAccess").json(&json!({"providerName": "AWS"}))
}

#[tokio::test]
async fn an_error_before_leaves_no_trace_and_one_after_does() -> Result<()> {
    for (when, created) in [("before", 0), ("after", 1)] {
        let world = World::start().await?;
        fault(&world, when, json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"})).await?;
        assert_eq!(send(create(&world)).await?.error(), "500 UNEXPECTED_ERROR");
        assert_eq!(roles(&world).await?, created, "{when}");
        assert_eq!(send(create(&world)).await?.status, 200, "a fault hits once unless configured otherwise");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_is_cut_after_the_effect() -> Result<()> {
    let world = World::start().await?;
    fault(&world, "after", json!({"cut": true})).await?;
    let error = create(&world).send().await.err();
    assert!(error.is_some_and(|error| error.is_request()), "no answer at all");
    assert_eq!(roles(&world).await?, 1);
    let cut = world.log().await?.into_iter().find(|entry| entry["method"] == "POST" && entry["fault"] == 1);
    assert_eq!(cut.unwrap_or_default()["status"], 0);
    Ok(())
}

#[tokio::test]
async fn a_proxy_answers_with_html() -> Result<()> {
    let world = World::start().await?;
    fault(&world, "before", json!({"html": 502})).await?;
    let reply = send(create(&world)).await?;
    assert_eq!(reply.status, 502);
    assert!(reply.header("content-type").starts_with("text/html"));
    assert!(reply.text.contains("502 Bad Gateway"));
    assert_eq!(reply.header("x-mongodb-service-version"), "", "Atlas itself was never reached");
    Ok(())
}

#[tokio::test]
async fn an_answer_may_have_no_body_at_all() -> Result<()> {
    let world = World::start().await?;
    fault(&world, "before", json!({"empty": 403})).await?;
    let reply = send(create(&world)).await?;
    assert_eq!((reply.status, reply.text.as_str()), (403, ""));
    Ok(())
}

#[tokio::test]
async fn a_fault_can_carry_headers_and_parameters() -> Result<()> {
    let world = World::start().await?;
    let answer = json!({
        "status": 429, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "detail": "Slow down.", "parameters": ["x", 0],
        "headers": {"Retry-After": "0"},
    });
    fault(&world, "before", answer).await?;
    let reply = send(create(&world)).await?;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "0"));
    assert_eq!(reply.json()["parameters"], json!(["x", 0]));
    assert_eq!(reply.json()["detail"], "Slow down.");
    Ok(())
}

#[tokio::test]
async fn a_token_endpoint_can_fail_in_its_own_format() -> Result<()> {
    let world = World::start().await?;
    let answer = json!({"status": 503, "json": {"error": "server_error"}});
    world.scene("faults", json!({"method": "POST", "path": "/api/oauth/token", "answer": answer})).await?;
    let reply = send(world.mint("mdb_sa_sk_secret")).await?;
    assert_eq!((reply.status, reply.json()), (503, json!({"error": "server_error"})));
    assert_eq!(send(world.mint("mdb_sa_sk_secret")).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn faults_count_authenticated_requests_and_can_be_removed() -> Result<()> {
    let world = World::start().await?;
    let spec = json!({
        "method": "GET", "path": "/api/atlas/v2/**", "nth": 2, "times": 0,
        "answer": {"status": 500, "errorCode": "UNEXPECTED_ERROR"},
    });
    assert_eq!(world.scene("faults", spec).await?, json!({"id": 1}));
    assert_eq!(send(world.bare(Method::GET, "/cloudProviderAccess")).await?.status, 401);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(world.get("/cloudProviderAccess").await?.status);
    }
    assert_eq!(statuses, [200, 500, 500, 500]);
    let faults = send(world.http.get(world.url("/_sim/faults"))).await?.json();
    assert_eq!((&faults["faults"][0]["seen"], &faults["faults"][0]["hits"]), (&json!(4), &json!(3)));
    send(world.http.delete(world.url("/_sim/faults"))).await?;
    assert_eq!(world.get("/cloudProviderAccess").await?.status, 200);
    Ok(())
}
