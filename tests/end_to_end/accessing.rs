//! Cross-account access under an external ID: set up, verified, repaired and removed, beside others who use the same
//! roles.

use atlas_cmk_local::{
    Account,
    execution::{self, Run},
    seed::EXTERNAL_ID,
};
use serde_json::{Value, json};

use crate::world::{World, assert_failed, changed_steps};

const SOURCE: &str = "node";
const TARGET: &str = "keys";

fn arn(account: &Account, name: &str) -> String {
    format!("arn:aws:iam::{}:role/atlas-cmk/{name}", account.id)
}

fn spoke(account: &Account) -> String {
    format!("arn:aws:iam::{}:role/AtlasCmkSpoke", account.id)
}

async fn create_role(world: &World, account: &Account, name: &str, principal: Value) {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Theirs", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"},
    ]});
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let create = iam.create_role().role_name(name).path("/atlas-cmk/").assume_role_policy_document(trust.to_string());
    create.permissions_boundary(world.cloud.cross_account_boundary(account).unwrap()).send().await.unwrap();
}

/// A source role in the hub that our functions may assume, and a target role in the other account.
pub(crate) async fn two_roles(world: &World) {
    let root = format!("arn:aws:iam::{}:root", world.hub().id);
    create_role(world, world.hub(), SOURCE, json!({"AWS": root})).await;
    create_role(world, world.account(), TARGET, json!({"Service": "transfer.amazonaws.com"})).await;
}

pub(crate) fn input(world: &World) -> Value {
    json!({
        "name": "S3Keys",
        "sourceRoleArn": arn(world.hub(), SOURCE),
        "targetRoleArn": arn(world.account(), TARGET),
        "target": {"roleArn": spoke(world.account()), "externalId": EXTERNAL_ID},
    })
}

async fn run(world: &World, input: &Value) -> Run {
    execution::run(&world.cloud, "CrossAccountAccessArn", input, |_| {}).await.unwrap()
}

async fn run_successfully(world: &World, input: &Value) -> Run {
    let run = run(world, input).await;
    assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None), "{input}");
    run
}

/// Trust policy and attachments of a role, and the managed policies of its account.
async fn side(account: &Account, name: &str) -> Value {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let role = iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
    let attached = iam.list_attached_role_policies().role_name(name).send().await.unwrap();
    let attached: Vec<&str> = attached.attached_policies().iter().filter_map(|it| it.policy_arn()).collect();
    let own = iam.list_policies().path_prefix("/atlas-cmk/").send().await.unwrap();
    let own: Vec<&str> = own.policies().iter().filter_map(|it| it.arn()).collect();
    json!({"trust": role.assume_role_policy_document(), "attached": attached, "policies": own})
}

pub(crate) async fn both(world: &World) -> Value {
    json!([side(world.hub(), SOURCE).await, side(world.account(), TARGET).await])
}

#[tokio::test]
async fn an_access_is_set_up_tried_and_taken_down_until_both_accounts_are_as_they_were() {
    let world = World::with_two_accounts().await;
    two_roles(&world).await;
    let before = both(&world).await;
    let mut whole = input(&world);
    whole["buckets"] = json!([{"name": "atc-data", "access": ["list", "read", "write"]}]);

    let mut plan = whole.clone();
    plan["mode"] = json!("plan");
    let planned = run_successfully(&world, &plan).await;
    assert_eq!(both(&world).await, before, "planning changes nothing");
    let first = run_successfully(&world, &whole).await;
    let mut steps = changed_steps(&first);
    let mut planned: Vec<&str> = changed_steps(&planned);
    // Both sides are set up at the same time.
    steps.sort_unstable();
    planned.sort_unstable();
    assert_eq!(steps, planned);
    assert_eq!(
        steps,
        [
            "converge-access-policy",
            "converge-access-policy",
            "converge-attachment",
            "converge-attachment",
            "update-trust",
            "update-trust"
        ]
    );
    let output = first.output.clone().unwrap();
    assert_eq!(output["verified"], "byAssuming");
    let external_id = output["externalId"].as_str().unwrap();
    assert_eq!(external_id.len(), 36, "made up: {external_id}");
    assert_eq!(output["policyArns"].as_array().unwrap().len(), 2);

    let again = run_successfully(&world, &whole).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
    assert_eq!(again.output.unwrap()["externalId"], external_id, "what is in force stays");

    // Another one that is given takes its place, and other buckets theirs.
    whole["externalId"] = json!("given-by-the-customer");
    whole["buckets"] = json!([{"name": "atc-data", "access": ["list"]}]);
    let changed = run_successfully(&world, &whole).await;
    assert_eq!(changed_steps(&changed), ["update-trust", "converge-access-policy"]);

    whole["mode"] = json!("remove");
    let removed = run_successfully(&world, &whole).await;
    assert_eq!(removed.changes().len(), 5, "{:?}", removed.changes());
    assert_eq!(both(&world).await, before);
    let again = run_successfully(&world, &whole).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn where_the_source_role_lets_nobody_in_both_sides_are_read() {
    let world = World::with_two_accounts().await;
    create_role(&world, world.hub(), SOURCE, json!({"Service": "ec2.amazonaws.com"})).await;
    create_role(&world, world.account(), TARGET, json!({"Service": "transfer.amazonaws.com"})).await;
    let run = run_successfully(&world, &input(&world)).await;
    assert_eq!(run.output.unwrap()["verified"], "byPolicies");
}

#[tokio::test]
async fn an_access_that_works_without_the_external_id_is_no_access_of_ours() {
    let world = World::with_two_accounts().await;
    let root = format!("arn:aws:iam::{}:root", world.hub().id);
    create_role(&world, world.hub(), SOURCE, json!({"AWS": root})).await;
    create_role(&world, world.account(), TARGET, json!({"AWS": root})).await;
    let before = both(&world).await;
    let run = run(&world, &input(&world)).await;
    assert_failed(
        &run,
        "Access.VerificationFailed",
        "plan-access",
        &["allows the source role to assume it without an external ID", "Theirs"],
    );
    assert_eq!(both(&world).await, before, "nothing was written");
}

#[tokio::test]
async fn a_role_that_is_missing_or_a_policy_that_is_not_ours_is_reported_before_anything_is_written() {
    let world = World::with_two_accounts().await;
    create_role(&world, world.hub(), SOURCE, json!({"Service": "ec2.amazonaws.com"})).await;
    let missing = run(&world, &input(&world)).await;
    assert_failed(
        &missing,
        "Aws.Conflict",
        "plan-access",
        &["does not exist, and atlas-cmk does not create it", TARGET],
    );

    create_role(&world, world.account(), TARGET, json!({"Service": "transfer.amazonaws.com"})).await;
    let iam = aws_sdk_iam::Client::new(&world.hub().sdk_config());
    let theirs = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]});
    let create = iam.create_policy().policy_name("AtlasCmkS3KeysAssumeRole").path("/atlas-cmk/access/");
    create.policy_document(theirs.to_string()).send().await.unwrap();
    let before = both(&world).await;
    let foreign = run(&world, &input(&world)).await;
    assert_failed(
        &foreign,
        "Aws.Conflict",
        "plan-access",
        &["already exists and is not managed by atlas-cmk", "choose another name"],
    );
    let mut wrong = input(&world);
    wrong["targetRoleArn"] = json!("arn:aws:s3::444455556666/atc-s3-access-keys");
    let refused = run(&world, &wrong).await;
    assert_failed(&refused, "Input.Invalid", "plan-access", &["targetRoleArn", "ARN of an IAM role"]);
    assert_eq!(both(&world).await, before);
}

#[tokio::test]
async fn the_role_through_which_the_functions_reach_another_account_can_be_set_up_like_any_other() {
    let world = World::with_two_accounts().await;
    // The functions of the stack, let into a role for which they have rights of their own.
    let functions = format!("arn:aws:iam::{}:role/stacks/{}/*", world.hub().id, world.customer().stack);
    create_role(&world, world.account(), TARGET, json!({"Service": "transfer.amazonaws.com"})).await;
    let mut whole = input(&world);
    whole["name"] = json!("Spoke");
    whole["sourceRoleArn"] = json!(functions);
    let run = run_successfully(&world, &whole).await;
    assert_eq!(changed_steps(&run), ["update-trust", "update-trust"], "their own policies are those of the stack");
    assert_eq!(run.output.unwrap()["verified"], "byAssuming", "verify-access is one of them");
}

#[tokio::test]
async fn without_any_one_of_its_permissions_an_access_is_not_set_up() {
    let world = World::with_two_accounts().await;
    two_roles(&world).await;
    for (step, actions) in [
        ("plan-access", vec!["iam:GetPolicy", "iam:GetRole", "iam:ListAttachedRolePolicies"]),
        ("converge-access-policy", vec!["iam:GetPolicy", "iam:CreatePolicy"]),
        ("converge-attachment", vec!["iam:ListAttachedRolePolicies", "iam:AttachRolePolicy"]),
    ] {
        let role = world.role_of(step);
        for action in actions {
            world.deny(world.hub(), &role, Some(action)).await;
            let run = run(&world, &input(&world)).await;
            assert_failed(&run, "Account.AccessDenied", step, &[action]);
            world.deny(world.hub(), &role, None).await;
        }
    }
    run_successfully(&world, &input(&world)).await;
}

#[tokio::test]
async fn an_access_to_a_role_of_the_hub_is_set_up_and_its_buckets_change_more_often_than_iam_keeps_versions() {
    let world = World::with_two_accounts().await;
    create_role(&world, world.account(), SOURCE, json!({"Service": "ec2.amazonaws.com"})).await;
    create_role(&world, world.hub(), TARGET, json!({"Service": "transfer.amazonaws.com"})).await;
    let theirs = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]});
    let iam = aws_sdk_iam::Client::new(&world.hub().sdk_config());
    let put = iam.put_role_policy().role_name(TARGET).policy_name("theirs").policy_document(theirs.to_string());
    put.send().await.unwrap();
    let mut input = json!({
        "name": "S3Keys",
        "sourceRoleArn": arn(world.account(), SOURCE),
        "targetRoleArn": arn(world.hub(), TARGET),
        "source": {"roleArn": spoke(world.account()), "externalId": EXTERNAL_ID},
    });
    for bucket in 0..7 {
        input["buckets"] = json!([{"name": format!("atc-{bucket}"), "access": ["list"]}]);
        let run = run_successfully(&world, &input).await;
        assert_eq!(run.output.unwrap()["verified"], "byPolicies", "nobody but EC2 may be the source role");
    }
    let policies = iam.list_policies().path_prefix("/atlas-cmk/").send().await.unwrap();
    let [policy] = policies.policies() else { panic!("{policies:?}") };
    let versions = iam.list_policy_versions().policy_arn(policy.arn().unwrap()).send().await.unwrap();
    assert_eq!(versions.versions().len(), 5);
}

#[tokio::test]
async fn one_name_connects_one_source_and_one_target_for_ever() {
    let world = World::with_two_accounts().await;
    two_roles(&world).await;
    let first = run_successfully(&world, &input(&world)).await;
    let registered = &first.changes()[0];
    assert_eq!((&registered["resource"], &registered["action"]), (&json!("access#S3Keys"), &json!("create")));
    let mut remove = input(&world);
    remove["mode"] = json!("remove");
    run_successfully(&world, &remove).await;

    create_role(&world, world.hub(), "other", json!({"Service": "ec2.amazonaws.com"})).await;
    let before = both(&world).await;
    let mut other = input(&world);
    other["sourceRoleArn"] = json!(arn(world.hub(), "other"));
    let refused = run(&world, &other).await;
    assert_failed(&refused, "Aws.Conflict", "plan-access", &["name:", &arn(world.hub(), SOURCE), "another name"]);
    let mut step = json!({"accessName": "S3Keys", "roleArn": other["sourceRoleArn"], "execution": "forged"});
    step["grants"] = json!({"assumeRole": other["targetRoleArn"]});
    let refused = world.invoke("converge-access-policy", &step).await;
    assert_eq!(refused.error.as_deref(), Some("Aws.Conflict"), "{:?}", refused.cause);
    assert_eq!(both(&world).await, before);
}

#[tokio::test]
async fn an_access_connects_listed_roles_of_accounts_in_the_organization() {
    let mut world = World::with_two_accounts().await;
    two_roles(&world).await;
    let before = both(&world).await;
    let attempt = async |world: &World, change: Value, name: &str, words: &[&str]| {
        let mut input = input(world);
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_failed(&run(world, &input).await, name, "plan-access", words);
        assert_eq!(both(world).await, before);
    };
    let outside = "arn:aws:iam::991122223333:role/atlas-cmk/evil/*";
    let unlisted = format!("arn:aws:iam::{}:role/deployer", world.account().id);
    attempt(&world, json!({"sourceRoleArn": outside}), "Input.Invalid", &["source:", "infra/spoke.yaml"]).await;
    let theirs = json!({"roleArn": "arn:aws:iam::991122223333:role/AtlasCmkSpoke", "externalId": EXTERNAL_ID});
    attempt(&world, json!({"sourceRoleArn": outside, "source": theirs}), "Account.NotReady", &["cannot be assumed"])
        .await;
    attempt(&world, json!({"targetRoleArn": unlisted}), "Input.Invalid", &["targetRoleArn:", "CrossAccountRoleArns"])
        .await;
    let bucket = json!([{"name": "bank-statements", "access": ["read"]}]);
    attempt(&world, json!({"buckets": bucket}), "Input.Invalid", &["buckets[0].name:", "CrossAccountBucketArns"]).await;
    attempt(&world, json!({"externalId": "ab"}), "Input.Invalid", &["externalId:", "16"]).await;

    // The default.
    world.redeploy(vec![("CrossAccountRoleArns", String::new())]).await;
    attempt(&world, json!({}), "Deployment.Invalid", &["cross-account access is off"]).await;
}
