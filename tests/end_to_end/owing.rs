//! What is owed to an account or a project: recorded before anything is tried, tried again, and closed by success, by a
//! waiver, or with the project.

use std::time::Duration;

use atlas_cmk_local::{Account, events, execution, registry};
use aws_sdk_organizations::types::PolicyType;
use serde_json::{Value, json};

use crate::{
    limiting::{attach, detach},
    world::{World, assert_failed},
};

impl World {
    /// What is owed.
    pub(crate) async fn owed(&self) -> Vec<Value> {
        registry::items(&self.cloud.stack, "obligations").await.unwrap()
    }

    /// Puts an event again and again until nothing is owed any more.
    async fn put_until_nothing_is_owed(&self, account: &Account, event: &Value) {
        for attempt in 0.. {
            events::put(account, event).await.unwrap();
            tokio::time::sleep(Duration::from_secs(3)).await;
            let owed = self.owed().await;
            if owed.is_empty() {
                return;
            }
            assert!(attempt < 60, "{owed:?}");
        }
    }
}

/// The event of a stack that was deployed.
async fn deployed(account: &Account) -> Value {
    let cloudformation = aws_sdk_cloudformation::Client::new(&account.sdk_config());
    let stacks = cloudformation.describe_stacks().stack_name("atlas-cmk-spoke").send().await.unwrap();
    let id = stacks.stacks()[0].stack_id().unwrap().to_owned();
    json!({
        "source": "aws.cloudformation", "detail-type": "CloudFormation Stack Status Change", "resources": [id],
        "detail": {"stack-id": id, "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""}},
    })
}

async fn profile(world: &World) {
    let input = json!({
        "project": {"name": "{{ accountId }}", "orgId": "5f0000000000000000000001"},
        "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk/access",
        "key": {"alias": "alias/atlas-cmk"},
        "account": {
            "roleArn": "arn:aws:iam::{{ accountId }}:role/AtlasCmkSpoke",
            "externalId": atlas_cmk_local::seed::EXTERNAL_ID,
        },
    });
    let run = world.invoke("put-profile", &json!({"name": "default", "profile": {"input": input}})).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}

async fn stop(world: &World, execution: &str) {
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    sfn.stop_execution().execution_arn(execution).send().await.unwrap();
}

async fn vend(world: &World, account: &str) -> String {
    let event = json!({"accountId": account, "accountName": "payments"});
    let answer = world.invoke("on-account-vended", &event).await.output.unwrap();
    answer["executionArn"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_vended_account_without_its_spoke_is_owed_its_keys_and_gets_them_when_it_has_one() {
    let world = World::with_nothing().await;
    profile(&world).await;
    let account = Account::new(world.account().id.replacen('1', "5", 1), world.hub().endpoint());
    let first = vend(&world, &account.id).await;
    assert_eq!(world.owed().await.len(), 1, "it is owed before anything is tried");
    let run = execution::follow(&world.cloud, &first, |_| {}).await.unwrap();
    assert_failed(&run, "Account.NotReady", "preflight", &[&account.id]);
    let longest = world.delays_after_failures(&run).await.into_iter().fold(0.0, f64::max);
    assert!(longest > 150.0, "the delays grow to five minutes, less what is random: {longest} s");

    let owed = world.owed().await;
    assert_eq!((&owed[0]["accountId"], &owed[0]["attempts"]), (&json!(account.id), &json!(1)), "{owed:?}");
    let report = world.sweep(json!({})).await;
    let reported = report["owed"][0].to_string();
    for part in [&account.id, "vending of account", "Account.NotReady", "tried again at"] {
        assert!(reported.contains(part), "{part}: {reported}");
    }
    assert_eq!(report["otherFindings"], json!([]), "an account in the making is waited for, and no finding");

    world.cloud.deploy_spoke(&account).await.unwrap();
    world.put_until_nothing_is_owed(&account, &deployed(&account).await).await;
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    assert!(iam.get_role().role_name("access").send().await.is_ok(), "it was enabled by itself");
    let machine = world.cloud.stack.output("EnableEncryptionArn").unwrap();
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    let executions = sfn.list_executions().state_machine_arn(machine).send().await.unwrap().executions;
    assert_eq!(executions.iter().filter(|it| it.name().starts_with("owed-")).count(), 1, "once, whatever came");
    assert_eq!(world.sweep(json!({})).await["owed"], json!([]));
}

#[tokio::test]
async fn what_an_earlier_profile_owed_is_waived_when_another_one_applies() {
    let world = World::with_nothing().await;
    profile(&world).await;
    let account = world.account().id.replacen('1', "5", 1);
    let first = vend(&world, &account).await;
    stop(&world, &first).await;
    let mut other = json!({"organizationalUnits": ["ou-abcd-12345678"], "input": {
        "project": {"name": "other-{{ accountId }}", "orgId": "5f0000000000000000000001"},
        "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk/access", "key": {"alias": "alias/atlas-cmk"},
    }});
    let run = world.invoke("put-profile", &json!({"name": "other", "profile": other.take()})).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let moved = json!({"accountId": account, "accountName": "payments", "ou": "ou-abcd-12345678"});
    let answer = world.invoke("on-account-vended", &moved).await.output.unwrap();
    stop(&world, answer["executionArn"].as_str().unwrap()).await;
    let waived: Vec<bool> = world.owed().await.iter().map(|owed| owed["waiver"].is_object()).collect();
    assert_eq!(waived, [true, false], "{:?}", world.owed().await);
}

#[tokio::test]
async fn two_events_of_one_account_at_the_same_time_start_one_enablement() {
    let world = World::with_nothing().await;
    profile(&world).await;
    let (one, other) = tokio::join!(vend(&world, &world.account().id), vend(&world, &world.account().id));
    assert_eq!(one, other);
    assert_eq!(world.owed().await.len(), 1);
    let run = execution::follow(&world.cloud, &one, |_| {}).await.unwrap();
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(world.owed().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_waived_is_not_tried_again_and_stays_on_record_with_name_and_reason() {
    let world = World::with_nothing().await;
    profile(&world).await;
    let account = world.account().id.replacen('1', "5", 1);
    let first = vend(&world, &account).await;
    stop(&world, &first).await;

    let waiver = json!({"accountId": account, "by": "alice", "reason": "a sandbox"});
    let waived = world.invoke("waive-obligation", &waiver).await.output.unwrap();
    assert!(waived["waived"][0]["next"].as_str().unwrap().contains("waived by alice"), "{waived}");
    let retried = world.invoke("retry-obligations", &json!({"accountId": account})).await.output.unwrap();
    assert_eq!(retried["executions"], json!([]));
    let next = retried["owed"][0]["next"].as_str().unwrap();
    assert!(next.contains("alice") && next.contains("a sandbox"), "{next}");
    let nothing =
        world.invoke("waive-obligation", &json!({"accountId": "500000000009", "by": "a", "reason": "b"})).await;
    assert_eq!(nothing.error.as_deref(), Some("Input.Invalid"));
}

#[tokio::test]
async fn what_a_person_asked_for_is_owed_until_the_quarantine_of_the_account_ends() {
    let world = World::with_two_accounts().await;
    let policy = attach(&world, &PolicyType::ServiceControlPolicy, "iam:CreateRole").await;
    let run = world.enable().await;
    assert!(run.error.is_some());
    let owed = world.owed().await;
    assert_eq!(owed[0]["reason"]["isDenied"], true, "{owed:?}");
    detach(&world, &policy).await;
    let event = json!({
        "source": "aws.organizations", "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventSource": "organizations.amazonaws.com", "eventName": "DetachPolicy"},
    });
    world.put_until_nothing_is_owed(world.hub(), &event).await;
    assert!(world.registered().await.unwrap()["current"].is_object(), "it was enabled by itself");
}

#[tokio::test]
async fn what_is_owed_to_a_project_ends_with_it() {
    let world = World::new().await;
    world.enable_successfully().await;
    assert_eq!(world.owed().await, [] as [Value; 0], "what succeeded is not owed");
    world.cloud.simulator.behave(json!({"endpoints": {"EU_CENTRAL_1": {"kind": "fail"}}})).await.unwrap();
    let mut more = world.customer().input();
    more["regions"] = json!(["us-east-1", "eu-west-1", "ap-southeast-2", "eu-central-1"]);
    assert!(world.enable_with(&more).await.error.is_some());
    assert_eq!(world.owed().await.len(), 1);
    world.disable_successfully(json!({"scope": "role"})).await;
    assert_eq!(world.owed().await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_not_owed() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["clusters"] = json!(["no-such-cluster"]);
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Input.Invalid", "preflight", &["no-such-cluster"]);
    assert_eq!(world.owed().await, [] as [Value; 0]);
}
