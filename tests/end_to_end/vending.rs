//! Accounts that are vended get their keys without anyone asking, and nothing that goes wrong here fails a pipeline.

use std::collections::BTreeSet;

use atlas_cmk_local::{
    Account, events,
    execution::{self, Run},
    mailbox::Mailbox,
    registry,
};
use aws_sdk_organizations::types::Tag;
use serde_json::{Value, json};

use crate::world::{World, sample};

const MACHINE: &str = "EnableEncryptionArn";

impl World {
    /// The management account of this world's organization.
    fn management(&self) -> Account {
        Account::new(self.hub().id.replacen(|first: char| first.is_ascii_digit(), "3", 1), self.hub().endpoint())
    }

    async fn put_profile(&self, name: &str, profile: Value) -> Run {
        self.invoke("put-profile", &json!({"name": name, "profile": profile})).await
    }

    /// Asks the function directly, as a pipeline that waits for an answer would.
    async fn vend(&self, event: &Value) -> Value {
        let run = self.invoke("on-account-vended", event).await;
        assert_eq!(run.error, None, "a pipeline is never failed: {:?}", run.cause);
        run.output.unwrap()
    }

    async fn vended(&self) -> BTreeSet<String> {
        events::executions(&self.cloud, MACHINE).await.unwrap().into_iter().map(|it| it.name).collect()
    }

    async fn dead_letters(&self) -> Vec<Value> {
        let sqs = aws_sdk_sqs::Client::new(&self.hub().sdk_config());
        let url = self.cloud.stack.output("DeadLettersUrl").unwrap();
        let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
        let bodies = received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body);
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

/// A sample, of another account.
fn of_account(path: &str, account: &str) -> Value {
    serde_json::from_str(&sample(path).to_string().replace("444455556666", account)).unwrap()
}

#[tokio::test]
async fn an_account_that_is_born_gets_its_keys_and_a_move_is_news_but_the_same_event_is_not() {
    let world = World::with_nothing().await;
    events::forward_from(&world.cloud, &world.management()).await.unwrap();
    let mut profile = sample("steps/put-profile.json")["profile"].clone();
    profile["accountTags"] = json!({});
    assert_eq!(world.put_profile("workloads", profile.clone()).await.error, None);
    let born = of_account("vending/controltower-create-managed-account.json", &world.account().id);
    events::put(&world.management(), &born).await.unwrap();
    let started = events::started(&world.cloud, MACHINE, |_| true).await.unwrap();
    assert!(started.name.starts_with(&format!("vend-{}-1-", world.account().id)), "{}", started.name);
    let run = execution::follow(&world.cloud, &started.arn, |_| {}).await.unwrap();
    assert_eq!((run.error.as_deref(), run.cause.as_deref()), (None, None));
    let output = run.output.unwrap();
    assert_eq!(output["valid"], true);
    let project = world.cloud.simulator.project(output["projectId"].as_str().unwrap()).await.unwrap();
    assert_eq!(
        (&project["name"], &project["encryptionAtRest"]["awsKms"]["enabled"]),
        (&json!(format!("payments-prod-{}", world.account().id)), &json!(true))
    );

    // The same again: on the bus, from the pipeline, and of another kind.
    events::put(&world.management(), &born).await.unwrap();
    let baseline = of_account("vending/controltower-enable-baseline.json", &world.account().id);
    for event in [&born, &baseline] {
        let answer = world.vend(event).await;
        assert_eq!((&answer["accounts"][0]["result"], &answer["executionArn"]), (&json!("known"), &json!(started.arn)));
    }
    // An older one that comes late.
    let mut late = of_account("vending/organizations-move-account.json", &world.account().id);
    late["detail"]["eventTime"] = json!("2026-11-23T08:00:00Z");
    late["detail"]["requestParameters"]["destinationParentId"] = json!("ou-abcd-elsewhere");
    assert_eq!(world.vend(&late).await["accounts"][0]["result"], "known");
    assert_eq!(world.vended().await.len(), 1);

    // Another unit, with a profile of its own.
    let nobody = world.vend(&moved(&late)).await;
    assert_eq!(nobody["accounts"][0]["result"], "ignored", "no profile is for that unit: {nobody}");
    profile["organizationalUnits"] = json!([]);
    assert_eq!(world.put_profile("default", profile).await.error, None);
    let answer = world.vend(&moved(&late)).await;
    assert_eq!(answer["accounts"][0]["result"], "started", "{answer}");
    let again = execution::follow(&world.cloud, answer["executionArn"].as_str().unwrap(), |_| {}).await.unwrap();
    assert_eq!((again.error.clone(), again.changes()), (None, &[] as &[Value]), "{:?}", again.cause);
}

fn moved(event: &Value) -> Value {
    let mut moved = event.clone();
    moved["detail"]["eventTime"] = json!("2026-11-23T12:00:00Z");
    moved
}

#[tokio::test]
async fn every_event_of_a_vending_pipeline_starts_what_it_should_and_no_other_does_any_harm() {
    let world = World::with_nothing_in_one_account().await;
    let mailbox =
        Mailbox::subscribed_to(world.hub(), world.cloud.stack.output("NotificationsArn").unwrap()).await.unwrap();
    // Of a project that does not exist, so that the executions end soon.
    let profile = json!({"input": {
        "projectId": "66f0a1b2c3d4e5f6ffffffff",
        "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk/access",
        "key": {"alias": "alias/atlas-cmk"},
        "regions": ["{{ region }}"],
    }});
    assert_eq!(world.put_profile("default", profile).await.error, None);
    let mut expected = BTreeSet::new();
    let mut failed = 0;
    for (n, file) in atlas_cmk_tests::list("events/vending").unwrap().iter().enumerate() {
        let account = format!("5{n:011}");
        let event = of_account(&format!("vending/{file}"), &account);
        if event.get("detail-type").is_some() {
            events::put(world.hub(), &event).await.unwrap();
        } else {
            world.vend(&event).await;
        }
        if file.contains("fail") {
            failed += 1;
        } else {
            expected.insert(account);
        }
    }
    for malformed in [
        json!({"source": "aws.controltower", "detail-type": "x", "detail": {"eventName": "CreateManagedAccount",
            "serviceEventDetails": []}}),
        json!({"source": "aws.organizations", "detail-type": "x", "detail": {"eventName": "MoveAccount", "requestParameters": null}}),
        json!({"source": "aws.controltower", "detail-type": "x", "detail": {"eventName": "SetupLandingZone"}}),
    ] {
        events::put(world.hub(), &malformed).await.unwrap();
        assert_eq!(world.vend(&malformed).await["accounts"][0]["result"], "ignored", "{malformed}");
    }
    for unknown in [json!("text"), json!([]), json!({"Records": []})] {
        let answer = world.vend(&unknown).await;
        assert_eq!(answer["executionArn"], Value::Null, "{unknown}");
    }
    let account_of = |name: &str| name.split('-').nth(1).unwrap_or_default().to_owned();
    for account in &expected {
        let started = events::started(&world.cloud, MACHINE, |it| account_of(&it.name) == *account).await.unwrap();
        let input = events::input(&world.cloud, &started).await.unwrap();
        assert_eq!(input["roleArn"], format!("arn:aws:iam::{account}:role/atlas-cmk/access"));
        assert_eq!(input["regions"], json!(["us-east-1"]));
    }
    for _ in 0..failed {
        mailbox.next_of("vend-failed").await.unwrap();
    }
    assert_eq!(world.vended().await.iter().map(|name| account_of(name)).collect::<BTreeSet<_>>(), expected);
    assert_eq!(world.dead_letters().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_goes_wrong_is_reported_and_kept_and_can_be_handed_in_again() {
    let world = World::with_nothing_in_one_account().await;
    let mailbox =
        Mailbox::subscribed_to(world.hub(), world.cloud.stack.output("NotificationsArn").unwrap()).await.unwrap();
    let refused = world.put_profile("default", json!({"input": {"projectId": "{{ project }}", "roleArn": "x"}})).await;
    assert_eq!(refused.error.as_deref(), Some("Input.Invalid"));
    assert!(refused.cause.unwrap().contains("profile.input.projectId: the placeholder project does not exist"));

    // A profile that another version of atlas-cmk wrote.
    registry::put(&world.cloud.stack, "profiles", "default", &json!({"schemaVersion": 2})).await.unwrap();
    let event = of_account("vending/custom.json", "500000000001");
    let answer = world.vend(&event).await;
    assert_eq!(answer["accounts"][0]["result"], "problem", "{answer}");
    let reported = mailbox.next_of("vend-problem").await.unwrap();
    assert!(reported["reason"].as_str().unwrap().contains("another version of atlas-cmk"), "{reported}");
    assert_eq!(world.dead_letters().await, std::slice::from_ref(&event), "as it came, to be handed in again");

    // Deployed again.
    let profile = json!({"input": {"projectId": "66f0a1b2c3d4e5f6ffffffff", "roleArn": "x"}});
    let stored = json!({"name": "default", "profile": profile, "version": 1});
    registry::put(&world.cloud.stack, "profiles", "default", &stored).await.unwrap();
    let corrected = json!({"input": {
        "projectId": "66f0a1b2c3d4e5f6ffffffff", "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk/access",
            "key": {"alias": "alias/atlas-cmk"},
    }});
    assert_eq!(world.put_profile("default", corrected).await.error, None);
    assert_eq!(world.vend(&event).await["accounts"][0]["result"], "started");

    // A denial of our own is no failure of the pipeline either.
    world.deny(world.hub(), &world.role_of("on-account-vended"), Some("states:StartExecution")).await;
    let other = of_account("vending/custom.json", "500000000002");
    assert_eq!(world.vend(&other).await["accounts"][0]["result"], "problem");
    let reported = mailbox.next_of("vend-problem").await.unwrap();
    assert!(reported["reason"].as_str().unwrap().contains("states:StartExecution"), "{reported}");
}

#[tokio::test]
async fn an_account_that_no_event_reported_is_found_by_the_next_sweep() {
    let world = World::with_nothing_in_one_account().await;
    let organizations = aws_sdk_organizations::Client::new(&world.hub().sdk_config());
    let joined = async |name: &str, hours_ago: u32| {
        let since = Tag::builder().key("local:joined-hours-ago").value(hours_ago.to_string()).build().unwrap();
        let made = organizations.create_account().account_name(name).email("somebody@example.com").tags(since);
        made.send().await.unwrap().create_account_status.unwrap().account_id.unwrap()
    };
    let (missed, failed) = (joined("missed", 20).await, joined("failed", 20).await);
    let (being_made, long_there) = (joined("being-made", 1).await, joined("long-there", 100).await);
    let quiet = world.sweep(json!({})).await;
    assert_eq!(quiet["otherFindings"], json!([]), "without a profile nobody is to get anything");

    let profile = json!({"input": {
        "projectId": "66f0a1b2c3d4e5f6ffffffff", "roleArn": "arn:aws:iam::{{ accountId }}:role/{{ accountName }}",
            "key": {"alias": "alias/atlas-cmk"},
    }});
    assert_eq!(world.put_profile("default", profile).await.error, None);
    world.vend(&of_account("vending/controltower-create-managed-account-failed.json", &failed)).await;

    let report = world.sweep(json!({})).await;
    let reported: Vec<&str> =
        report["otherFindings"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let of = |account: &str| reported.iter().filter(|it| it.contains(account)).collect::<Vec<_>>();
    assert!(of(&missed)[0].contains("its enablement was started now: arn:aws:states:"), "{reported:?}");
    assert!(of(&failed)[0].contains("CreateManagedAccount failed"), "{reported:?}");
    assert!(of(&being_made).is_empty() && of(&long_there).is_empty(), "{reported:?}");
    let started = events::started(&world.cloud, MACHINE, |_| true).await.unwrap();
    let input = events::input(&world.cloud, &started).await.unwrap();
    assert_eq!(input["roleArn"], format!("arn:aws:iam::{missed}:role/missed"));
    assert_eq!(world.vended().await.len(), 1);

    let again = world.sweep(json!({})).await;
    assert!(!again["otherFindings"].to_string().contains(&missed), "{again}");
    assert_eq!(world.vended().await.len(), 1);

    // Moved, with no event either, to a unit with a profile of its own.
    let root = organizations.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap();
    let unit = organizations.create_organizational_unit().parent_id(&root).name("Workloads").send().await.unwrap();
    let unit = unit.organizational_unit.unwrap().id.unwrap();
    let profile = json!({"organizationalUnits": ["Workloads"], "input": {
        "projectId": "66f0a1b2c3d4e5f6ffffffff", "roleArn": "arn:aws:iam::{{ accountId }}:role/workloads",
            "key": {"alias": "alias/atlas-cmk"},
    }});
    assert_eq!(world.put_profile("workloads", profile).await.error, None);
    let to = organizations.move_account().account_id(&missed).source_parent_id(root).destination_parent_id(unit);
    to.send().await.unwrap();
    let moved = world.sweep(json!({})).await;
    assert!(moved["otherFindings"].to_string().contains(&format!("account {missed}: no event reported it")), "{moved}");
    let is_second = |it: &events::Execution| it.name.starts_with(&format!("vend-{missed}-2-"));
    let started = events::started(&world.cloud, MACHINE, is_second).await.unwrap();
    let input = events::input(&world.cloud, &started).await.unwrap();
    assert_eq!(input["roleArn"], format!("arn:aws:iam::{missed}:role/workloads"), "the unit is known by its name");
    world.sweep(json!({})).await;
    assert_eq!(world.vended().await.len(), 2);

    // What an event does not say of an account is looked up: its name for the profile, its tags to choose one.
    let profile = json!({"accountTags": {"stage": "prod"}, "input": {
        "projectId": "66f0a1b2c3d4e5f6ffffffff", "roleArn": "arn:aws:iam::{{ accountId }}:role/tagged", "key": {"alias": "alias/atlas-cmk"},
    }});
    assert_eq!(world.put_profile("tagged", profile).await.error, None);
    let tag = Tag::builder().key("stage").value("prod").build().unwrap();
    organizations.tag_resource().resource_id(&long_there).tags(tag).send().await.unwrap();
    let vended = world.vend(&json!({"accountId": long_there})).await;
    assert_eq!(vended["accounts"][0]["reason"], "from profile tagged", "{vended}");
}
