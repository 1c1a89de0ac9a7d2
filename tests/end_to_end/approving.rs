//! Whoever asks does not approve. What switches encryption off, removes trust or moves a project waits for somebody else,
//! whom AWS has authenticated.

use atlas_cmk_local::{
    Account,
    approver::{self, Approver},
    execution,
    mailbox::Mailbox,
    registry,
    seed::EXTERNAL_ID,
};
use serde_json::{Value, json};

use crate::{
    attacker,
    world::{World, assert_failed},
};

/// A world in which nothing is approved, somebody who may approve, and what is published.
async fn unapproved() -> (World, Approver, Mailbox) {
    let (world, mailbox) = World::new().await.watched().await;
    world.enable_successfully().await;
    world.approve_everything(false).await;
    let approver = Approver::new(&world.cloud.stack, "Approver").await.unwrap();
    (world, approver, mailbox)
}

async fn question(mailbox: &Mailbox) -> Value {
    let question = mailbox.next_of("approval-requested").await.unwrap();
    assert!(question["changes"].to_string().contains("customer-managed keys of AWS KMS switched off"), "{question}");
    question
}

#[tokio::test]
async fn by_default_the_plan_is_carried_out_after_somebody_has_approved_it_and_his_name_is_everywhere() {
    let (world, approver, mailbox) = unapproved().await;
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role", "approval": false}));
    let asked = async {
        let question = question(&mailbox).await;
        assert_eq!(world.snapshot().await, before, "nothing is changed before the answer");
        // What is kept is what counts, whatever a message says.
        let of_execution =
            json!({"projectId": question["body"]["projectId"], "execution": question["body"]["execution"]});
        let (status, kept) = approver.send(&of_execution).await.unwrap();
        assert_eq!((status, &kept["planHash"]), (200, &question["body"]["planHash"]), "{kept}");
        assert_eq!(kept["plan"].as_array().unwrap().len(), question["changes"].as_array().unwrap().len());
        assert_eq!(approver.approve(&question).await.unwrap()["approved"], true);
        let again = approver.send(&question["body"]).await.unwrap();
        assert_eq!(again.0, 400, "an answer is given once: {}", again.1);
        question
    };
    let (run, question) = tokio::join!(run, asked);
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(json!(run.changes()), question["changes"], "what was asked about is what was done");
    assert_eq!(world.registered().await.unwrap()["current"], Value::Null);
    let by = format!("arn:aws:sts::{}:assumed-role/Approver/alice", world.hub().id);
    assert_eq!(run.output.unwrap()["approvedBy"], by);
    assert_eq!(mailbox.next_of("approval-answered").await.unwrap()["by"], by);
}

#[tokio::test]
async fn who_may_start_may_not_approve_and_who_may_approve_may_not_start() {
    let (world, approver, mailbox) = unapproved().await;
    let policy = world.cloud.stack.output("StartersPolicyArn").unwrap();
    let starter = approver::session_with(&world.cloud.stack, "Starter", policy).await.unwrap();
    let machine = world.cloud.stack.output("DisableEncryptionArn").unwrap();
    let input = json!({"projectId": world.customer().project_id, "scope": "role"}).to_string();
    let sfn = aws_sdk_sfn::Client::new(&starter);
    let started = sfn.start_execution().state_machine_arn(machine).input(&input).send().await.unwrap();
    let question = question(&mailbox).await;
    let before = world.snapshot().await;

    let of_starter = Approver::with_session(&world.cloud.stack, starter.clone());
    assert_eq!(of_starter.send(&question["body"]).await.unwrap().0, 403);
    let other = approver::session_with(&world.cloud.stack, "Other", policy).await.unwrap();
    assert_eq!(Approver::with_session(&world.cloud.stack, other).send(&question["body"]).await.unwrap().0, 403);
    // The token is in the history, and its holder may still not use it.
    let token = kept_question(&world).await["taskToken"].as_str().unwrap().to_owned();
    sfn.send_task_success().task_token(&token).output("{}").send().await.unwrap_err();
    let mine = aws_sdk_sfn::Client::new(approver.session());
    mine.start_execution().state_machine_arn(machine).input(&input).send().await.unwrap_err();
    assert_eq!(world.snapshot().await, before);

    // Whoever else lets the execution go on has approved nothing by that.
    let root = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    root.send_task_success().task_token(token).output("{\"approved\": true}").send().await.unwrap();
    let run = execution::follow(&world.cloud, &started.execution_arn, |_| {}).await.unwrap();
    assert_failed(&run, "Atlas.Conflict", "plan-disable", &["no longer the one that was approved"]);
    assert_eq!(world.snapshot().await, before);
}

/// What the registry has of the question.
async fn kept_question(world: &World) -> Value {
    let questions = format!("question#{}", world.customer().project_id);
    registry::items(&world.cloud.stack, &questions).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_step_that_is_invoked_alone_or_for_another_plan_changes_nothing() {
    let (world, approver, mailbox) = unapproved().await;
    let project = &world.customer().project_id;
    let before = world.snapshot().await;
    let alone = |execution: Value, hash: Value| {
        let input = json!({"projectId": project, "part": "keys", "execution": execution, "planHash": hash});
        let world = &world;
        async move {
            let run = world.invoke("update-encryption", &input).await;
            assert_eq!(run.error.as_deref(), Some("Approval.Missing"), "{input}: {:?}", run.output);
        }
    };
    alone(Value::Null, Value::Null).await;
    // An approval of another plan, which keeps the key, and one that is borrowed after its execution.
    let asked = async {
        let mut open = mailbox.next_of("approval-requested").await.unwrap();
        alone(open["execution"].clone(), open["planHash"].clone()).await;
        approver.approve(&open).await.unwrap();
        open["body"]["planHash"].take()
    };
    let (run, hash) = tokio::join!(world.disable(json!({"scope": "endpoints", "approval": true})), asked);
    assert_eq!(run.error, None, "{:?}", run.cause);
    let execution = kept_question(&world).await["execution"].clone();
    alone(execution.clone(), hash).await;
    alone(execution, json!("0000")).await;
    assert_ne!(world.snapshot().await, before, "the endpoints are gone");
    let now = world.project().await;
    assert_eq!(now["encryptionAtRest"]["awsKms"]["enabled"], true, "{now}");
}

#[tokio::test]
async fn what_changes_between_the_question_and_the_answer_is_not_covered_by_it() {
    let (world, approver, mailbox) = unapproved().await;
    let run = world.disable(json!({"scope": "role"}));
    let asked = async {
        let question = question(&mailbox).await;
        let cluster = json!({
            "name": "late", "instanceSize": "M10", "regions": ["US_EAST_1"], "encryptionAtRestProvider": "AWS",
        });
        world.cloud.simulator.add_cluster(&world.customer().project_id, cluster).await.unwrap();
        approver.approve(&question).await.unwrap();
        world.snapshot().await
    };
    let (run, before) = tokio::join!(run, asked);
    assert_failed(&run, "Atlas.Conflict", "plan-disable", &["no longer the one that was approved"]);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn with_a_no_everything_stays_as_it_was() {
    let (world, approver, mailbox) = unapproved().await;
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role"}));
    let asked = async {
        let mut body = question(&mailbox).await["body"].clone();
        body["planHash"] = json!("0000");
        assert_eq!(approver.send(&body).await.unwrap().0, 400, "another plan");
        let mut body = json!({"approve": false, "reason": "not today", "planHash": null});
        let asked = kept_question(&world).await;
        for field in ["projectId", "execution", "planHash"] {
            body[field] = asked[field].clone();
        }
        assert_eq!(approver.send(&body).await.unwrap().0, 200);
    };
    let (run, ()) = tokio::join!(run, asked);
    assert_failed(&run, "Approval.Refused", "request-approval", &["Approver/alice refused: not today"]);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn without_an_answer_everything_stays_as_it_was() {
    let (world, approver, mailbox) = unapproved().await;
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "role", "deadlines": {"approvalMinutes": 1}})).await;
    assert_failed(&run, "Approval.TimedOut", "request-approval", &["no answer within 1 minutes"]);
    assert_eq!(world.snapshot().await, before);
    let question = question(&mailbox).await;
    // The clock of the registry is not scaled; the task that waited is gone.
    let (status, why) = approver.send(&question["body"]).await.unwrap();
    assert_eq!(status, 400, "it came too late: {why}");
}

#[tokio::test]
async fn a_standing_approval_is_for_named_projects_until_its_end() {
    let (world, approver, mailbox) = unapproved().await;
    let project = &world.customer().project_id;
    let far = json!({"standing": [project], "until": "2099-01-01T00:00:00Z", "reason": "unattended take-downs"});
    assert_eq!(approver.send(&far).await.unwrap().0, 400, "for a year at the most");
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let standing = json!({"standing": [project], "until": until.to_string(), "reason": "unattended take-downs"});
    assert_eq!(approver.send(&standing).await.unwrap().0, 200);
    assert_eq!(mailbox.next_of("standing-approval").await.unwrap()["reason"], "unattended take-downs");
    let run = world.disable_successfully(json!({"scope": "role"})).await;
    assert!(run.output.unwrap()["approvedBy"].as_str().unwrap().ends_with("assumed-role/Approver/alice"));
}

#[tokio::test]
async fn a_project_that_was_never_registered_is_taken_down_only_if_the_input_adopts_it() {
    let world = World::new().await;
    world.enable_successfully().await;
    registry::delete(&world.cloud.stack, &format!("project#{}", world.customer().project_id), "state").await.unwrap();
    let before = world.snapshot().await;
    let run = world.disable(json!({"scope": "project"})).await;
    assert_failed(&run, "Atlas.Conflict", "plan-disable", &["was never registered here", "adopt"]);
    assert_eq!(world.snapshot().await, before);
    world.disable_successfully(json!({"scope": "project", "adopt": true})).await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_run_fails_at_once_and_everything_stays_as_it_was() {
    let (world, _, _) = unapproved().await;
    let before = world.snapshot().await;
    world.deny(world.hub(), &world.role_of("request-approval"), Some("sns:Publish")).await;
    let run = world.disable(json!({"scope": "role", "deadlines": {"approvalMinutes": 1}})).await;
    assert_failed(&run, "Account.AccessDenied", "request-approval", &["sns:Publish"]);
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_question_of_one_project_is_not_answered_under_the_name_of_another() {
    let (world, approver, mailbox) = unapproved().await;
    let run = world.disable(json!({"scope": "role"}));
    let asked = async {
        let question = question(&mailbox).await;
        // What a replaced request-approval could write.
        let mut item = kept_question(&world).await;
        let (other, name) = ("66f0a1b2c3d4e5ffffffffff", "tidy-up");
        item["pk"] = json!(format!("question#{other}"));
        item["sk"] = json!(name);
        let items = aws_sdk_dynamodb::Client::new(&attacker::inside(&world, "request-approval").await);
        let put = items.put_item().table_name(world.cloud.stack.output("RegistryName").unwrap());
        put.set_item(Some(serde_dynamo::to_item(item).unwrap())).send().await.unwrap();
        let hash = &question["planHash"];
        for forged in [
            json!({"projectId": other, "execution": name}),
            json!({"projectId": other, "execution": name, "planHash": hash, "approve": true}),
        ] {
            let (status, why) = approver.send(&forged).await.unwrap();
            assert_eq!(status, 400, "{why}");
        }
        let mut no = question["body"].clone();
        no["approve"] = json!(false);
        assert_eq!(approver.send(&no).await.unwrap().0, 200);
    };
    let (run, ()) = tokio::join!(run, asked);
    assert_eq!(run.error.as_deref(), Some("Approval.Refused"), "{:?}", run.cause);
}

#[tokio::test]
async fn a_no_ends_what_was_asked_for_and_no_account_has_it_asked_again() {
    let (world, approver, mailbox) = unapproved().await;
    let other = Account::new(world.account().id.replacen('1', "5", 1), world.hub().endpoint());
    world.cloud.deploy_spoke(&other).await.unwrap();
    let input = json!({
        "projectId": world.customer().project_id,
        "roleArn": format!("arn:aws:iam::{}:role/atlas-cmk/access", other.id),
        "key": {"alias": "alias/atlas-cmk"},
        "account": {"roleArn": format!("arn:aws:iam::{}:role/AtlasCmkSpoke", other.id), "externalId": EXTERNAL_ID},
    });
    let no = async {
        let mut body = mailbox.next_of("approval-requested").await.unwrap()["body"].clone();
        body["approve"] = json!(false);
        assert_eq!(approver.send(&body).await.unwrap().0, 200);
    };
    let (run, ()) = tokio::join!(world.enable_with(&input), no);
    assert_eq!(run.error.as_deref(), Some("Approval.Refused"), "{:?}", run.cause);
    assert_eq!(world.owed().await, [] as [Value; 0]);
}
