//! What a security review did with the policies of an earlier version, by the numbers of its findings. Each attack is
//! refused; and each succeeds with the statements of then (`old_statements.json`), so that none is refused because it is a
//! wrong attack.

use std::sync::LazyLock;

use atlas_cmk_local::{Account, seed::EXTERNAL_ID};
use aws_sdk_iam::{error::ProvideErrorMetadata, types::Tag};
use serde_json::{Value, json};

use crate::{
    attacker,
    world::{World, assert_failed},
};

static OLD_STATEMENTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("old_statements.json")).unwrap());

const EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

/// The error code of a call that was refused.
fn outcome<T, E>(answer: Result<T, aws_sdk_iam::error::SdkError<E>>) -> Result<(), String>
where
    aws_sdk_iam::error::SdkError<E>: ProvideErrorMetadata,
{
    answer.map(drop).map_err(|error| error.code().unwrap_or("no code").to_owned())
}

/// Tries an attack with the rights of a role, and once more with the statements that the role had then.
async fn refused_now(finding: &str, account: &Account, role: &str, attack: impl AsyncFn() -> Result<(), String>) {
    let refused = attack().await.expect_err(finding);
    assert!(refused.starts_with("AccessDenied"), "{finding}: {refused}");
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let document = json!({"Version": "2012-10-17", "Statement": OLD_STATEMENTS[finding]}).to_string();
    iam.put_role_policy().role_name(role).policy_name("old").policy_document(document).send().await.unwrap();
    // There was none of what denies now.
    for policy in iam.list_attached_role_policies().role_name(role).send().await.unwrap().attached_policies() {
        let arn = policy.policy_arn().unwrap();
        iam.detach_role_policy().role_name(role).policy_arn(arn).send().await.unwrap();
    }
    attack().await.unwrap_or_else(|code| panic!("{finding}: {code} with the old statements"));
}

/// A role that somebody else has, without a permissions boundary.
async fn role_of_others(account: &Account, name: &str) -> String {
    let trust = trust_of(account);
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    iam.create_role().path("/atlas-cmk/").role_name(name).assume_role_policy_document(&trust).send().await.unwrap();
    trust
}

fn trust_of(account: &Account) -> String {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[tokio::test]
async fn a_function_that_reads_becomes_no_administrator_of_another_account() {
    let world = World::with_two_accounts().await;
    let account = world.account();
    let sts = aws_sdk_sts::Client::new(&attacker::inside(&world, "describe").await);
    let attack = async |iam: &aws_sdk_iam::Client| {
        let role = iam.create_role().path("/atlas-cmk/").role_name("pwn");
        outcome(role.assume_role_policy_document(trust_of(account)).send().await)?;
        outcome(iam.put_role_policy().role_name("pwn").policy_name("all").policy_document(EVERYTHING).send().await)
    };
    let assume = sts.assume_role().role_arn(format!("arn:aws:iam::{}:role/AtlasCmkSpoke", account.id));
    let session = assume.external_id(EXTERNAL_ID).role_session_name("attack").send().await.unwrap();
    let now = aws_sdk_iam::Client::new(&attacker::with(account, session.credentials.unwrap()));
    assert_eq!(attack(&now).await, Err("AccessDenied".to_owned()));
    // What the role could do then.
    let owner = aws_sdk_iam::Client::new(&account.sdk_config());
    owner.create_role().role_name("Then").assume_role_policy_document(trust_of(account)).send().await.unwrap();
    let document = json!({"Version": "2012-10-17", "Statement": OLD_STATEMENTS["2"]}).to_string();
    owner.put_role_policy().role_name("Then").policy_name("old").policy_document(document).send().await.unwrap();
    let then = aws_sdk_iam::Client::new(&account.session_of("Then", "attack").await.unwrap());
    attack(&then).await.unwrap();
    // Nor does it assume the role that writes.
    let assume = sts.assume_role().role_arn(format!("arn:aws:iam::{}:role/AtlasCmkSpoke-iam", account.id));
    let refused = outcome(assume.external_id(EXTERNAL_ID).role_session_name("attack").send().await);
    assert_eq!(refused, Err("AccessDenied".to_owned()));
}

#[tokio::test]
async fn functions_of_the_hub_give_no_rights_and_open_no_key() {
    let world = World::new().await;
    let hub = world.hub();
    let owner = aws_sdk_iam::Client::new(&hub.sdk_config());
    let trust = role_of_others(hub, "deployer").await;

    let policy = owner.create_policy().path("/atlas-cmk/access/").policy_name("wide").policy_document(EVERYTHING);
    let policy = policy.send().await.unwrap().policy.unwrap().arn.unwrap();
    let iam = aws_sdk_iam::Client::new(&attacker::inside(&world, "converge-attachment").await);
    let attack = async || outcome(iam.attach_role_policy().role_name("deployer").policy_arn(&policy).send().await);
    refused_now("3", hub, &world.role_of("converge-attachment"), attack).await;

    let iam = aws_sdk_iam::Client::new(&attacker::inside(&world, "update-trust").await);
    let attack = async || {
        let foreign = Tag::builder().key("team").value("security").build().unwrap();
        let ours = Tag::builder().key("atlas-cmk:managed-by").value("atlas-cmk").build().unwrap();
        outcome(iam.tag_role().role_name("deployer").tags(foreign).tags(ours).send().await)?;
        let create = iam.create_role().path("/atlas-cmk/").role_name("pwn").assume_role_policy_document(&trust);
        outcome(create.send().await)?;
        outcome(iam.put_role_policy().role_name("pwn").policy_name("all").policy_document(EVERYTHING).send().await)
    };
    refused_now("4", hub, &world.role_of("update-trust"), attack).await;

    let keys = aws_sdk_kms::Client::new(&hub.sdk_config());
    let key = keys.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
    let ours = aws_sdk_kms::types::Tag::builder().tag_key("atlas-cmk:managed-by").tag_value("atlas-cmk").build();
    keys.tag_resource().key_id(&key).tags(ours.unwrap()).send().await.unwrap();
    let stranger = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
    ]});
    let kms = aws_sdk_kms::Client::new(&attacker::inside(&world, "allow-key-use").await);
    let attack = async || {
        let put = kms.put_key_policy().key_id(&key).policy_name("default").policy(stranger.to_string());
        put.send().await.map(drop).map_err(|error| error.code().unwrap_or("no code").to_owned())
    };
    refused_now("5", hub, &world.role_of("allow-key-use"), attack).await;

    let boundary = owner.create_policy().path("/atlas-cmk/").policy_name("boundary").policy_document(EVERYTHING);
    let boundary = boundary.send().await.unwrap().policy.unwrap().arn.unwrap();
    let iam = aws_sdk_iam::Client::new(&attacker::inside(&world, "converge-access-policy").await);
    let attack = async || {
        let ours = Tag::builder().key("atlas-cmk:managed-by").value("atlas-cmk").build().unwrap();
        outcome(iam.tag_policy().policy_arn(&boundary).tags(ours).send().await)?;
        let version = iam.create_policy_version().policy_arn(&boundary).policy_document(EVERYTHING);
        outcome(version.set_as_default(true).send().await)
    };
    refused_now("10", hub, &world.role_of("converge-access-policy"), attack).await;
}

#[tokio::test]
async fn nobody_leaves_the_organization_or_approves_what_he_started() {
    let world = World::new().await;
    let outsider = Account::new(format!("99{}", &world.hub().id[2..]), world.hub().endpoint());
    let theirs = aws_sdk_iam::Client::new(&outsider.sdk_config());
    let create = theirs.create_role().role_name("AtlasCmkSpoke").assume_role_policy_document(trust_of(world.hub()));
    create.send().await.unwrap();
    let sts = aws_sdk_sts::Client::new(&attacker::inside(&world, "describe").await);
    let attack = async || {
        let assume = sts.assume_role().role_arn(format!("arn:aws:iam::{}:role/AtlasCmkSpoke", outsider.id));
        outcome(assume.role_session_name("attack").send().await)
    };
    refused_now("7", world.hub(), &world.role_of("describe"), attack).await;

    let starter = attacker::role_with(world.hub(), "Starter", "lambda:*").await;
    let iam = aws_sdk_iam::Client::new(&world.hub().sdk_config());
    let starters = world.cloud.stack.output("StartersPolicyArn").unwrap();
    iam.attach_role_policy().role_name("Starter").policy_arn(starters).send().await.unwrap();
    let path = format!("{}-answer-approval/invocations", world.customer().stack);
    let attack = async || {
        let answer = attacker::lambda(&starter, "POST", &path, &json!({"projectId": "of-others"})).await;
        answer.map(drop).map_err(|status| if status == 403 { "AccessDenied".to_owned() } else { status.to_string() })
    };
    refused_now("8", world.hub(), "Starter", attack).await;
}

#[tokio::test]
async fn without_their_policies_the_token_and_the_registry_are_open_to_administrators() {
    let world = World::new().await;
    let administrator = attacker::role_with(world.hub(), "Administrator", "*").await;
    let root = world.hub().sdk_config();
    let topic = world.cloud.stack.output("NotificationsArn").unwrap();
    let forged = aws_sdk_sns::Client::new(&administrator).publish().topic_arn(topic).message("approval-requested");
    let refused = forged.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AuthorizationError"), "{refused:?}");

    let id = format!("{}/tokens", world.customer().stack);
    let read = async || {
        let secrets = aws_sdk_secretsmanager::Client::new(&administrator);
        let read = secrets.get_secret_value().secret_id(&id).send().await;
        read.map(drop).map_err(|error| error.code().unwrap_or("no code").to_owned())
    };
    assert_eq!(read().await, Err("AccessDeniedException".to_owned()));
    aws_sdk_secretsmanager::Client::new(&root).delete_resource_policy().secret_id(&id).send().await.unwrap();
    read().await.unwrap();

    let table = world.cloud.stack.output("RegistryName").unwrap();
    let write = async || {
        let item = json!({"pk": "project#66f0a1b2c3d4e5f601234567", "sk": "state", "schemaVersion": 1});
        let put = aws_sdk_dynamodb::Client::new(&administrator).put_item().table_name(table);
        let put = put.set_item(Some(serde_dynamo::to_item(item).unwrap())).send().await;
        put.map(drop).map_err(|error| error.code().unwrap_or("no code").to_owned())
    };
    assert_eq!(write().await, Err("AccessDeniedException".to_owned()));
    let arn = format!("arn:aws:dynamodb:us-east-1:{}:table/{table}", world.hub().id);
    aws_sdk_dynamodb::Client::new(&root).delete_resource_policy().resource_arn(arn).send().await.unwrap();
    write().await.unwrap();
}

#[tokio::test]
async fn a_principal_of_another_account_than_those_of_atlas_is_not_trusted() {
    let mut world = World::new().await;
    world.redeploy(vec![("AtlasAccountIds", "536727724300".to_owned())]).await;
    let refused = world.enable().await;
    assert_failed(&refused, "Atlas.Conflict", "create-role", &["299602853325", "AtlasAccountIds"]);
    assert!(!world.role_exists().await);
    let forged = json!({
        "projectId": world.customer().project_id, "roleArn": world.customer().input()["roleArn"],
        "keyArn": world.customer().key_arn(), "principalArn": "arn:aws:iam::888877776666:root",
        "externalId": "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e",
    });
    let refused = world.invoke("update-trust", &forged).await;
    assert_eq!(refused.error.as_deref(), Some("Atlas.Conflict"), "{:?}", refused.cause);
    assert!(!world.role_exists().await);

    world.redeploy(vec![("AtlasAccountIds", "299602853325,536727724300".to_owned())]).await;
    world.enable_successfully().await;
}
