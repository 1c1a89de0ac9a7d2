//! disable-encryption: everything is as it was before, but for the keys, whatever was done until then.

use atlas_cmk_local::{execution, snapshot};
use serde_json::{Value, json};

use crate::world::{World, assert_failed, changed_steps, states_of};

/// Asserts that the world is what it was.
fn assert_same(before: &Value, after: &Value, when: &str) {
    let differences = snapshot::differences(before, after);
    assert!(differences.is_empty(), "{when}: {differences:#?}");
}

/// Enables in three regions, with all clusters.
async fn enable_everything(world: &World) {
    let mut input = world.customer().input();
    input["clusters"] = json!("all");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}

/// The key policy of somebody who leaves to IAM what our functions do, and not what Atlas does: the role has to be
/// named.
async fn guard_key(world: &World, region: &str) {
    let root = format!("arn:aws:iam::{}:root", world.account().id);
    let admins = json!([{
        "Sid": "Admins", "Effect": "Allow", "Principal": {"AWS": root}, "Resource": "*",
        "Action": ["kms:DescribeKey", "kms:Get*", "kms:PutKeyPolicy", "kms:List*", "kms:TagResource", "kms:UntagResource"],
    }]);
    world.put_key_policy(region, admins).await;
}

#[tokio::test]
async fn a_project_is_taken_down_and_the_world_is_as_it_was() {
    let world = World::new().await;
    let before = world.snapshot().await;
    enable_everything(&world).await;
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    assert_same(&before, &world.snapshot().await, "after taking down");
    assert_eq!(
        changed_steps(&run),
        [
            "delete-endpoint",
            "delete-endpoint",
            "delete-endpoint",
            "update-encryption",
            "set-cluster-encryption",
            "set-cluster-encryption",
            "update-encryption",
            "deauthorize-role",
            "remove-key-use",
            "remove-key-use",
            "remove-key-use",
            "remove-trust",
            "remove-trust",
            "unregister",
        ]
    );
    let output = run.output.unwrap();
    assert_eq!(output["keysToKeep"], json!([world.customer().key_arn()]));
    assert_eq!(output["kept"], json!([]));

    let again = world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
    enable_everything(&world).await;
    world.assert_enabled().await;
}

#[tokio::test]
async fn statements_policies_and_tags_of_others_survive_byte_for_byte() {
    let world = World::new().await;
    let role = &world.customer().role_name;
    let theirs = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "BackupTeam", "Effect": "Allow", "Principal": {"Service": ["backup.amazonaws.com"]}, "Action": ["sts:AssumeRole"]},
    ]});
    world
        .iam()
        .create_role()
        .role_name(role)
        .path("/atlas-cmk/")
        .assume_role_policy_document(theirs.to_string())
        .permissions_boundary(world.customer().access_role_boundary())
        .send()
        .await
        .unwrap();
    let inline = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}});
    let put = world.iam().put_role_policy().role_name(role).policy_name("theirs").policy_document(inline.to_string());
    put.send().await.unwrap();
    guard_key(&world, "eu-west-1").await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    assert_eq!(world.key_policy("eu-west-1").await.statements().len(), 2, "our statement was needed");
    world.disable_successfully(json!({"scope": "role"})).await;
    assert_same(&before, &world.snapshot().await, "with neighbours");
}

#[tokio::test]
async fn whatever_state_an_enablement_died_after_it_is_taken_down() {
    let world = World::new().await;
    // So that the state that grants is a state of this run.
    guard_key(&world, "us-east-1").await;
    let mut before = world.snapshot().await;
    let mut input = world.customer().input();
    input["clusters"] = json!(["orders"]);
    for last in
        states_of("enable-encryption", &["RequestApproval", "EnsureProject", "EnsureKey", "ReplicateKeys", "Diagnose"])
    {
        let last = last.as_str();
        let machine = execution::define_until(&world.cloud, "EnableEncryptionArn", last).await.unwrap();
        let run = execution::run_machine(&world.cloud, &machine, &input, |_| {}).await.unwrap();
        assert_eq!(run.error, None, "{last}: {:?}", run.cause);

        // Before it is announced, the project is not registered.
        world.disable_successfully(json!({"scope": "role", "adopt": true})).await;
        let mut after = world.snapshot().await;
        if last == "CreateRole" {
            // A record that nobody has written down yet is nobody's. It is listed, and cancelled by its name.
            let described = world.invoke("describe", &json!({"projectId": world.customer().project_id})).await;
            let role = described.output.as_ref().unwrap()["accessRoles"][0].clone();
            assert_eq!((&role["state"], &role["isRegistered"]), (&json!("pending"), &json!(false)), "{role}");
            let cancel = json!({"projectId": world.customer().project_id, "roleId": role["roleId"]});
            let cancelled = world.invoke("cancel-authorization", &cancel).await;
            assert_eq!(cancelled.error, None, "{:?}", cancelled.cause);
            after = world.snapshot().await;
        }
        before["atlas"]["clusters"] = after["atlas"]["clusters"].clone();
        assert_eq!(after["atlas"]["clusters"][0]["encryptionAtRestProvider"], "NONE", "{last}");
        assert_same(&before, &after, last);
    }
}

#[tokio::test]
async fn a_run_that_died_after_any_of_its_states_is_finished_by_another() {
    let world = World::new().await;
    let before = world.snapshot().await;
    let input = json!({"projectId": world.customer().project_id, "scope": "role"});
    let no_change_left_undone = ["PlanDisable", "RequestApproval", "CheckEndpointsGone", "Unregister", "Diagnose"];
    for last in states_of("disable-encryption", &no_change_left_undone) {
        let last = last.as_str();
        enable_everything(&world).await;
        let machine = execution::define_until(&world.cloud, "DisableEncryptionArn", last).await.unwrap();
        let run = execution::run_machine(&world.cloud, &machine, &input, |_| {}).await.unwrap();
        assert_eq!(run.error, None, "{last}: {:?}", run.cause);
        assert!(!snapshot::differences(&before, &world.snapshot().await).is_empty(), "{last} is not the end");
        world.disable_successfully(json!({"scope": "role"})).await;
        assert_same(&before, &world.snapshot().await, last);
    }
}

#[tokio::test]
async fn a_plan_is_what_applying_changes_and_changes_nothing() {
    let world = World::new().await;
    enable_everything(&world).await;
    let before = world.snapshot().await;
    let plan = world.disable_successfully(json!({"scope": "role", "mode": "plan"})).await;
    assert_same(&before, &world.snapshot().await, "after planning");
    let applied = world.disable_successfully(json!({"scope": "role"})).await;
    let reported = |changes: &[Value]| -> Vec<String> {
        let fields = ["step", "action", "resource", "summary", "consequences"];
        changes.iter().map(|change| fields.map(|field| change[field].to_string()).join(" ")).collect()
    };
    assert_eq!(reported(plan.changes()), reported(applied.changes()));
    assert!(plan.output.unwrap().to_string().contains("snapshots need the key that encrypted them"));
}

#[tokio::test]
async fn one_region_is_removed_and_the_rest_is_untouched() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["clusters"] = json!(["reports"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let before = world.snapshot().await;
    let run = world.disable_successfully(json!({"scope": "endpoints", "regions": ["ap-southeast-2"]})).await;
    assert_eq!(changed_steps(&run), ["delete-endpoint", "unregister"]);
    let active = |region: &str| (region.to_owned(), "ACTIVE".to_owned());
    assert_eq!(world.endpoints().await, [active("EU_WEST_1"), active("US_EAST_1")]);
    let mut after = world.snapshot().await;
    assert_eq!(
        after["registered"]["current"]["desired"]["regions"],
        json!(["us-east-1", "eu-west-1"]),
        "and nothing sets it up again"
    );
    after["registered"] = before["registered"].clone();
    after["atlas"]["privateEndpoints"] = before["atlas"]["privateEndpoints"].clone();
    assert_same(&before, &after, "the rest");

    // A cluster needs its way to the key.
    let run = world.disable(json!({"scope": "endpoints", "regions": ["us-east-1"]})).await;
    assert_failed(
        &run,
        "Atlas.Conflict",
        "plan-disable",
        &["cluster reports would lose access to the key in us-east-1"],
    );
    assert_eq!(world.endpoints().await.len(), 2, "nothing was changed");

    // With the last endpoint goes the demand for private networking, and the cluster keeps its key.
    let run = world.disable_successfully(json!({"scope": "endpoints"})).await;
    assert_eq!(changed_steps(&run), ["delete-endpoint", "delete-endpoint", "update-encryption", "unregister"]);
    let aws_kms = world.atlas().encryption_at_rest(&world.project_id()).await.unwrap().aws_kms.unwrap();
    assert_eq!((aws_kms.enabled, aws_kms.require_private_networking), (Some(true), Some(false)));
}

#[tokio::test]
async fn marks_are_found_on_keys_of_regions_that_nothing_names_any_more() {
    let world = World::new().await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    world.disable_successfully(json!({"scope": "endpoints", "regions": ["ap-southeast-2"]})).await;
    // What still named it: the role's list of its keys.
    let role = &world.customer().role_name;
    world.iam().delete_role_policy().role_name(role).policy_name("atlas-cmk").send().await.unwrap();
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(changed_steps(&run).iter().filter(|step| **step == "remove-key-use").count(), 3);
    assert_same(&before, &world.snapshot().await, "in every region");
}

#[tokio::test]
async fn more_regions_and_more_clusters_change_only_those() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-west-1"]);
    input["clusters"] = json!(["reports"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let before = world.snapshot().await;
    world.cloud.simulator.forget_requests().await.unwrap();

    input["regions"] = json!(["us-east-1", "eu-west-1", "ap-southeast-2"]);
    input["clusters"] = json!(["reports", "orders"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let writes = world.writes().await;
    assert_eq!(
        writes,
        ["POST /encryptionAtRest/AWS/privateEndpoints", "PATCH /clusters/orders"],
        "and nothing else in Atlas"
    );
    let mut after = world.snapshot().await;
    let key = world.customer().key_arn();
    for place in
        [vec!["registered"], vec!["role", "inline"], vec!["atlas", "privateEndpoints"], vec!["atlas", "clusters"]]
    {
        let pointer = format!("/{}", place.join("/"));
        *after.pointer_mut(&pointer).unwrap() = before.pointer(&pointer).unwrap().clone();
    }
    let new = key.replace("us-east-1", "ap-southeast-2");
    after["keys"][&new] = before["keys"][&new].clone();
    assert_same(&before, &after, "the rest");
    let again = world.enable_with(&input).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn named_clusters_are_switched_and_the_others_keep_key_and_endpoints() {
    let world = World::new().await;
    enable_everything(&world).await;
    let run = world.disable_successfully(json!({"scope": "clusters", "clusters": ["orders"]})).await;
    assert_eq!(changed_steps(&run), ["set-cluster-encryption", "unregister"]);
    let project = world.project().await;
    let provider = |name: &str| {
        let clusters = project["clusters"].as_array().unwrap();
        clusters.iter().find(|it| it["name"] == name).unwrap()["encryptionAtRestProvider"].clone()
    };
    assert_eq!((provider("orders"), provider("reports")), (json!("NONE"), json!("AWS")));
    assert_eq!(world.endpoints().await.len(), 3);
    let unknown = world.disable(json!({"scope": "clusters", "clusters": ["nothing"]})).await;
    assert_failed(&unknown, "Input.Invalid", "plan-disable", &["the project has no cluster nothing", "clusters[0]"]);
}

#[tokio::test]
async fn what_forbids_to_switch_off_is_reported_before_anything_is_changed() {
    let world = World::new().await;
    enable_everything(&world).await;
    let project = &world.customer().project_id;
    let policy = format!("/projects/{project}/backup-compliance-policy");
    let simulator = &world.cloud.simulator;
    simulator.ask(reqwest::Method::PUT, &policy, Some(json!({"encryptionAtRestEnabled": true}))).await.unwrap();
    let before = world.snapshot().await;
    for scope in ["clusters", "project", "role"] {
        let run = world.disable(json!({"scope": scope})).await;
        assert_failed(&run, "Atlas.Conflict", "plan-disable", &["backup compliance policy", "MongoDB Support"]);
        assert_same(&before, &world.snapshot().await, scope);
    }
    // Endpoints are not what it demands.
    world.disable_successfully(json!({"scope": "endpoints", "regions": ["ap-southeast-2"]})).await;
    simulator.ask(reqwest::Method::DELETE, &policy, None).await.unwrap();

    let paused = json!({
        "name": "archive", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": true,
        "encryptionAtRestProvider": "AWS",
    });
    simulator.add_cluster(project, paused).await.unwrap();
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role"})).await;
    assert_failed(&run, "Atlas.Conflict", "plan-disable", &["cluster archive uses the key and is paused", "resume"]);
    assert_same(&before, &world.snapshot().await, "paused");
}

#[tokio::test]
async fn a_role_that_other_features_use_is_named_and_left_until_they_are_gone() {
    let world = World::new().await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    let role_id = world.records().await[0].role_id.to_string();
    let usages = format!("/projects/{}/feature-usages", world.customer().project_id);
    for feature in ["EXPORT_SNAPSHOT", "ATLAS_DATA_LAKE"] {
        let usage = json!({"roleId": role_id, "featureType": feature});
        world.cloud.simulator.ask(reqwest::Method::POST, &usages, Some(usage)).await.unwrap();
    }
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    let output = run.output.unwrap();
    assert!(output["kept"].to_string().contains("ATLAS_DATA_LAKE, EXPORT_SNAPSHOT"), "{output}");
    assert_eq!(world.records().await.len(), 1, "the record stays");
    assert_eq!(world.trust_policy().await.statements().len(), 1, "Atlas may still assume the role");
    assert_eq!(world.registered().await.unwrap()["disabled"], true, "what is left can be found");

    world.cloud.simulator.ask(reqwest::Method::DELETE, &usages, None).await.unwrap();
    world.disable_successfully(json!({"scope": "role"})).await;
    assert_same(&before, &world.snapshot().await, "when nobody uses it any more");
}

#[tokio::test]
async fn what_a_deleted_project_left_behind_in_aws_is_taken_down() {
    let world = World::new().await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    let gone = json!({
        "method": "*", "path": format!("/api/atlas/v2/groups/{}/**", world.customer().project_id), "times": 0,
        "answer": {"status": 404, "errorCode": "GROUP_NOT_FOUND"},
    });
    world.cloud.simulator.add_fault(gone).await.unwrap();
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(changed_steps(&run)[0], "remove-key-use");
    let after = world.snapshot().await;
    for part in ["role", "keys", "registered"] {
        assert_same(&before[part], &after[part], part);
    }
    let nobody = world.disable(json!({"scope": "role"})).await;
    assert_failed(&nobody, "Atlas.Rejected", "plan-disable", &["GROUP_NOT_FOUND", "projectId"]);
}

#[tokio::test]
async fn the_account_of_a_registered_project_need_not_be_named_again() {
    let world = World::with_two_accounts().await;
    let before = world.snapshot().await;
    world.enable_successfully().await;
    world.disable_successfully(json!({"scope": "role"})).await;
    assert_same(&before, &world.snapshot().await, "in two accounts");
}

#[tokio::test]
async fn a_role_that_is_not_ours_to_delete_stays_and_lets_nobody_in_until_it_is_enabled_again() {
    let world = World::new().await;
    world.enable_successfully().await;
    let role = &world.customer().role_name;
    world.iam().untag_role().role_name(role).tag_keys("atlas-cmk:managed-by").send().await.unwrap();
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    let output = run.output.unwrap();
    assert!(output["kept"].to_string().contains("atlas-cmk did not create it"), "{output}");
    assert!(world.role_exists().await);
    assert_eq!(world.records().await.len(), 0);
    let trust = world.trust_policy().await.statements();
    assert_eq!(trust.len(), 1, "a trust policy needs a statement");
    assert_eq!(Value::from(trust[0].clone())["Effect"], "Deny", "and it allows no one");
    let again = world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
    world.enable_successfully().await;
    assert_eq!(world.trust_policy().await.statements().len(), 1, "Atlas is allowed again, and nothing denies it");
}

#[tokio::test]
async fn without_any_one_of_its_permissions_the_way_back_fails_and_names_it() {
    let world = World::new().await;
    guard_key(&world, "us-east-1").await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let secret = "secretsmanager:GetSecretValue";
    // In the order of the run, so that each function is still cold, and each run gets one call further than the one
    // before.
    for (step, actions) in [
        (
            "plan-disable",
            vec![
                secret,
                "dynamodb:GetItem",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListRolePolicies",
                "iam:ListAttachedRolePolicies",
            ],
        ),
        // check-endpoints and the functions of clusters have run while enabling, and keep their secret.
        ("delete-endpoint", vec![secret]),
        ("update-encryption", vec![secret]),
        ("deauthorize-role", vec![secret]),
        (
            "remove-key-use",
            vec![
                "kms:DescribeKey",
                "kms:GetKeyPolicy",
                "kms:ListResourceTags",
                "kms:PutKeyPolicy",
                "kms:UntagResource",
            ],
        ),
        (
            "remove-trust",
            vec![
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListRolePolicies",
                "iam:ListAttachedRolePolicies",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
            ],
        ),
        ("unregister", vec!["dynamodb:GetItem", "ssm:DeleteParameter", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
    ] {
        let role = world.role_of(step);
        for action in actions {
            world.deny(world.hub(), &role, Some(action)).await;
            let run = world.disable(json!({"scope": "role"})).await;
            assert_failed(&run, "Account.AccessDenied", step, &[action]);
            world.deny(world.hub(), &role, None).await;
        }
    }
    world.disable_successfully(json!({"scope": "role"})).await;
    let left = world.registered().await.unwrap();
    assert_eq!((&left["current"], &left["intended"]), (&Value::Null, &Value::Null));
    assert_eq!(left["oldKeys"][0]["key"], world.customer().key_arn(), "old snapshots may need it");
}

#[tokio::test]
async fn a_role_that_two_projects_use_keeps_the_statements_of_the_other() {
    for (world, account) in [(World::with_nothing_in_one_account().await, false), (World::with_nothing().await, true)] {
        let mut input = world.bare_input();
        if !account {
            input["account"] = Value::Null;
        }
        input["clusters"] = Value::Null;
        input["regions"] = Value::Null;
        let mut projects = Vec::new();
        for name in ["payments", "orders"] {
            input["project"]["name"] = json!(name);
            let run = world.enable_with(&input).await;
            assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
            projects.push(run.output.unwrap()["projectId"].as_str().unwrap().to_owned());
        }
        world.approve_everything_of(&projects[0], true).await;
        world.disable_successfully(json!({"projectId": projects[0], "scope": "role"})).await;
        let role = world.customer().role_arn();
        let name = role.rsplit('/').next().unwrap();
        let policy = world.iam().get_role_policy().role_name(name).policy_name("atlas-cmk").send().await.unwrap();
        let policy = policy.policy_document();
        assert!(policy.contains(&projects[1]) && !policy.contains(&projects[0]), "{policy}");
    }
}
