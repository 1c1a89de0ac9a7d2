//! Changes by others are detected, reported, and repaired if the project is registered with repair; changes by
//! atlas-cmk itself start nothing.

use std::{collections::BTreeSet, time::Duration};

use atlas_cmk_local::{Account, events, execution, mailbox::Mailbox};
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};

use crate::world::{World, sample};

const LOOKS: &str = "ReconcileProjectArn";

/// Events take a moment; what has not come by then does not come.
const A_WHILE: Duration = Duration::from_secs(3);

impl World {
    /// A world whose trail logs, and a mailbox on its topic.
    pub(crate) async fn watched(self) -> (Self, Mailbox) {
        for account in BTreeSet::from([self.hub().id.clone(), self.account().id.clone()]) {
            events::start_trail(&Account::new(account, self.hub().endpoint())).await.unwrap();
        }
        let topic = self.cloud.stack.output("NotificationsArn").unwrap();
        let mailbox = Mailbox::subscribed_to(self.hub(), topic).await.unwrap();
        (self, mailbox)
    }

    /// How many looks at projects were started so far, once all events have come.
    async fn looks(&self) -> usize {
        tokio::time::sleep(A_WHILE).await;
        events::executions(&self.cloud, LOOKS).await.unwrap().len()
    }

    /// What came of the look that is not among the first `before`.
    async fn next_look(&self, before: usize) -> Value {
        let seen: BTreeSet<_> = if before == 0 {
            BTreeSet::new()
        } else {
            events::executions(&self.cloud, LOOKS).await.unwrap().into_iter().collect()
        };
        assert_eq!(seen.len(), before);
        self.look_besides(&seen).await
    }

    async fn look_besides(&self, seen: &BTreeSet<events::Execution>) -> Value {
        let started = events::started(&self.cloud, LOOKS, |it| !seen.contains(it)).await.unwrap();
        let run = execution::follow(&self.cloud, &started.arn, |_| {}).await.unwrap();
        assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
        run.output.unwrap()
    }

    async fn looked_at(&self) -> BTreeSet<events::Execution> {
        events::executions(&self.cloud, LOOKS).await.unwrap().into_iter().collect()
    }

    pub(crate) async fn key_state(&self) -> String {
        let described = self.kms().describe_key().key_id(self.customer().key_arn()).send().await.unwrap();
        described.key_metadata.unwrap().key_state.unwrap().as_str().to_owned()
    }
}

#[tokio::test]
async fn a_change_is_reported_or_repaired_and_what_we_write_ourselves_starts_no_loop() {
    let (world, mailbox) = World::new().await.watched().await;
    world.enable_successfully().await;
    assert_eq!(world.looks().await, 0, "everything that was written was ours");

    // Someone empties the trust policy.
    let nobody = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let update = world.iam().update_assume_role_policy().role_name(&world.customer().role_name);
    update.policy_document(nobody.to_string()).send().await.unwrap();
    let look = world.next_look(0).await;
    assert_eq!((&look["state"], &look["projectId"]), (&json!("drifted"), &json!(world.customer().project_id)));
    let reported = mailbox.next_of("drifted").await.unwrap();
    assert_eq!(reported["cause"]["event"], "UpdateAssumeRolePolicy");
    assert_eq!(reported["cause"]["by"], format!("arn:aws:iam::{}:root", world.account().id));
    assert!(reported["differences"].to_string().contains("trust"), "{reported}");

    // From now on it is repaired.
    let mut input = world.customer().input();
    input["repair"] = json!(true);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let looks = world.looks().await;
    assert_eq!(looks, 1, "the repair is a change by atlas-cmk itself");
    let seen = world.looked_at().await;
    world
        .iam()
        .delete_role_policy()
        .role_name(&world.customer().role_name)
        .policy_name("atlas-cmk")
        .send()
        .await
        .unwrap();
    let look = world.look_besides(&seen).await;
    assert_eq!(look["state"], "repaired", "{look}");
    let reported = mailbox.next_of("repaired").await.unwrap();
    assert!(reported["changes"].to_string().contains("update-trust"), "{reported}");
    assert_eq!(world.allowed_keys().await.len(), 3);
    world.assert_enabled().await;
    assert_eq!(world.looks().await, 2, "the repair starts nothing");
}

/// A sample of a change, of this world's key, role and secret.
pub(crate) async fn of_world(world: &World, path: &str) -> Value {
    let (customer, account) = (world.customer(), &world.account().id);
    let secrets = aws_sdk_secretsmanager::Client::new(&world.hub().sdk_config());
    let secret = secrets.describe_secret().secret_id("atlas-cmk/atlas").send().await.unwrap().arn.unwrap();
    let text = sample(path)
        .to_string()
        .replace("arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas-cmk/atlas-a1b2c3", &secret)
        .replace("444455556666", account)
        .replace("1234abcd12ab34cd56ef1234567890ab", &customer.key_id);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn every_change_starts_one_look_a_duplicate_none_and_one_project_is_looked_at_once_at_a_time() {
    let world = World::new().await;
    world.enable_successfully().await;
    let files = atlas_cmk_tests::list("events/changes").unwrap();
    let mut sent = Vec::new();
    for file in &files {
        sent.push(of_world(&world, &format!("changes/{file}")).await);
    }
    let mut unaffected = of_world(&world, "changes/iam-put-role-policy.json").await;
    unaffected["detail"]["requestParameters"]["roleName"] = json!("somebody-elses");
    let mut refused = of_world(&world, "changes/kms-disable-key.json").await;
    refused["detail"]["errorCode"] = json!("AccessDenied");
    let malformed = json!({"source": "aws.kms", "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": "DisableKey", "resources": 7}});
    let unknown =
        json!({"source": "aws.kms", "detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "Decrypt"}});
    // The newest first, and all of them twice.
    for event in sent.iter().rev().chain(&sent).chain([&unaffected, &refused, &malformed, &unknown]) {
        events::put(world.hub(), event).await.unwrap();
    }
    // Events of KMS itself have no record, and the engine gives each event an id of its own: those are two events.
    let without_record =
        files.iter().filter(|file| file.starts_with("kms-cmk") || file.starts_with("kms-imported")).count();
    let expected = files.len() + without_record;
    for _ in 0..60 {
        if events::executions(&world.cloud, LOOKS).await.unwrap().len() >= expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(world.looks().await, expected);

    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    let mut spans = Vec::new();
    for look in world.looked_at().await {
        let run = execution::follow(&world.cloud, &look.arn, |_| {}).await.unwrap();
        let output = run.output.unwrap_or_else(|| panic!("{:?}", run.cause));
        assert!(["matching", "skipped"].contains(&output["state"].as_str().unwrap()), "{output}");
        let input = events::input(&world.cloud, &look).await.unwrap();
        assert_eq!(input["projectId"], json!(world.customer().project_id));
    }
    for run in events::executions(&world.cloud, "EnableEncryptionArn").await.unwrap() {
        let described = sfn.describe_execution().execution_arn(&run.arn).send().await.unwrap();
        assert_eq!(described.status, ExecutionStatus::Succeeded);
        let stopped = described.stop_date.unwrap();
        spans.push((described.start_date.to_millis().unwrap(), stopped.to_millis().unwrap(), run.name.clone()));
        if run.name.starts_with("change-") {
            let input = events::input(&world.cloud, &run).await.unwrap();
            assert_eq!(input["mode"], "verify", "nobody asked for more");
        }
    }
    spans.sort();
    assert!(spans.len() >= 3 && spans.len() < expected / 2, "a burst is looked at a few times: {}", spans.len());
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "one at a time: {pair:?}");
    }
}

#[tokio::test]
async fn a_key_in_another_account_that_is_about_to_go_is_reported_and_brought_back_where_that_is_wanted() {
    let (world, mailbox) = World::with_two_accounts().await.watched().await;
    world.enable_successfully().await;
    let key = world.customer().key_arn();
    world.kms().disable_key().key_id(&key).send().await.unwrap();
    let alert = mailbox.next_of("key-endangered").await.unwrap();
    assert_eq!(
        (&alert["event"], &alert["guard"], &alert["severity"]),
        (&json!("DisableKey"), &json!("alert"), &json!("critical"))
    );
    assert_eq!(alert["by"], format!("arn:aws:iam::{}:root", world.account().id));
    assert_eq!(alert["projects"][0]["projectId"], json!(world.customer().project_id));
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(world.key_state().await, "Disabled", "it was asked for no more than an alert");
    // Nor does one that may start executions get more.
    let mut guard = sample("manual-guard-key.json");
    guard["keyArn"] = json!(key);
    let run = execution::run(&world.cloud, "GuardKeyArn", &guard, |_| {}).await.unwrap();
    assert_eq!(run.error.as_deref(), Some("Aws.Conflict"), "{:?}", run.cause);
    assert_eq!(world.key_state().await, "Disabled");
    world.kms().enable_key().key_id(&key).send().await.unwrap();

    let mut input = world.customer().input();
    input["guard"] = json!("restore");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    world.kms().schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    let alert = mailbox.next_of("key-endangered").await.unwrap();
    assert_eq!((&alert["event"], &alert["deletedAfterDays"]), (&json!("ScheduleKeyDeletion"), &json!(7)));
    let restored = mailbox.next_of("key-restored").await.unwrap();
    assert_eq!(restored["done"].as_array().unwrap().len(), 2, "{restored}");
    assert_eq!(world.key_state().await, "Enabled");

    // Without its permission it fails, and says which.
    for action in ["kms:DescribeKey", "kms:CancelKeyDeletion"] {
        world.deny(world.account(), "AtlasCmkSpoke-guard", Some(action)).await;
        let mut guard = sample("manual-guard-key.json");
        guard["keyArn"] = json!(key);
        world.kms().schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.ok();
        let run = execution::run(&world.cloud, "GuardKeyArn", &guard, |_| {}).await.unwrap();
        assert_eq!(run.error.as_deref(), Some("Account.AccessDenied"), "{:?}", run.cause);
        assert!(run.cause.unwrap().contains(action));
        world.deny(world.account(), "AtlasCmkSpoke-guard", None).await;
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_or_handled_is_kept_with_its_reason() {
    let world = World::new().await;
    let sqs = aws_sdk_sqs::Client::new(&world.hub().sdk_config());
    let url = world.cloud.stack.output("DeadLettersUrl").unwrap();
    let kept = async || {
        for _ in 0..20 {
            let receive = sqs.receive_message().queue_url(url).wait_time_seconds(2).message_attribute_names("All");
            if let Some(message) = receive.send().await.unwrap().messages.unwrap_or_default().pop() {
                let handle = message.receipt_handle().unwrap();
                sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
                return message;
            }
        }
        panic!("nothing was kept");
    };
    let event = of_world(&world, "changes/kms-put-key-policy.json").await;

    // A function that fails again and again.
    let role = world.role_of("on-change");
    world.deny(world.hub(), &role, Some("dynamodb:Query")).await;
    events::put(world.hub(), &event).await.unwrap();
    let message: Value = serde_json::from_str(kept().await.body().unwrap()).unwrap();
    assert_eq!(message["responsePayload"]["errorType"], "Account.AccessDenied", "{message}");
    let transformed = &message["requestPayload"];
    assert_eq!(transformed["detail"]["eventName"], "PutKeyPolicy");
    assert!(!transformed.to_string().contains("EnableIamPolicies"), "without the document: {transformed}");

    // A target that is gone.
    let (rule, bus) = (format!("{}-key-policy-call", world.customer().stack), &world.customer().stack);
    let rules = aws_sdk_eventbridge::Client::new(&world.hub().sdk_config());
    let listed = rules.list_targets_by_rule().rule(&rule).event_bus_name(bus).send().await.unwrap();
    let mut target = listed.targets.unwrap().remove(0);
    let gone = target.arn.replace("on-change", "is-gone");
    target.arn.clone_from(&gone);
    rules.put_targets().rule(&rule).event_bus_name(bus).targets(target).send().await.unwrap();
    events::put(world.hub(), &event).await.unwrap();
    let message = kept().await;
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["TARGET_ARN"].string_value().unwrap(), gone);
    assert!(attributes.contains_key("ERROR_CODE") && attributes.contains_key("RULE_ARN"));
}

#[tokio::test]
async fn a_key_is_restored_even_if_its_alert_cannot_be_published() {
    let (world, _) = World::new().await.watched().await;
    let mut input = world.customer().input();
    input["guard"] = json!("restore");
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    world.deny(world.hub(), &world.role_of("on-change"), Some("sns:Publish")).await;
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    for attempt in 0.. {
        if world.key_state().await == "Enabled" {
            break;
        }
        assert!(attempt < 100, "it was not restored");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
