//! A plan says what applying changes, exactly, and changes nothing. Verifying says what differs, and changes nothing
//! either.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::world::{World, trust_of_others};

/// Plans, asserts that nothing was written anywhere, applies, and asserts that exactly that was changed.
async fn assert_plan_is_what_applying_changes(world: &World, input: &Value, scenario: &str) {
    let (atlas, start) = (world.cloud.atlas_writes().await.unwrap().len(), SystemTime::now());
    let planned = world.run_as("plan", input).await;
    assert_eq!(world.cloud.atlas_writes().await.unwrap().len(), atlas, "{scenario}: planning wrote to Atlas");
    let writes = world.cloud.aws_writes_since(start).await.unwrap();
    // Two accounts mean sessions, and a service account a token: neither is a resource of the customer.
    assert_eq!(writes, [] as [&str; 0], "{scenario}: planning wrote to AWS");

    let applied = world.run_as("apply", input).await;
    let (planned, done) = (planned["changes"].as_array().unwrap(), applied["changes"].as_array().unwrap());
    let steps = |changes: &[Value]| changes.iter().map(|it| it["step"].to_string()).collect::<Vec<_>>();
    assert_eq!(steps(planned), steps(done), "{scenario}");
    for (planned, done) in planned.iter().zip(done) {
        for field in ["step", "action", "resource", "summary", "consequences"] {
            assert!(is_as_planned(&planned[field], &done[field]), "{scenario}: {field} of {planned} became {done}");
        }
    }
    if !done.is_empty() {
        let control = world.cloud.aws_writes_since(start).await.unwrap();
        let atlas_control = world.cloud.atlas_writes().await.unwrap().len();
        assert!(!control.is_empty() || atlas_control > atlas, "{scenario}: what is asserted above can be seen");
    }
    let again = world.run_as("plan", input).await;
    assert_eq!(again["changes"], json!([]), "{scenario}: nothing is left to do");
}

/// What was planned as "(known after …)" may be anything now.
fn is_as_planned(planned: &Value, done: &Value) -> bool {
    let (Some(planned), Some(done)) = (planned.as_str(), done.as_str()) else { return planned == done };
    let mut rest = done;
    let mut parts = planned.split("(known after ");
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in parts {
        let text = part.split_once(')').map_or("", |(_, text)| text);
        let Some(at) = (if text.is_empty() { Some(rest.len()) } else { rest.find(text) }) else { return false };
        rest = &rest[at + text.len()..];
    }
    rest.is_empty()
}

#[tokio::test]
async fn of_a_bare_organization_and_account() {
    let world = World::with_nothing().await;
    assert_plan_is_what_applying_changes(&world, &world.bare_input(), "bare").await;
}

#[tokio::test]
async fn of_a_prepared_project_of_more_regions_of_clusters_and_of_another_key() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-west-1"]);
    assert_plan_is_what_applying_changes(&world, &input, "first time").await;
    input["regions"] = json!(["us-east-1", "eu-west-1", "eu-central-1"]);
    assert_plan_is_what_applying_changes(&world, &input, "a region more, without a replica").await;
    input["clusters"] = json!("all");
    input["searchNodes"] = json!(true);
    assert_plan_is_what_applying_changes(&world, &input, "clusters and search nodes").await;
    let other = world.with_another_key().await;
    input["keyArn"] = json!(other.key_arn());
    assert_plan_is_what_applying_changes(&world, &input, "another key").await;
}

#[tokio::test]
async fn of_a_key_whose_policy_leaves_nothing_to_iam_and_of_a_trust_that_was_changed() {
    let world = World::new().await;
    let account = &world.account().id;
    let statements = json!([{
        "Sid": "Functions", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
        "Action": ["kms:DescribeKey", "kms:Get*", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:List*", "kms:TagResource"], "Resource": "*",
    }]);
    world.put_key_policy("us-east-1", statements).await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-central-1"]);
    assert_plan_is_what_applying_changes(&world, &input, "grants").await;
    let theirs = trust_of_others();
    let update = world.iam().update_assume_role_policy().role_name(&world.customer().role_name);
    update.policy_document(theirs).send().await.unwrap();
    assert_plan_is_what_applying_changes(&world, &input, "trust").await;
}

#[tokio::test]
async fn of_a_project_that_still_uses_an_access_key_the_switch_is_reported_as_final() {
    let world = World::with_nothing().await;
    let customer = world.customer();
    customer.seed_keys(world.account()).await.unwrap();
    let project = json!({
        "id": customer.project_id, "name": "legacy",
        "accessKey": {"accessKeyID": "AKIAEXAMPLE", "customerMasterKeyID": customer.key_arn(), "region": "US_EAST_1"},
    });
    world.cloud.simulator.add_project(project).await.unwrap();
    let mut input = customer.input();
    input["regions"] = Value::Null;
    input["key"] = json!({"manage": "none"});
    let planned = world.run_as("plan", &input).await;
    assert!(planned["changes"].to_string().contains("cannot be undone"), "{planned}");
    let applied = world.run_as("apply", &input).await;
    assert!(applied["changes"].to_string().contains("cannot be undone"), "{applied}");
    for request in world.cloud.simulator.requests().await.unwrap() {
        let body = request["body"].to_string();
        assert!(
            !body.contains("accessKeyID") && !body.contains("secretAccessKey"),
            "no access key is ever sent: {body}"
        );
    }
    let project = world.project().await;
    assert_eq!(project["encryptionAtRest"]["awsKms"]["accessKeyID"], Value::Null);
}

#[tokio::test]
async fn verifying_finds_what_differs_and_changes_nothing() {
    let world = World::new().await;
    let input = world.customer().input();
    let before = world.run_as("verify", &input).await;
    assert_eq!(before["matches"], false, "{before}");
    world.enable_successfully().await;
    world.cloud.simulator.forget_requests().await.unwrap();
    let after = world.run_as("verify", &input).await;
    assert_eq!((&after["matches"], &after["differences"], &after["findings"]), (&json!(true), &json!([]), &json!([])));

    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    let theirs = trust_of_others();
    let update = world.iam().update_assume_role_policy().role_name(&world.customer().role_name);
    update.policy_document(theirs).send().await.unwrap();
    let drifted = world.run_as("verify", &input).await;
    let text = drifted.to_string();
    assert_eq!(drifted["matches"], false);
    assert!(text.contains("is disabled") && text.contains("trust policy lacks the statement of atlas-cmk"), "{text}");
    assert_eq!(world.writes().await, [] as [String; 0]);

    // What no step but registering and replicating would see.
    world.kms().enable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    world.enable_successfully().await;
    let tag = format!("atlas-cmk:project:{}", world.customer().project_id);
    world.kms().untag_resource().key_id(world.customer().key_arn()).tag_keys(tag).send().await.unwrap();
    let drifted = world.run_as("verify", &input).await;
    assert_eq!(drifted["matches"], false, "{drifted}");
    assert!(drifted["differences"].to_string().contains("key tagged with the project"), "{drifted}");

    let nothing = World::with_nothing().await;
    let compared = nothing.run_as("verify", &nothing.bare_input()).await;
    assert_eq!((&compared["matches"], &compared["differences"][0]["resource"]), (&json!(false), &json!("project")));
}
