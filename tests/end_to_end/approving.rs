//! The first write waits for a person, if that is asked for.

use atlas_cmk_local::mailbox::Mailbox;
use serde_json::{Value, json};

use crate::world::{World, assert_failed};

async fn world_and_mailbox() -> (World, Mailbox) {
    let world = World::new().await;
    world.enable_successfully().await;
    let mailbox =
        Mailbox::subscribed_to(world.hub(), world.cloud.stack.output("NotificationsArn").unwrap()).await.unwrap();
    (world, mailbox)
}

/// Reads the question, and answers it.
async fn answer(world: &World, mailbox: &Mailbox, approve: bool) -> Value {
    let question = mailbox.next().await.unwrap();
    assert_eq!(question["kind"], "approval-requested", "{question}");
    assert!(question["changes"].to_string().contains("customer-managed keys of AWS KMS switched off"), "{question}");
    let answer = json!({"taskToken": question["taskToken"], "approve": approve, "by": "alice", "reason": "not today"});
    let answered = world.invoke("answer-approval", &answer).await;
    assert_eq!(answered.error, None, "{:?}", answered.cause);
    let again = world.invoke("answer-approval", &answer).await;
    assert_eq!(again.error.as_deref(), Some("Input.Invalid"), "an answer is given once: {:?}", again.output);
    assert!(!again.cause.unwrap().contains(question["taskToken"].as_str().unwrap()), "a token is not disclosed");
    question
}

#[tokio::test]
async fn with_a_yes_the_plan_that_was_asked_about_is_carried_out() {
    let (world, mailbox) = world_and_mailbox().await;
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role", "approval": true}));
    let asked = async {
        let question = mailbox.next().await.unwrap();
        assert_eq!(world.snapshot().await, before, "nothing is changed before the answer");
        let answer = json!({"taskToken": question["taskToken"], "approve": true, "by": "alice"});
        let answered = world.invoke("answer-approval", &answer).await;
        assert_eq!(answered.output.unwrap()["approved"], true);
        question
    };
    let (run, question) = tokio::join!(run, asked);
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(json!(run.changes()), question["changes"], "what was asked about is what was done");
    assert_eq!(world.registered().await.unwrap()["current"], Value::Null);
}

#[tokio::test]
async fn what_changes_between_the_question_and_the_answer_is_not_covered_by_it() {
    let (world, mailbox) = world_and_mailbox().await;
    let run = world.disable(json!({"scope": "role", "approval": true}));
    let asked = async {
        let question = mailbox.next().await.unwrap();
        let cluster = json!({
            "name": "late", "instanceSize": "M10", "regions": ["US_EAST_1"], "encryptionAtRestProvider": "AWS",
        });
        world.cloud.simulator.add_cluster(&world.customer().project_id, cluster).await.unwrap();
        let answer = json!({"taskToken": question["taskToken"], "approve": true, "by": "alice"});
        assert_eq!(world.invoke("answer-approval", &answer).await.error, None);
        world.snapshot().await
    };
    let (run, before) = tokio::join!(run, asked);
    assert_failed(&run, "Atlas.Conflict", "plan-disable", &["no longer the one that was approved"]);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn with_a_no_everything_stays_as_it_was() {
    let (world, mailbox) = world_and_mailbox().await;
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role", "approval": true}));
    let (run, _) = tokio::join!(run, answer(&world, &mailbox, false));
    assert_failed(&run, "Approval.Refused", "request-approval", &["alice refused: not today"]);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn without_an_answer_everything_stays_as_it_was() {
    let (world, mailbox) = world_and_mailbox().await;
    let before = world.snapshot().await;
    let input = json!({"scope": "role", "approval": true, "deadlines": {"approvalMinutes": 1}});
    let run = world.disable(input).await;
    assert_failed(&run, "Approval.TimedOut", "request-approval", &["no answer within 1 minutes"]);
    assert_eq!(world.snapshot().await, before);
    let question = mailbox.next().await.unwrap();
    let late = world.invoke("answer-approval", &json!({"taskToken": question["taskToken"], "approve": true})).await;
    assert_eq!(late.error.as_deref(), Some("Input.Invalid"), "it came too late: {:?}", late.output);
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_run_fails_at_once_and_everything_stays_as_it_was() {
    let (world, _) = world_and_mailbox().await;
    let before = world.snapshot().await;
    world.deny(world.hub(), &world.role_of("request-approval"), Some("sns:Publish")).await;
    let input = json!({"scope": "role", "approval": true, "deadlines": {"approvalMinutes": 1}});
    let run = world.disable(input).await;
    assert_failed(&run, "Account.AccessDenied", "request-approval", &["sns:Publish"]);
    assert_eq!(world.snapshot().await, before);
}
