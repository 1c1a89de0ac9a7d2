//! Keys: made, found again, replicated, and let the role in where nothing else does.

use atlas_cmk::policy::Statement;
use serde_json::{Value, json};

use crate::world::{World, administrators, assert_failed, converged_steps, trust_of_others};

#[tokio::test]
async fn from_an_organization_and_an_empty_account_everything_is_made_and_found_again() {
    let world = World::with_nothing().await;
    let input = world.bare_input();
    let first = world.enable_with(&input).await;
    assert_eq!(first.error, None, "{:?}", first.cause);
    assert_eq!(
        converged_steps(&first),
        [
            "ensure-project",
            "ensure-key",
            "replicate-key",
            "create-role",
            "update-trust",
            "update-trust",
            "allow-key-use",
            "allow-key-use",
            "authorize-role",
            "enable-kms",
            "create-endpoint",
            "create-endpoint"
        ]
    );
    let output = first.output.unwrap();
    let key = output["keyArn"].as_str().unwrap();
    for region in ["us-east-1", "eu-west-1"] {
        let kms = world.kms_in(region);
        let arn = key.replace("us-east-1", region);
        let described = kms.describe_key().key_id(&arn).send().await.unwrap().key_metadata.unwrap();
        assert!(described.multi_region.unwrap() && described.enabled);
        let tags = kms.list_resource_tags().key_id(&arn).send().await.unwrap().tags.unwrap();
        let is_ours = tags.iter().any(|tag| tag.tag_key() == "atlas-cmk:managed-by" && tag.tag_value() == "atlas-cmk");
        assert!(is_ours, "{region}: {tags:?}");
    }
    let rotation = world.kms().get_key_rotation_status().key_id(key).send().await.unwrap();
    assert!(rotation.key_rotation_enabled);

    let second = world.enable_with(&input).await;
    assert_eq!(second.error, None, "{:?}", second.cause);
    assert_eq!(second.changes(), [] as [Value; 0]);
    assert_eq!(second.output.unwrap()["keyArn"], key, "found by its alias");
    // An alias is of one region, and the first of the regions may be another one day.
    let mut turned = input.clone();
    turned["regions"] = json!(["eu-west-1", "US_EAST_1"]);
    let third = world.enable_with(&turned).await;
    assert_eq!(third.error, None, "{:?}", third.cause);
    assert_eq!((converged_steps(&third), third.output.clone().unwrap()["keyArn"].clone()), (Vec::new(), json!(key)));
    let keys = world.kms().list_keys().send().await.unwrap().keys.unwrap();
    assert_eq!(keys.len(), 1, "no second key: {keys:?}");
}

#[tokio::test]
async fn a_project_whose_creation_answers_with_an_error_is_not_made_twice() {
    let world = World::with_nothing().await;
    let lost = json!({
        "method": "POST", "path": "/api/atlas/v2/groups", "when": "after",
        "answer": {"status": 500, "errorCode": "UNEXPECTED_ERROR"},
    });
    world.cloud.simulator.add_fault(lost).await.unwrap();
    let run = world.enable_with(&world.bare_input()).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let posts = world.cloud.atlas_writes().await.unwrap();
    assert_eq!(posts.iter().filter(|write| *write == "POST /api/atlas/v2/groups").count(), 1, "{posts:?}");
}

#[tokio::test]
async fn an_alias_of_somebody_elses_key_is_refused_and_the_key_is_left_alone() {
    let world = World::with_nothing().await;
    let theirs = world.kms().create_key().multi_region(true).send().await.unwrap().key_metadata.unwrap();
    world.kms().create_alias().alias_name("alias/atlas-cmk").target_key_id(theirs.key_id()).send().await.unwrap();
    let run = world.enable_with(&world.bare_input()).await;
    assert_failed(&run, "Aws.Conflict", "preflight", &["that differs from those that atlas-cmk creates", "keyArn"]);
    assert_eq!(world.cloud.atlas_writes().await.unwrap(), [] as [String; 0], "no project is made for it");
    let rotation = world.kms().get_key_rotation_status().key_id(theirs.key_id()).send().await.unwrap();
    assert!(!rotation.key_rotation_enabled);
}

#[tokio::test]
async fn a_region_without_a_replica_gets_one_with_the_policy_of_the_primary() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-central-1"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(converged_steps(&run)[0], "replicate-key");
    let (primary, replica) = (world.key_policy("us-east-1").await, world.key_policy("eu-central-1").await);
    let ours = replica.statements().split_off(primary.statements().len());
    let sids: Vec<_> = ours.iter().filter_map(Statement::sid).collect();
    assert!(sids.contains(&"AtlasCmkKeyPolicy"), "KMS takes no policy that locks out who writes it: {sids:?}");
    assert_eq!(sids.into_iter().fold(replica, |policy, sid| policy.remove(sid)), primary);
    assert_eq!(world.enable_with(&input).await.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_key_whose_primary_has_moved_is_still_matching_and_gets_more_replicas_from_there() {
    let world = World::new().await;
    world.enable_successfully().await;
    let key = world.customer().key_arn();
    world.kms().update_primary_region().key_id(&key).primary_region("eu-west-1").send().await.unwrap();
    let verified = world.run_as("verify", &world.customer().input()).await;
    assert_eq!(verified["matches"], true, "{verified}");
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-west-1", "ap-southeast-2", "eu-central-1"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(converged_steps(&run)[0], "replicate-key");
}

#[tokio::test]
async fn a_key_policy_that_leaves_nothing_to_iam_gets_our_statement_and_keeps_every_other() {
    let world = World::new().await;
    for region in ["us-east-1", "eu-west-1", "ap-southeast-2"] {
        world.put_key_policy(region, administrators(&world).await).await;
    }
    let run = world.enable_successfully().await;
    assert_eq!(run.changes().iter().filter(|change| change["step"] == "allow-key-use").count(), 3);
    for region in ["us-east-1", "eu-west-1", "ap-southeast-2"] {
        let statements = world.key_policy(region).await.statements();
        let (foreign, ours) = statements.split_at(2);
        let foreign: Value = foreign.iter().cloned().map(Value::from).collect();
        assert_eq!(foreign.to_string(), administrators(&world).await.to_string(), "byte for byte");
        assert_eq!(ours.len(), 1);
        assert_eq!(Value::from(ours[0].clone())["Principal"]["AWS"], world.customer().role_arn());
    }
    assert_eq!(world.enable().await.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_statement_of_ours_that_names_a_role_which_is_gone_is_repaired() {
    let world = World::new().await;
    let mut statements = administrators(&world).await;
    let (iam, role) = (world.iam(), &world.customer().role_name);
    let created = iam
        .create_role()
        .role_name(role)
        .path("/atlas-cmk/")
        .assume_role_policy_document(trust_of_others())
        .send()
        .await
        .unwrap();
    let orphan = created.role.unwrap().role_id;
    statements.as_array_mut().unwrap().push(json!({
        "Sid": format!("AtlasCmk{}", world.customer().project_id), "Effect": "Allow", "Resource": "*",
        "Principal": {"AWS": world.customer().role_arn()}, "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"],
    }));
    world.put_key_policy("us-east-1", statements).await;
    iam.delete_role().role_name(role).send().await.unwrap();
    assert!(world.key_policy("us-east-1").await.to_json().contains(&orphan), "AWS shows the id in its place");
    let run = world.enable_successfully().await;
    assert!(converged_steps(&run).contains(&"allow-key-use"));
    let policy = world.key_policy("us-east-1").await;
    assert!(!policy.to_json().contains(&orphan) && policy.statements().len() == 3);
}

#[tokio::test]
async fn a_key_that_is_not_ours_to_write_is_not_written_and_the_statement_to_add_is_reported() {
    let world = World::new().await;
    world.put_key_policy("us-east-1", administrators(&world).await).await;
    let before = world.key_policy("us-east-1").await;
    let mut input = world.customer().input();
    input["regions"] = Value::Null;
    input["key"] = json!({"manage": "none"});

    let planned = world.run_as("plan", &input).await;
    let by_hand = &planned["byHand"][0];
    assert_eq!((&by_hand["resource"], &by_hand["policy"]), (&json!(world.customer().key_arn()), &json!("key policy")));
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Kms.AccessDenied", "preflight", &["forbids atlas-cmk to add", "kms:Decrypt"]);
    assert_eq!(world.key_policy("us-east-1").await, before);
    assert_eq!(world.writes().await, [] as [String; 0]);

    let mut statements = administrators(&world).await;
    statements.as_array_mut().unwrap().push(by_hand["statement"].clone());
    world.put_key_policy("us-east-1", statements).await;
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}

#[tokio::test]
async fn a_role_that_is_not_ours_to_write_is_not_written_and_works_once_somebody_has() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = Value::Null;
    input["role"] = json!({"manage": "none"});
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Aws.Conflict", "preflight", &["does not exist, and role.manage forbids"]);

    let iam = world.iam();
    let role = &world.customer().role_name;
    let theirs = trust_of_others();
    iam.create_role()
        .role_name(role)
        .path("/atlas-cmk/")
        .assume_role_policy_document(&theirs)
        .permissions_boundary(world.customer().access_role_boundary())
        .send()
        .await
        .unwrap();
    let allow = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], "Resource": world.customer().key_arn(),
    }]});
    let put = iam.put_role_policy().role_name(role).policy_name("theirs").policy_document(allow.to_string());
    put.send().await.unwrap();
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Aws.Conflict", "update-trust", &["lacks this statement", "sts:ExternalId"]);

    let planned = world.run_as("plan", &input).await;
    let document = json!({"Version": "2012-10-17", "Statement": [planned["byHand"][0]["statement"]]}).to_string();
    iam.update_assume_role_policy().role_name(role).policy_document(document).send().await.unwrap();
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert!(iam.get_role_policy().role_name(role).policy_name("atlas-cmk").send().await.is_err(), "none of ours");
}
