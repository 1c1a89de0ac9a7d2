//! The template as people deploy it: with every parameter given, and again after it was deleted.

use atlas_cmk_local::Account;
use atlas_cmk_tests::template;
use serde_json::{Value, json};

use crate::world::World;

/// A value that AWS would take for each parameter of the template.
fn every_parameter(world: &World) -> Vec<(String, String)> {
    let hub = &world.hub().id;
    let key = format!("arn:aws:kms:us-east-1:{hub}:key/mrk-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f");
    let declared = template::load_file("infra/template.yaml").unwrap();
    let value = |name: &str| match name {
        "AtlasSecretArn" | "MoreAtlasSecretArns" => {
            format!("arn:aws:secretsmanager:us-east-1:{hub}:secret:atlas-cmk/atlas-AbCdEf")
        }
        "AtlasSecretKeyArn" | "EncryptionKeyArn" | "KeyArns" => key.clone(),
        "AccessRoleName" => "atlas/*".to_owned(),
        "UnboundedRoleArns" => format!("arn:aws:iam::{hub}:role/atlas/theirs"),
        "AccessRoleBoundaryArn"
        | "CrossAccountBoundaryArn"
        | "MoreAccessRoleBoundaryArns"
        | "PermissionsBoundaryArn" => {
            format!("arn:aws:iam::{hub}:policy/boundary")
        }
        "CrossAccountRoleArns" => "arn:aws:iam::*:role/atlas/reports-*,arn:aws:iam::*:role/atlas/nodes-*".to_owned(),
        "CrossAccountBucketArns" => "arn:aws:s3:::reports,arn:aws:s3:::drop-*".to_owned(),
        "CodeSigningConfigArn" => {
            format!("arn:aws:lambda:us-east-1:{hub}:code-signing-config:csc-0123456789abcdef0")
        }
        "AtlasAccountIds" => "299602853325".to_owned(),
        "OrganizationId" => "o-abcde12345".to_owned(),
        "VendingAccountId" => "111122223333".to_owned(),
        "SubnetIds" => "subnet-0123456789abcdef0".to_owned(),
        "SecurityGroupIds" => "sg-0123456789abcdef0".to_owned(),
        "Architecture" => "x86_64".to_owned(),
        _ => declared["Parameters"][name]["Default"]
            .as_str()
            .map_or_else(|| declared["Parameters"][name]["Default"].to_string(), str::to_owned),
    };
    let names = declared["Parameters"].as_object().unwrap().keys();
    names.map(|name| (name.clone(), value(name))).collect()
}

#[tokio::test]
async fn the_template_is_deployed_with_every_parameter_given() {
    let world = World::new().await;
    let parameters = every_parameter(&world);
    assert!(parameters.iter().all(|(_, value)| !value.is_empty() && value != "null"), "{parameters:?}");
    let parameters: Vec<(&str, String)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let name = format!("{}-whole", world.customer().stack);
    let stack = world.deploy_beside(world.hub(), &name, &parameters).await;
    let machine = stack.output("EnableEncryptionArn").unwrap();
    assert!(machine.ends_with(&format!("{name}-enable-encryption")), "{machine}");
    stack.delete_and_wait(&name).await.unwrap();
}

#[tokio::test]
async fn empty_lists_deploy_nothing_of_what_they_are_for() {
    let world = World::new().await;
    let stack = &world.customer().stack;
    let cloudformation = aws_sdk_cloudformation::Client::new(&world.hub().sdk_config());
    let has = async |resource: &str| {
        let describe = cloudformation.describe_stack_resource().stack_name(stack).logical_resource_id(resource);
        describe.send().await.is_ok()
    };
    assert!(has("AtlasTokens").await, "the secret for the token of the stack's own credential");
    assert!(!has("MoreAtlasTokens").await, "the stack has no other credentials");
}

#[tokio::test]
async fn stacks_of_two_names_and_of_two_regions_do_their_work_in_one_account() {
    let mut world = World::with_nothing_in_one_account().await;
    let name = world.customer().stack.clone();
    let elsewhere = world.hub().in_region("eu-west-1");
    let secret = world.customer().seed_secret(&elsewhere).await.unwrap();
    let second = world.deploy_beside(world.hub(), &format!("{name}-second"), &[]).await;
    let abroad = world.deploy_beside(&elsewhere, &name, &[("AtlasSecretArn", secret)]).await;
    let first = std::mem::replace(&mut world.cloud.stack, second);
    for (project, stack) in [("second", None), ("abroad", Some(abroad)), ("first", Some(first))] {
        if let Some(stack) = stack {
            world.cloud.stack = stack;
        }
        let mut input = world.bare_input();
        input["account"] = Value::Null;
        input["project"]["name"] = json!(project);
        input["roleArn"] = json!(format!("arn:aws:iam::{}:role/atlas-cmk/{project}", world.account().id));
        input["key"]["alias"] = json!(format!("alias/{project}"));
        let run = world.enable_with(&input).await;
        assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None), "{project}");
        let output = run.output.unwrap();
        assert_eq!(output["valid"], true, "{project}: {output}");
    }
}

/// The statements of a key's policy that name nobody who is gone.
async fn statements_for(world: &World, region: &str, key: &str) -> Vec<String> {
    let policy = world.kms_in(region).get_key_policy().key_id(key).send().await.unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    policy["Statement"].as_array().unwrap().iter().map(|it| it["Sid"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test]
async fn a_key_that_was_created_is_still_revoked_after_the_stack_was_deleted_and_deployed_again() {
    let mut world = World::with_nothing_in_one_account().await;
    let mut input = world.bare_input();
    input["account"] = Value::Null;
    let run = world.enable_with(&input).await;
    assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
    let output = run.output.unwrap();
    let (project, key) = (output["projectId"].as_str().unwrap(), output["keyArn"].as_str().unwrap());
    let ours = format!("AtlasCmk{project}");
    for region in ["us-east-1", "eu-west-1"] {
        let id = key.replace("us-east-1", region);
        assert!(statements_for(&world, region, &id).await.contains(&ours), "the access role is named in {region}");
    }

    world.redeploy(Vec::new()).await;
    world.approve_everything_of(project, true).await;
    // The new stack has a registry of its own, which does not know the project.
    let down = json!({"projectId": project, "scope": "role", "adopt": true});
    let run = atlas_cmk_local::execution::run(&world.cloud, "DisableEncryptionArn", &down, |_| {}).await.unwrap();
    assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
    for region in ["us-east-1", "eu-west-1"] {
        let id = key.replace("us-east-1", region);
        let left = statements_for(&world, region, &id).await;
        assert!(!left.contains(&ours) && left.contains(&"AtlasCmkKeyPolicy".to_owned()), "{region}: {left:?}");
    }
    assert!(!world.role_exists().await);
}

#[tokio::test]
async fn no_identity_policy_opens_a_key_that_was_created() {
    let world = World::with_nothing_in_one_account().await;
    let mut input = world.bare_input();
    input["account"] = Value::Null;
    input["clusters"] = Value::Null;
    let run = world.enable_with(&input).await;
    assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
    let key = run.output.unwrap()["keyArn"].as_str().unwrap().to_owned();

    // Somebody who may do anything in the account, as far as IAM is concerned.
    let administrator = an_administrator(world.account()).await;
    let kms = aws_sdk_kms::Client::new(&administrator);
    let data = aws_sdk_kms::primitives::Blob::new("secret");
    let refused = |denied: String, call: &str| assert!(denied.contains("AccessDenied"), "{call}: {denied}");
    refused(format!("{:?}", kms.encrypt().key_id(&key).plaintext(data).send().await.unwrap_err()), "Encrypt");
    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*",
        "Resource": "*"}]})
    .to_string();
    refused(format!("{:?}", kms.put_key_policy().key_id(&key).policy(&open).send().await.unwrap_err()), "PutKeyPolicy");
    let replicate = kms.replicate_key().key_id(&key).replica_region("eu-north-1").policy(&open);
    refused(format!("{:?}", replicate.send().await.unwrap_err()), "ReplicateKey");
    // What administrators need, they keep.
    kms.describe_key().key_id(&key).send().await.unwrap();
    kms.disable_key().key_id(&key).send().await.unwrap();
    kms.enable_key().key_id(&key).send().await.unwrap();
}

/// A session of a role that IAM allows everything.
async fn an_administrator(account: &Account) -> aws_types::SdkConfig {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", account.id)}, "Action": "sts:AssumeRole"},
    ]});
    iam.create_role().role_name("admin").assume_role_policy_document(trust.to_string()).send().await.unwrap();
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let put = iam.put_role_policy().role_name("admin").policy_name("all").policy_document(all.to_string());
    put.send().await.unwrap();
    account.session_of("admin", "test").await.unwrap()
}
