//! Nobody writes into the registry what is not his to write: not the other functions of the stack, not another account,
//! and not whoever may do everything else in the account of the stack.

use std::collections::BTreeSet;

use atlas_cmk_local::{execution, functions, registry};
use atlas_cmk_tests::contracts;
use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Put, PutRequest, TransactWriteItem, WriteRequest},
};
use serde_json::{Value, json};

use crate::{attacker, world::World};

/// An item of each kind.
const KINDS: [(&str, &str); 15] = [
    ("project#66f0a1b2c3d4e5f601234567", "state"),
    ("projects", "66f0a1b2c3d4e5f601234567"),
    ("key#mrk-1", "66f0a1b2c3d4e5f601234567"),
    ("role#444455556666#atlas-cmk", "66f0a1b2c3d4e5f601234567"),
    ("secret#", "66f0a1b2c3d4e5f601234567"),
    ("account#444455556666", "66f0a1b2c3d4e5f601234567"),
    ("accounts", "444455556666"),
    ("failed-vends", "444455556666"),
    ("profiles", "default"),
    ("lease#66f0a1b2c3d4e5f601234567", "lease"),
    ("obligations", "444455556666#atlas-cmk"),
    ("approval#66f0a1b2c3d4e5f601234567", "execution#manual-1"),
    ("question#66f0a1b2c3d4e5f601234567", "manual-1"),
    ("access#S3Keys", "roles"),
    ("minting#mdb_sa_id_66f0a1b2c3d4e5f601234567", "lease"),
];

/// The kinds that each function may put.
fn own(function: &str) -> &'static [&'static str] {
    match function {
        "register" | "unregister" => &["project#", "projects", "key#", "role#", "secret#", "account#"],
        "on-account-vended" => &["accounts", "failed-vends", "obligations"],
        "answer-approval" => &["approval#"],
        "request-approval" => &["question#"],
        "put-profile" => &["profiles"],
        "take-turn" => &["lease#"],
        "update-trust" => &["access#"],
        "diagnose" | "record-obligation" | "retry-obligations" | "waive-obligation" => &["obligations"],
        _ => &[],
    }
}

/// Whether a function may put an item. Those that call Atlas take turns at getting access tokens.
fn is_own(function: &str, partition: &str) -> bool {
    if partition.starts_with("minting#") {
        let declared = contracts::functions().iter().find(|it| it.name() == function).unwrap();
        return declared.actions.contains("secretsmanager:GetSecretValue");
    }
    own(function).iter().any(|kind| if kind.ends_with('#') { partition.starts_with(kind) } else { partition == *kind })
}

fn item((partition, sort): (&str, &str)) -> std::collections::HashMap<String, AttributeValue> {
    serde_dynamo::to_item(json!({"pk": partition, "sk": sort, "schemaVersion": 1, "forged": true})).unwrap()
}

/// The names of the calls that succeed, of all that could write an item, or read all of them.
async fn succeeding(client: &Client, table: &str, kind: (&str, &str)) -> BTreeSet<&'static str> {
    let mut done = BTreeSet::new();
    let mut record = |name, refused: Option<Option<String>>| match refused {
        None => drop(done.insert(name)),
        Some(code) => {
            let denied = ["AccessDeniedException", "TransactionCanceledException", "ResourceNotFoundException"];
            assert!(denied.contains(&code.as_deref().unwrap_or_default()), "{name} of {kind:?}: {code:?}");
        }
    };
    macro_rules! code {
        ($call:expr) => {
            $call.send().await.err().map(|error| error.code().map(str::to_owned))
        };
    }
    let key: std::collections::HashMap<_, _> =
        item(kind).into_iter().filter(|(name, _)| ["pk", "sk"].contains(&name.as_str())).collect();
    record("PutItem", code!(client.put_item().table_name(table).set_item(Some(item(kind)))));
    let update = client.update_item().table_name(table).set_key(Some(key.clone()));
    let update =
        update.update_expression("SET forged = :x").expression_attribute_values(":x", AttributeValue::Bool(true));
    record("UpdateItem", code!(update));
    let put = PutRequest::builder().set_item(Some(item(kind))).build().unwrap();
    let write = vec![WriteRequest::builder().put_request(put).build()];
    record("BatchWriteItem", code!(client.batch_write_item().request_items(table, write)));
    let put = Put::builder().table_name(table).set_item(Some(item(kind))).build().unwrap();
    let put = TransactWriteItem::builder().put(put).build();
    record("TransactWriteItems", code!(client.transact_write_items().transact_items(put)));
    let statement = format!("INSERT INTO \"{table}\" VALUE {{'pk': '{}', 'sk': '{}-by-statement'}}", kind.0, kind.1);
    record("ExecuteStatement", code!(client.execute_statement().statement(statement)));
    record("Scan", code!(client.scan().table_name(table)));
    done
}

#[tokio::test]
async fn each_function_writes_its_own_kinds_of_items_and_no_other() {
    let world = World::new().await;
    let table = world.cloud.stack.output("RegistryName").unwrap();
    for function in functions::names().unwrap() {
        let client = Client::new(&attacker::inside(&world, &function).await);
        for kind in KINDS {
            let expected: &[&str] = if is_own(&function, kind.0) { &["PutItem", "TransactWriteItems"] } else { &[] };
            let done = succeeding(&client, table, kind).await;
            assert_eq!(done.into_iter().collect::<Vec<_>>(), expected, "{function}: {kind:?}");
        }
    }
}

#[tokio::test]
async fn nobody_else_writes_an_item_whatever_he_may_do_in_the_account() {
    let world = World::with_two_accounts().await;
    let table = world.cloud.stack.output("RegistryName").unwrap();
    let arn = format!("arn:aws:dynamodb:us-east-1:{}:table/{table}", world.hub().id);
    let administrator = Client::new(&attacker::role_with(world.hub(), "Administrator", "*").await);
    let of_parameters = Client::new(&attacker::role_with(world.hub(), "ParameterAdministrator", "ssm:*").await);
    let member = Client::new(&attacker::role_with(world.account(), "Member", "*").await);
    for kind in KINDS {
        let done = succeeding(&administrator, table, kind).await;
        assert_eq!(done.into_iter().collect::<Vec<_>>(), ["Scan"], "reading is up to IAM: {kind:?}");
        assert!(succeeding(&of_parameters, table, kind).await.is_empty(), "{kind:?}");
        assert!(succeeding(&member, &arn, kind).await.is_empty(), "{kind:?}");
    }
    assert!(administrator.describe_table().table_name(table).send().await.is_ok(), "its control plane is open");
}

#[tokio::test]
async fn who_changes_what_protects_the_stack_is_reported() {
    let (world, mailbox) = World::new().await.watched().await;
    let table = world.cloud.stack.output("RegistryName").unwrap();
    let arn = format!("arn:aws:dynamodb:us-east-1:{}:table/{table}", world.hub().id);
    let administrator = Client::new(&attacker::role_with(world.hub(), "Administrator", "*").await);
    administrator.delete_resource_policy().resource_arn(arn).send().await.unwrap();
    let reported = mailbox.next_of("protection-changed").await.unwrap();
    assert_eq!(reported["event"], "DeleteResourcePolicy");
    assert!(reported["by"].as_str().unwrap().contains("Administrator"), "{reported}");
    let iam = aws_sdk_iam::Client::new(&world.hub().sdk_config());
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let put = iam.put_role_policy().role_name(world.role_of("verify")).policy_name("more");
    put.policy_document(policy.to_string()).send().await.unwrap();
    let reported = mailbox.next_of("protection-changed").await.unwrap();
    assert_eq!(reported["event"], "PutRolePolicy", "{reported}");

    let starters = world.cloud.stack.output("StartersPolicyArn").unwrap();
    let version = iam.create_policy_version().policy_arn(starters).policy_document(policy.to_string());
    version.set_as_default(true).send().await.unwrap();
    assert_eq!(mailbox.next_of("protection-changed").await.unwrap()["event"], "CreatePolicyVersion");

    let hub = world.hub().sdk_config();
    let stack = &world.customer().stack;
    let name = format!("{stack}-answer-approval");
    let permission = json!({"StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": world.account().id});
    let path = format!("{name}/policy");
    attacker::lambda(&hub, "POST", &path, &permission).await.unwrap();
    assert_eq!(mailbox.next_of("protection-changed").await.unwrap()["event"], "AddPermission20150331v2");
    let machine = world.cloud.stack.output("DisableEncryptionArn").unwrap();
    let definition = json!({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}).to_string();
    let update = aws_sdk_sfn::Client::new(&hub).update_state_machine().state_machine_arn(machine);
    update.definition(definition).send().await.unwrap();
    assert_eq!(mailbox.next_of("protection-changed").await.unwrap()["event"], "UpdateStateMachine");
    let secrets = aws_sdk_secretsmanager::Client::new(&hub);
    secrets.delete_resource_policy().secret_id(format!("{stack}/tokens")).send().await.unwrap();
    assert_eq!(mailbox.next_of("protection-changed").await.unwrap()["event"], "DeleteResourcePolicy");
    let topic = world.cloud.stack.output("NotificationsArn").unwrap();
    let set = aws_sdk_sns::Client::new(&hub).set_topic_attributes().topic_arn(topic);
    set.attribute_name("DisplayName").attribute_value("theirs").send().await.unwrap();
    assert_eq!(mailbox.next_of("protection-changed").await.unwrap()["event"], "SetTopicAttributes");
}

#[tokio::test]
async fn a_registration_of_another_account_than_what_atlas_uses_is_reported_and_not_acted_on() {
    let world = World::new().await;
    world.enable_successfully().await;
    let before = world.cloud.simulator.project(&world.customer().project_id).await.unwrap();
    // As if the table could be written.
    let mut forged = world.registered().await.unwrap();
    let entry = forged["current"].to_string().replace(&world.account().id, "999999999999");
    forged["current"] = serde_json::from_str(&entry).unwrap();
    forged["current"]["desired"]["repair"] = json!(true);
    let place = format!("project#{}", world.customer().project_id);
    registry::put(&world.cloud.stack, &place, "state", &forged).await.unwrap();

    let input = json!({"projectId": world.customer().project_id});
    let reconciled = execution::run(&world.cloud, "ReconcileProjectArn", &input, |_| {}).await.unwrap();
    let output = reconciled.output.unwrap_or_default();
    assert_ne!(output["state"], "repaired", "{output}");
    assert!(output.to_string().contains("999999999999"), "{output}");
    assert_eq!(world.cloud.simulator.project(&world.customer().project_id).await.unwrap(), before);
    assert_eq!(output["changes"], Value::Array(Vec::new()));
}
