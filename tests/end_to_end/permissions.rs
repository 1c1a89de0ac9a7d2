//! Each permission of each function is there because the run fails without it.
//!
//! Left out are those the engine does not ask for (`kms:TagResource` of what is made with a tag, `kms:CreateKey` of a
//! replica), and those without which a function does its work all the same: looking into boundaries and asking IAM's
//! simulator, and sharing a token.

use serde_json::{Value, json};

use crate::world::{World, assert_failed, diagnosis, sample};

/// Denies the function's role each action in turn, and expects the run to fail for it in the step.
async fn assert_each_is_missed(world: &World, input: &Value, step: &str, actions: &[&str]) {
    let role = world.role_of(step);
    for action in actions {
        world.deny(world.hub(), &role, Some(action)).await;
        let run = world.enable_with(input).await;
        assert_failed(&run, "Account.AccessDenied", step, &[action]);
        world.deny(world.hub(), &role, None).await;
    }
}

#[tokio::test]
async fn without_any_one_of_its_permissions_a_step_fails_and_names_it() {
    let world = World::with_nothing_in_one_account().await;
    let mut input = world.bare_input();
    input["account"] = Value::Null;
    input["clusters"] = Value::Null;
    // In the order of the run, so that each function is still cold, and each run gets one call further than the one
    // before.
    let secret = "secretsmanager:GetSecretValue";
    assert_each_is_missed(&world, &input, "preflight", &[secret, "iam:GetRole", "kms:DescribeKey"]).await;
    let mut planned = input.clone();
    planned["mode"] = json!("plan");
    assert_each_is_missed(&world, &planned, "preflight", &["kms:ListKeys"]).await;
    assert_eq!(world.enable_with(&planned).await.error, None);
    assert_each_is_missed(&world, &input, "ensure-project", &[secret]).await;
    let making = ["kms:DescribeKey", "kms:ListKeys", "kms:CreateKey", "kms:CreateAlias", "kms:EnableKeyRotation"];
    assert_each_is_missed(&world, &input, "ensure-key", &making).await;
    let keys = world.kms().list_keys().send().await.unwrap().keys.unwrap();
    // The stack has a key too, for its topic.
    let keys: Vec<_> = keys.iter().filter_map(|key| key.key_id()).filter(|id| id.starts_with("mrk-")).collect();
    assert_eq!(keys.len(), 1, "what was made and left behind is adopted: {keys:?}");
    assert_each_is_missed(&world, &input, "ensure-key", &["kms:GetKeyRotationStatus"]).await;
    assert_each_is_missed(&world, &input, "preflight", &["kms:GetKeyPolicy"]).await;
    let replicating = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListResourceTags", "kms:ReplicateKey"];
    assert_each_is_missed(&world, &input, "replicate-key", &replicating).await;

    let planning = ["kms:GetKeyRotationStatus", "kms:ListResourceTags", "dynamodb:GetItem"];
    assert_each_is_missed(&world, &input, "preflight", &planning).await;

    let registering = [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "iam:GetRole",
        "kms:DescribeKey",
        "kms:ListResourceTags",
        "iam:TagRole",
        "kms:TagResource",
        "ssm:PutParameter",
    ];
    assert_each_is_missed(&world, &input, "register", &registering).await;

    // The role is there now, and a policy of it to be read.
    assert_each_is_missed(&world, &input, "preflight", &["iam:GetRolePolicy"]).await;

    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "with all of them it works: {:?}", run.cause);
    let output = run.output.unwrap();
    let project = output["projectId"].as_str().unwrap();
    let cluster = json!({"name": "orders", "instanceSize": "M10", "regions": ["US_EAST_1"]});
    world.cloud.simulator.add_cluster(project, cluster).await.unwrap();
    input["clusters"] = json!("all");
    assert_each_is_missed(&world, &input, "check-cluster", &[secret]).await;
    assert_each_is_missed(&world, &input, "set-cluster-encryption", &[secret]).await;
}

#[tokio::test]
async fn without_any_one_of_its_permissions_no_key_policy_is_granted() {
    let world = World::new().await;
    let account = &world.account().id;
    let statements = json!([{
        "Sid": "Functions", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
        "Action": ["kms:DescribeKey", "kms:Get*", "kms:PutKeyPolicy", "kms:List*", "kms:TagResource"], "Resource": "*",
    }]);
    world.put_key_policy("us-east-1", statements).await;
    let mut input = world.customer().input();
    input["regions"] = Value::Null;
    assert_each_is_missed(&world, &input, "allow-key-use", &["kms:GetKeyPolicy", "kms:PutKeyPolicy"]).await;
    assert_eq!(world.key_policy("us-east-1").await.statements().len(), 1);
}

#[tokio::test]
async fn a_diagnosis_that_cannot_be_published_says_so_and_is_made_all_the_same() {
    let world = World::new().await;
    world.deny(world.hub(), &world.role_of("diagnose"), Some("sns:Publish")).await;
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    let run = world.enable().await;
    let reported = diagnosis(&run);
    assert!(reported["cause"].as_str().unwrap().contains("is disabled"), "{reported}");
    assert!(reported["notPublished"].as_str().unwrap().contains("sns:Publish"), "{reported}");
}

#[tokio::test]
async fn what_the_role_in_the_other_account_may_not_do_is_found_before_anything_is_written() {
    let world = World::with_two_accounts().await;
    for action in ["iam:CreateRole", "iam:PutRolePolicy"] {
        world.deny(world.account(), "AtlasCmkSpoke-iam", Some(action)).await;
        let run = world.enable().await;
        assert_failed(&run, "Account.AccessDenied", "preflight", &[action, "AtlasCmkSpoke-iam", "infra/spoke.yaml"]);
        world.deny(world.account(), "AtlasCmkSpoke-iam", None).await;
    }
    assert_eq!(world.writes().await, [] as [String; 0]);
    world.enable_successfully().await;
}

#[tokio::test]
async fn without_any_one_of_its_permissions_nothing_that_events_start_goes_on_and_it_is_named() {
    let world = World::new().await;
    world.enable_successfully().await;
    let project = json!(world.customer().project_id);
    let turn = json!({"request": {"projectId": project}, "projectId": project, "execution": "of-nobody"});
    let change = sample("changes/kms-enable-key.json").to_string();
    let change = change.replace("444455556666", &world.account().id);
    let change = change.replace("1234abcd12ab34cd56ef1234567890ab", &world.customer().key_id);
    let change: Value = serde_json::from_str(&change).unwrap();
    let report = json!({"sweep": {"projects": [], "results": [], "otherFindings": []}});
    let drift = json!({"drift": {"projectId": project, "state": "drifted"}});
    let profile = sample("steps/put-profile.json");
    let of_project = json!({"project": {"projectId": project}});
    for (function, input, actions) in [
        ("take-turn", &turn, &["dynamodb:GetItem", "states:DescribeExecution", "dynamodb:PutItem"] as &[&str]),
        ("list-projects", &json!({"request": {}}), &["dynamodb:Query", "dynamodb:BatchGetItem"]),
        ("check-credential", &of_project, &["secretsmanager:GetSecretValue"]),
        ("publish-report", &report, &["sns:Publish"]),
        ("publish-report", &drift, &["sns:Publish"]),
        ("put-profile", &profile, &["dynamodb:Query", "dynamodb:PutItem"]),
        ("on-change", &change, &["dynamodb:Query", "dynamodb:BatchGetItem", "states:StartExecution"]),
    ] {
        let role = world.role_of(function);
        for action in actions {
            world.deny(world.hub(), &role, Some(action)).await;
            let run = world.invoke(function, input).await;
            assert_eq!(
                run.error.as_deref(),
                Some("Account.AccessDenied"),
                "{function} without {action}: {:?}",
                run.output
            );
            assert!(run.cause.as_deref().unwrap().contains(action), "{function}: {:?}", run.cause);
            world.deny(world.hub(), &role, None).await;
        }
        let run = world.invoke(function, input).await;
        assert_eq!(run.error, None, "{function}, with all of them: {:?}", run.cause);
    }

    // A pipeline is never failed: what is missing is in the answer.
    let role = world.role_of("on-account-vended");
    let event = sample("vending/controltower-create-managed-account.json");
    for action in ["dynamodb:Query", "dynamodb:GetItem", "states:StartExecution", "dynamodb:PutItem"] {
        world.deny(world.hub(), &role, Some(action)).await;
        let answer = world.invoke("on-account-vended", &event).await.output.unwrap();
        assert_eq!(answer["accounts"][0]["result"], "problem", "{answer}");
        assert!(answer["accounts"][0]["reason"].as_str().unwrap().contains(action), "{answer}");
        world.deny(world.hub(), &role, None).await;
    }
    // What Organizations may not be asked is done without.
    world.deny(world.hub(), &role, Some("organizations:*")).await;
    let answer = world.invoke("on-account-vended", &event).await.output.unwrap();
    assert!(["started", "known"].contains(&answer["accounts"][0]["result"].as_str().unwrap()), "{answer}");
}
