//! Enabling encryption where nothing stands in the way.

use atlas_cmk::{policy::Statement, request::EnableEncryptionOutput};
use serde_json::{Value, json};

use crate::world::{World, changed_steps, converged_steps};

#[tokio::test]
async fn a_fresh_project_is_enabled_and_a_second_run_changes_nothing() {
    let world = World::new().await;
    let first = world.enable_successfully().await;
    assert_eq!(
        changed_steps(&first),
        [
            "create-role",
            "register",
            "update-trust",
            "update-trust",
            "authorize-role",
            "enable-kms",
            "create-endpoint",
            "create-endpoint",
            "create-endpoint",
            "register",
            "register",
            "register",
            "register",
            "register"
        ]
    );
    let output = serde_json::from_value(first.output.clone().unwrap()).unwrap();
    let EnableEncryptionOutput::Apply(output) = output else { panic!("{output:?}") };
    assert_eq!(output.role_arn.to_string(), world.customer().role_arn());
    assert_eq!(output.endpoints.len(), 3);
    assert!(
        output.valid && output.endpoints.iter().all(|endpoint| endpoint.status == "ACTIVE" && endpoint.id.is_some())
    );

    world.cloud.simulator.forget_requests().await.unwrap();
    let second = world.enable_successfully().await;
    assert_eq!(second.changes(), [] as [Value; 0]);
    assert_eq!(world.writes().await, [] as [String; 0]);
    let mut unchanged = first.output.unwrap();
    unchanged["changes"] = json!([]);
    assert_eq!(second.output.unwrap(), unchanged);
}

#[tokio::test]
async fn without_regions_no_private_networking_is_asked_for() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input.as_object_mut().unwrap().remove("regions");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let aws_kms = world.atlas().encryption_at_rest(&world.project_id()).await.unwrap().aws_kms.unwrap();
    assert_eq!((aws_kms.valid, aws_kms.require_private_networking), (Some(true), Some(false)));
    assert_eq!(world.endpoints().await, []);
    assert_eq!(run.output.unwrap()["endpoints"], json!([]));
}

#[tokio::test]
async fn one_region_more_changes_only_that_region() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-west-1"]);
    let first = world.enable_with(&input).await;
    assert_eq!(first.error, None, "{:?}", first.cause);
    let second = world.enable_successfully().await;
    assert_eq!(converged_steps(&second), ["update-trust", "create-endpoint"]);
}

#[tokio::test]
async fn a_service_account_does_as_well_as_an_api_key() {
    let secret = json!({
        "clientId": "mdb_sa_id_66f0a1b2c3d4e5f601234567",
        "clientSecret": "mdb_sa_sk_a-secret-of-atlas",
        "orgId": "66f0a1b2c3d4e5f6000000aa",
    });
    let world = World::with_secret(secret).await;
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let project = world.project().await;
    assert_eq!(project["encryptionAtRest"]["awsKms"]["valid"], true, "{project}");
    let again = world.enable().await;
    assert_eq!(again.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_role_that_others_use_keeps_every_statement_of_theirs() {
    let world = World::new().await;
    let foreign = json!({
        "Sid": "BackupTeam",
        "Effect": "Allow",
        "Principal": {"Service": ["backup.amazonaws.com", "events.amazonaws.com"]},
        "Action": ["sts:AssumeRole"],
    });
    let document = json!({"Version": "2012-10-17", "Statement": [foreign]});
    let role = &world.customer().role_name;
    world
        .iam()
        .create_role()
        .role_name(role)
        .path("/atlas-cmk/")
        .assume_role_policy_document(document.to_string())
        .permissions_boundary(world.customer().access_role_boundary())
        .send()
        .await
        .unwrap();
    let theirs = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]});
    let put = world.iam().put_role_policy().role_name(role).policy_name("theirs").policy_document(theirs.to_string());
    put.send().await.unwrap();

    let run = world.enable_successfully().await;
    assert!(changed_steps(&run).contains(&"update-trust"));
    let trust = world.trust_policy().await;
    assert_eq!(trust.statements().len(), 2);
    assert_eq!(Value::from(trust.statements()[0].clone()).to_string(), foreign.to_string());
    let kept = world.iam().get_role_policy().role_name(role).policy_name("theirs").send().await.unwrap();
    let kept = atlas_cmk::policy::PolicyDocument::parse(kept.policy_document()).unwrap();
    assert_eq!(kept.to_json(), theirs.to_string());
}

#[tokio::test]
async fn a_trust_statement_with_a_wrong_external_id_is_repaired() {
    let world = World::new().await;
    world.enable_successfully().await;
    let sid = format!("AtlasCmk{}", world.customer().project_id);
    let wrong = Statement::trust(&sid, "arn:aws:iam::299602853325:root", "of-another-record");
    let document = world.trust_policy().await.merge(&wrong);
    world.cloud.simulator.behave(json!({"propagationSeconds": 30})).await.unwrap();
    let update = world.iam().update_assume_role_policy().role_name(&world.customer().role_name);
    update.policy_document(document.to_json()).send().await.unwrap();

    let broken = world.atlas().encryption_at_rest(&world.project_id()).await.unwrap();
    assert_eq!(broken.aws_kms.unwrap().valid, Some(false), "Atlas has noticed");
    world.cloud.simulator.forget_requests().await.unwrap();

    let run = world.enable_successfully().await;
    assert_eq!(changed_steps(&run)[0], "update-trust");
    // Only a write shows that it is the role and not the key, and so that it passes.
    assert!(world.writes().await.contains(&"PATCH /encryptionAtRest".to_owned()));
    assert_eq!(world.trust_policy().await.statements().len(), 1);
}

#[tokio::test]
async fn a_field_that_is_null_is_a_field_that_is_left_out() {
    let world = World::new().await;
    let mut input = world.customer().input();
    for field in ["regions", "role", "account", "deadlines"] {
        input[field] = Value::Null;
    }
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(world.endpoints().await, []);
    input["deadlines"] = json!({"endpointMinutes": null});
    input["role"] = json!({"permissionsBoundary": null});
    input["regions"] = json!(["us-east-1"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}

#[tokio::test]
async fn a_project_is_moved_to_another_key_and_the_old_one_stays_usable() {
    let world = World::new().await;
    world.enable_successfully().await;
    let other = world.with_another_key().await;
    let run = world.enable_with(&other.input()).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(converged_steps(&run), ["update-trust", "enable-kms"]);
    let aws_kms = world.atlas().encryption_at_rest(&world.project_id()).await.unwrap().aws_kms.unwrap();
    assert_eq!((aws_kms.customer_master_key_id, aws_kms.valid), (Some(other.key_arn()), Some(true)));
    let allowed = world.allowed_keys().await;
    for key in [world.customer().key_arn(), other.key_arn()] {
        assert!(allowed.contains(&key), "old snapshots need the old key: {allowed:?}");
    }
}

#[tokio::test]
async fn fewer_regions_take_nothing_from_the_endpoints_that_are_there() {
    let world = World::new().await;
    world.enable_successfully().await;
    let before = world.allowed_keys().await;
    for regions in [json!(["us-east-1"]), Value::Null] {
        let mut input = world.customer().input();
        input["regions"] = regions;
        let run = world.enable_with(&input).await;
        assert_eq!(run.error, None, "{:?}", run.cause);
        assert_eq!(converged_steps(&run), [] as [&str; 0]);
    }
    assert_eq!(world.allowed_keys().await, before);
    world.assert_enabled().await;
}
