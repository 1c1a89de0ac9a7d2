//! What all operations have in common.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::world::{PROJECT, V2023, V2024, World, send};

#[tokio::test]
async fn an_unknown_project_is_refused_as_recorded() -> Result<()> {
    let world = World::start().await?;
    let path = "groups/111111111111111111111111/encryptionAtRest";
    let reply = send(world.call(Method::GET, path, V2023)).await?;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.text,
        concat!(
            r#"{"detail":"No group with ID 111111111111111111111111 exists.","error":404,"#,
            r#""errorCode":"GROUP_NOT_FOUND","parameters":["111111111111111111111111"],"reason":"Not Found"}"#,
        )
    );
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-error-code"), "GROUP_NOT_FOUND");
    Ok(())
}

#[tokio::test]
async fn the_answer_names_the_version_that_served_it() -> Result<()> {
    let world = World::start().await?;
    let path = format!("groups/{PROJECT}/encryptionAtRest");
    let reply = send(world.call(Method::GET, &path, "application/vnd.atlas.2024-11-13+json")).await?;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/vnd.atlas.2023-01-01+json;charset=utf-8");
    for name in ["ratelimit-limit", "ratelimit-remaining", "x-java-method", "x-envoy-upstream-service-time"] {
        assert!(!reply.header(name).is_empty(), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_version_nothing_is_acceptable() -> Result<()> {
    let world = World::start().await?;
    let path = format!("groups/{PROJECT}/encryptionAtRest");
    for accept in ["*/*", "application/json", "application/vnd.atlas.2099-01-01+json"] {
        let reply = send(world.call(Method::GET, &path, accept)).await?;
        assert_eq!(reply.error(), "406 INVALID_VERSION_DATE", "{accept}");
        assert_eq!(reply.json()["detail"], "Invalid accept header or version date.");
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_bucket_refuses_with_its_numbers() -> Result<()> {
    let world = World::start().await?;
    world.behave(json!({"rateLimits": {"encryptionAtRest": {"capacity": 2, "refillPerMinute": 1}}})).await?;
    let first = world.get("/encryptionAtRest").await?;
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), ("2", "1"));
    world.get("/encryptionAtRest").await?;
    let refused = world.get("/encryptionAtRest").await?;
    assert_eq!(refused.error(), "429 RATE_LIMITED_TOKEN_BUCKET");
    assert!(!refused.header("retry-after").is_empty());
    let parameters = refused.json()["parameters"].clone();
    assert_eq!(parameters[0], format!("api/atlas/v2/groups/{PROJECT}/encryptionAtRest"));
    assert_eq!((&parameters[2], &parameters[3], &parameters[4]), (&json!(2), &json!(1), &json!(60)));
    assert_eq!(world.get("/cloudProviderAccess").await?.status, 200, "each set has its own bucket");
    Ok(())
}

#[tokio::test]
async fn envelope_and_pretty_are_accepted() -> Result<()> {
    let world = World::start().await?;
    let wrapped = world.get("?envelope=true&pretty=true").await?;
    assert_eq!(wrapped.json()["status"], 200);
    assert_eq!(wrapped.json()["content"]["id"], PROJECT);
    assert!(wrapped.text.contains('\n'));
    Ok(())
}

#[tokio::test]
async fn clusters_are_listed_in_their_own_version() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(world.get("/clusters").await?.error(), "410 VERSION_GONE");
    let path = format!("groups/{PROJECT}/clusters");
    let list = send(world.call(Method::GET, &path, V2024)).await?.json();
    assert_eq!(list["totalCount"], 1);
    assert_eq!(list["links"][0]["rel"], "self");
    assert_eq!(list["results"][0]["stateName"], "IDLE");
    Ok(())
}

#[tokio::test]
async fn a_project_is_created_with_201_and_found_by_name() -> Result<()> {
    let world = World::start().await?;
    let call = |method, path| world.call(method, path, V2023);
    let body = json!({"name": "R&D prod", "orgId": "5f0000000000000000000001"});
    let created = send(call(Method::POST, "groups").json(&body)).await?;
    assert_eq!(created.status, 201);
    assert_eq!(send(call(Method::POST, "groups").json(&body)).await?.error(), "409 GROUP_ALREADY_EXISTS");
    let found = send(call(Method::GET, "groups/byName/R%26D%20prod")).await?;
    assert_eq!(found.json()["id"], created.json()["id"]);
    let by_prefix = send(call(Method::GET, "orgs/5f0000000000000000000001/groups?name=r%26d")).await?;
    assert_eq!(by_prefix.json()["totalCount"], 1);
    Ok(())
}

#[tokio::test]
async fn the_request_log_reports_all_and_no_secrets() -> Result<()> {
    let world = World::start().await?;
    send(world.bare(Method::GET, "/encryptionAtRest")).await?;
    let keys = json!({"awsKms": {"accessKeyID": "AKIAEXAMPLE", "secretAccessKey": "verysecret"}});
    let refused = world.patch("/encryptionAtRest", keys).await?;
    assert_eq!(refused.error(), "400 AWS_KMS_CREDENTIALS_AUTH_DEPRECATED");
    let log = world.log().await?;
    assert_eq!(log.len(), 3);
    assert_eq!(log[0]["path"], "/api/oauth/token");
    assert_eq!((&log[1]["status"], &log[1]["authenticated"]), (&json!(401), &json!(false)));
    assert_eq!(log[2]["n"], 3);
    assert_eq!(log[2]["errorCode"], "AWS_KMS_CREDENTIALS_AUTH_DEPRECATED");
    assert_eq!(log[2]["body"]["awsKms"]["secretAccessKey"], "[redacted]");
    assert!(!json!(log).to_string().contains("secret\""));

    let one = send(world.http.get(world.url(&format!("/_sim/requests?projectId={PROJECT}")))).await?.json();
    assert_eq!(one["requests"].as_array().map(Vec::len), Some(2));
    send(world.http.delete(world.url("/_sim/requests"))).await?;
    assert!(world.log().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_sim_does_not_know_is_refused_in_a_sentence() -> Result<()> {
    let world = World::start().await?;
    let table = [
        ("projects", json!({"name": "a", "colour": "red"}), "colour"),
        ("projects", json!({"name": "a", "id": "x"}), "24"),
        ("credentials", json!({"publicKey": "a"}), "privateKey"),
        ("faults", json!({"method": "GET", "path": "/a", "answer": {"status": 500}}), "errorCode"),
    ];
    for (path, body, word) in table {
        let request = world.http.post(world.url(&format!("/_sim/{path}"))).json(&body);
        let reply = send(request).await?;
        assert_eq!(reply.status, 400, "{path}");
        let sentence = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(sentence.contains(word), "{sentence}");
    }
    assert_eq!(send(world.http.get(world.url("/_sim/health"))).await?.json(), json!({"status": "ok"}));
    Ok(())
}

#[tokio::test]
async fn nothing_listens_after_shutdown() -> Result<()> {
    let world = World::start().await?;
    let health = world.url("/_sim/health");
    world.sim.shutdown().await;
    assert!(world.http.get(health).send().await.is_err_and(|error| error.is_connect()));
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_reported_in_a_sentence() -> Result<()> {
    let world = World::start().await?;
    let port = world.sim.url().rsplit(':').next().unwrap_or_default().parse()?;
    let second = atlas_sim::AtlasSim::start(atlas_sim::Config { port, ..Default::default() }).await;
    let error = second.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("is the port in use?"), "{error}");
    world.sim.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_flex_cluster_is_a_refusal_and_in_no_list() -> Result<()> {
    let world = World::start().await?;
    let project = "66f0a1b2c3d4e5f60000f1e0";
    let flex = json!({"name": "small", "instanceSize": "FLEX", "regions": ["US_EAST_1"]});
    world.scene("projects", json!({"id": project, "name": "flexible", "clusters": [flex]})).await?;
    let get =
        async |path: &str| send(world.call(Method::GET, &format!("groups/{project}/clusters{path}"), V2024)).await;
    assert_eq!(get("/small").await?.error(), "400 CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API");
    assert_eq!(get("").await?.json()["results"], json!([]));
    Ok(())
}

#[tokio::test]
async fn flex_clusters_have_a_list_of_their_own_and_clusters_can_be_added() -> Result<()> {
    let world = World::start().await?;
    let spec = json!({"name": "playground", "instanceSize": "FLEX", "regions": ["US_EAST_1"]});
    world.scene(&format!("projects/{PROJECT}/clusters"), spec).await?;
    let path = format!("groups/{PROJECT}/flexClusters");
    let list = send(world.call(Method::GET, &path, "application/vnd.atlas.2024-11-13+json")).await?.json();
    assert_eq!(list["results"][0]["name"], "playground", "{list}");
    Ok(())
}

#[tokio::test]
async fn a_project_from_before_roles_shows_its_access_key_and_never_its_secret() -> Result<()> {
    let world = World::start().await?;
    let key = json!({"accessKeyID": "AKIAEXAMPLE", "customerMasterKeyID": "1234abcd", "region": "US_EAST_1"});
    world.scene("projects", json!({"id": "64a6c94435fc02228a1d6aff", "name": "legacy", "accessKey": key})).await?;
    let read = world.call(Method::GET, "groups/64a6c94435fc02228a1d6aff/encryptionAtRest", V2023);
    let block = send(read).await?.json()["awsKms"].clone();
    assert_eq!((&block["accessKeyID"], &block["enabled"]), (&json!("AKIAEXAMPLE"), &json!(true)), "{block}");
    assert!(block.get("secretAccessKey").is_none());
    Ok(())
}
