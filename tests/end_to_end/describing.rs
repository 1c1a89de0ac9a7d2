//! The state of a project, described as the console shows it, and more.

use atlas_cmk::{answers::describe, atlas::EncryptionProvider};
use atlas_cmk_local::execution;
use serde_json::{Value, json};

use crate::world::World;

async fn described(world: &World) -> Value {
    let input = json!({"projectId": world.customer().project_id});
    let run = world.invoke("describe", &input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let output = run.output.unwrap();
    let _: describe::Output = serde_json::from_value(output.clone()).unwrap();
    output
}

#[tokio::test]
async fn everything_about_a_project_is_reported_and_where_it_differs_from_what_is_registered() {
    let world = World::new().await;
    let empty = described(&world).await;
    assert_eq!((&empty["registered"], &empty["accessRoles"]), (&Value::Null, &json!([])));
    assert_eq!(empty["encryption"]["enabled"], false);

    let search = json!({
        "name": "search", "instanceSize": "M10", "regions": ["US_EAST_1"],
        "searchNodes": {"instanceSize": "S20_HIGHCPU_NVME", "nodeCount": 2},
    });
    world.cloud.simulator.add_cluster(&world.customer().project_id, search).await.unwrap();
    let flex = json!({"name": "playground", "instanceSize": "FLEX", "regions": ["US_EAST_1"]});
    world.cloud.simulator.add_cluster(&world.customer().project_id, flex).await.unwrap();
    let mut input = world.customer().input();
    input["clusters"] = json!(["reports"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let all = described(&world).await;
    let role = &all["accessRoles"][0];
    assert_eq!(role["state"], "authorized");
    assert_eq!(role["roleArn"], world.customer().role_arn());
    assert_eq!(role["usedBy"], json!(["ENCRYPTION_AT_REST"]));
    assert_eq!(role["isRegistered"], true);
    assert!(role["externalId"].is_string() && role["ageHours"] == 0, "{role}");
    assert_eq!(all["encryption"]["key"], world.customer().key_arn());
    assert_eq!(
        (&all["encryption"]["valid"], &all["encryption"]["requirePrivateNetworking"]),
        (&json!(true), &json!(true))
    );
    let reported = |list: &str, fields: [&str; 2]| -> Vec<String> {
        let items = all[list].as_array().unwrap().iter();
        items.map(|item| fields.map(|field| item[field].as_str().unwrap_or("-").to_owned()).join(" ")).collect()
    };
    assert_eq!(
        reported("privateEndpoints", ["region", "status"]),
        ["ap-southeast-2 ACTIVE", "eu-west-1 ACTIVE", "us-east-1 ACTIVE"]
    );
    assert_eq!(
        reported("clusters", ["name", "encryptionAtRestProvider"]),
        ["orders NONE", "reports AWS", "search NONE", "playground NONE"]
    );
    assert_eq!(all["clusters"][2]["searchNodesEncryptionProvider"], "NONE");
    assert_eq!(reported("keys", ["state", "nothing"]), ["Enabled -"; 3]);
    assert_eq!(all["registered"]["current"]["desired"]["clusters"], json!(["reports"]));
    assert_eq!(all["differences"], json!([]));

    // Somebody changes the world.
    let cluster: atlas_cmk::ids::ClusterName = "reports".parse().unwrap();
    world.atlas().set_cluster_encryption(&world.project_id(), &cluster, EncryptionProvider::None).await.unwrap();
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    let drifted = described(&world).await;
    let differences = drifted["differences"].to_string();
    assert!(
        differences.contains("does not use the key") && differences.contains("cannot use the key"),
        "{differences}"
    );
    assert_eq!(drifted["keys"][0]["state"], "Disabled");
    assert_eq!(drifted["encryption"]["valid"], false);
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_hides_nothing_of_what_atlas_shows() {
    let world = World::with_two_accounts().await;
    world.enable_successfully().await;
    let iam = world.iam();
    let nobody = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
    ]});
    let update = iam.update_assume_role_policy().role_name("AtlasCmkSpoke").policy_document(nobody.to_string());
    update.send().await.unwrap();
    let reported = described(&world).await;
    assert_eq!(
        (&reported["encryption"]["valid"], &reported["accessRoles"][0]["state"]),
        (&json!(true), &json!("authorized"))
    );
    assert!(reported["keys"][0]["state"].as_str().unwrap().starts_with("unknown: "), "{}", reported["keys"]);
    assert!(reported["differences"].to_string().contains("could not be compared"), "{}", reported["differences"]);
}

#[tokio::test]
async fn half_done_authorizations_are_listed_resumed_and_cancelled() {
    let world = World::new().await;
    let project = world.project_id();
    let theirs = world.atlas().create_access_role(&project).await.unwrap();
    // An enablement that came as far as its announcement.
    let machine = execution::define_until(&world.cloud, "EnableEncryptionArn", "Announce").await.unwrap();
    let run = execution::run_machine(&world.cloud, &machine, &world.customer().input(), |_| {}).await.unwrap();
    assert_eq!(run.error, None, "{:?}", run.cause);
    let other = world.atlas().create_access_role(&project).await.unwrap();

    let roles = described(&world).await["accessRoles"].clone();
    let pending: Vec<(Value, Value)> =
        roles.as_array().unwrap().iter().map(|it| (it["roleId"].clone(), it["isRegistered"].clone())).collect();
    // One that was never authorized is nobody's until somebody goes on with it.
    assert_eq!(pending, [(json!(theirs.role_id), json!(true)), (json!(other.role_id), json!(false))]);
    assert!(
        roles.as_array().unwrap().iter().all(|it| it["state"] == "pending" && it["externalId"].is_string()),
        "{roles}"
    );

    let ours = world.invoke("cancel-authorization", &json!({"projectId": project})).await;
    assert_eq!(ours.output.unwrap()["roleId"], json!(theirs.role_id), "ours is the one that is registered");
    assert_eq!(world.records().await.len(), 1, "and never another");
    let again = world.invoke("cancel-authorization", &json!({"projectId": project})).await;
    assert_eq!(again.output.unwrap()["changes"], json!([]));

    world.enable_successfully().await;
    assert_eq!(world.records().await[0].role_id, other.role_id, "enabling resumes the other");
    for input in [json!({"projectId": project}), json!({"projectId": project, "roleId": other.role_id})] {
        let refused = world.invoke("cancel-authorization", &input).await;
        assert_eq!(refused.error.as_deref(), Some("Atlas.Conflict"), "it is authorized: {:?}", refused.output);
    }
    world.assert_enabled().await;
}
