//! Clusters: switched one after the other, once nothing can stop it half-way.

use serde_json::{Value, json};

use crate::world::{World, assert_failed, converged_steps};

async fn provider(world: &World, name: &str) -> String {
    let project = world.project().await;
    let cluster = project["clusters"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
    cluster["encryptionAtRestProvider"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn clusters_that_can_use_the_key_are_switched_one_after_the_other_and_the_rest_is_reported() {
    let world = World::new().await;
    let project = &world.customer().project_id;
    for cluster in [
        json!({"name": "playground", "instanceSize": "FLEX", "regions": ["US_EAST_1"]}),
        json!({"name": "sandbox", "instanceSize": "M0", "regions": ["US_EAST_1"]}),
        json!({"name": "archive", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": true}),
    ] {
        world.cloud.simulator.add_cluster(project, cluster).await.unwrap();
    }
    let mut input = world.customer().input();
    input["clusters"] = json!("all");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(converged_steps(&run).iter().filter(|step| **step == "set-cluster-encryption").count(), 2);
    for (name, expected) in [("orders", "AWS"), ("reports", "AWS"), ("sandbox", "NONE"), ("archive", "NONE")] {
        assert_eq!(provider(&world, name).await, expected, "{name}");
    }
    let output = run.output.unwrap();
    let mut skipped: Vec<&str> =
        output["skippedClusters"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, ["archive", "playground", "sandbox"]);
    assert_eq!(world.enable_with(&input).await.changes(), [] as [Value; 0]);

    // One after the other: between the two switches the first was seen to be idle again.
    let requests = world.cloud.simulator.requests().await.unwrap();
    let at = |method: &str, name: &str| {
        let of_cluster = |it: &&Value| it["method"] == method && it["path"].as_str().unwrap().ends_with(name);
        requests.iter().rev().filter(of_cluster).map(|it| it["n"].as_u64().unwrap()).next_back().unwrap()
    };
    assert!(at("PATCH", "/clusters/orders") < at("GET", "/clusters/reports"));
}

#[tokio::test]
async fn a_cluster_that_is_at_work_is_waited_for_and_one_that_never_ends_is_given_up_at_the_deadline() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["clusters"] = json!(["reports"]);
    input["deadlines"] = json!({"clusterMinutes": 10});
    world.cloud.simulator.behave(json!({"clusterSeconds": 86400})).await.unwrap();
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Cluster.TimedOut", "check-cluster", &["cluster reports is UPDATING"]);
    assert_eq!(provider(&world, "orders").await, "NONE", "not asked for");
}

#[tokio::test]
async fn a_cluster_with_nodes_where_there_is_no_endpoint_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1"]);
    input["clusters"] = json!(["orders"]);
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Input.Invalid", "preflight", &["orders", "EU_WEST_1", "regions"]);
    input["clusters"] = json!(["no-such-cluster"]);
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Input.Invalid", "preflight", &["no-such-cluster", "clusters[0]"]);
    assert_eq!(world.writes().await, [] as [String; 0]);
}

#[tokio::test]
async fn search_nodes_are_changed_only_when_asked_for() {
    let world = World::new().await;
    world.enable_successfully().await;
    let search = async || world.project().await["encryptionAtRest"]["enabledForSearchNodes"].clone();
    assert_eq!(search().await, false);
    let mut input = world.customer().input();
    input["searchNodes"] = json!(true);
    let planned = world.run_as("plan", &input).await;
    let changes = planned["changes"].as_array().unwrap();
    let of_key = changes.iter().find(|change| change["step"] == "enable-kms").unwrap();
    assert!(of_key["consequences"].to_string().contains("indexes are rebuilt"), "{planned}");
    let run = world.enable_with(&input).await;
    assert_eq!((run.error.clone(), converged_steps(&run)), (None, vec!["enable-kms"]), "{:?}", run.cause);
    assert_eq!(search().await, true);
    world.enable_successfully().await;
    assert_eq!(search().await, true, "left as it is");
}
