//! One execution at a time works on a project, whatever kills one of them.

use std::time::Duration;

use atlas_cmk_local::{execution, registry};
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::world::World;

impl World {
    /// The execution that took the lease of the project last.
    async fn holder(&self) -> Option<String> {
        let place = format!("lease#{}", self.customer().project_id);
        let lease = registry::item(&self.cloud.stack, &place, "lease").await.unwrap()?;
        Some(lease["holder"]["execution"].as_str().unwrap().to_owned())
    }

    /// Whether it still runs.
    async fn lease_is_held(&self) -> bool {
        let sfn = aws_sdk_sfn::Client::new(&self.hub().sdk_config());
        let holder = self.holder().await.unwrap();
        sfn.describe_execution().execution_arn(holder).send().await.unwrap().status == ExecutionStatus::Running
    }

    /// Starts an enablement or a take-down, and returns its ARN once it has its turn.
    async fn start_and_take_turn(&self, machine: &str, input: &serde_json::Value) -> String {
        let sfn = aws_sdk_sfn::Client::new(&self.hub().sdk_config());
        let machine = self.cloud.stack.output(machine).unwrap();
        let started = sfn.start_execution().state_machine_arn(machine).input(input.to_string()).send().await.unwrap();
        while self.holder().await.as_ref() != Some(&started.execution_arn) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        started.execution_arn
    }
}

#[tokio::test]
async fn two_enablements_with_two_keys_end_one_after_the_other_with_the_second_key() {
    let world = World::new().await;
    let other = world.with_another_key().await;
    let first = world.start_and_take_turn("EnableEncryptionArn", &world.customer().input()).await;
    let second = world.enable_with(&other.input()).await;
    assert_eq!(second.error, None, "{:?}", second.cause);
    let first = execution::follow(&world.cloud, &first, |_| {}).await.unwrap();
    assert_eq!(first.error, None, "it ended well before the second began: {:?}", first.cause);
    let project = world.registered().await.unwrap();
    assert_eq!(project["current"]["keyArn"], other.key_arn());
    assert_eq!(project["oldKeys"][0]["key"], world.customer().key_arn(), "and the first key is not forgotten");
    assert!(!world.lease_is_held().await, "no lease is left");
}

#[tokio::test]
async fn an_execution_that_was_stopped_holds_nothing() {
    let world = World::new().await;
    let endpoints = json!({"endpoints": {"EU_WEST_1": {"kind": "slow", "seconds": 3000}}});
    world.cloud.simulator.behave(endpoints).await.unwrap();
    let stopped = world.start_and_take_turn("EnableEncryptionArn", &world.customer().input()).await;
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    sfn.stop_execution().execution_arn(&stopped).send().await.unwrap();
    world.cloud.simulator.behave(json!({"endpoints": {}})).await.unwrap();
    let next = world.enable().await;
    assert_eq!(next.error, None, "{:?}", next.cause);
    assert!(!world.lease_is_held().await, "no lease is left");
}

#[tokio::test]
async fn a_reconciliation_waits_for_an_enablement_and_finds_what_it_has_registered() {
    let world = World::new().await;
    world.enable_successfully().await;
    let other = world.with_another_key().await;
    let moving = world.start_and_take_turn("EnableEncryptionArn", &other.input()).await;
    let input = json!({"projectId": world.customer().project_id, "repair": true});
    let look = execution::run(&world.cloud, "ReconcileProjectArn", &input, |_| {}).await.unwrap();
    assert_eq!(look.output.unwrap()["state"], "matching", "it neither saw nor repaired a project on its way");
    assert_eq!(execution::follow(&world.cloud, &moving, |_| {}).await.unwrap().error, None);
    assert_eq!(world.registered().await.unwrap()["current"]["keyArn"], other.key_arn());
}

#[tokio::test]
async fn a_reconciliation_whose_work_was_stopped_fails_and_is_reported() {
    let (world, mailbox) = World::new().await.watched().await;
    world.enable_successfully().await;
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    let machine = |name: &str| world.cloud.stack.output(name).unwrap();
    let input = json!({"projectId": world.customer().project_id, "cause": {"event": "by hand", "resource": "a test"}});
    let look = sfn.start_execution().state_machine_arn(machine("ReconcileProjectArn")).name("look");
    let look = look.input(input.to_string()).send().await.unwrap().execution_arn;
    let inner = format!("{}:look", machine("EnableEncryptionArn").replace(":stateMachine:", ":execution:"));
    while sfn.stop_execution().execution_arn(&inner).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let run = execution::follow(&world.cloud, &look, |_| {}).await.unwrap();
    assert!(run.error.is_some(), "{:?}", run.output);
    let reported = mailbox.next_of("execution-failed").await.unwrap();
    assert_eq!(reported["execution"], "look", "{reported}");
}
