//! Whole steps over writes of unknown outcome: whatever happened to the answer, the world has one of each thing.

use atlas_cmk::{
    Error, ErrorName,
    functions::{AuthorizeRole, CreateEndpoint, CreateRole, EnableKms},
    ids::SpokeRole,
    report::Action,
    settings::Settings,
    step::{Readers, Reply, converge, parse},
    steps::enable::{create_endpoint, create_role},
};
use serde_json::{Value, json};

use crate::world::{ENCRYPTION, ENDPOINTS, KEY_ARN, PROJECT, ROLE_ARN, ROLES, World};

/// What an answer to a write may be replaced by.
fn disturbances() -> [Value; 6] {
    [
        json!({"cut": true}),
        json!({"html": 502}),
        json!({"html": 503}),
        json!({"status": 500, "errorCode": "UNEXPECTED_ERROR"}),
        json!({"empty": 504}),
        json!({"empty": 200}),
    ]
}

/// A context whose IAM is nowhere: these steps have no business there.
fn context(world: &World) -> Readers {
    let settings = Settings::read(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:9".to_owned()),
        "ATLAS_SECRET_ID" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        _ => None,
    })
    .expect("settings");
    let mut context = Readers::new(&settings, SpokeRole::Read).expect("clients");
    context.atlas = (*world.with_service_account()).clone();
    context
}

async fn create_role(world: &World) -> Result<Reply<create_role::Output>, Error> {
    let input = parse::<CreateRole>(json!({"projectId": PROJECT, "roleArn": ROLE_ARN})).expect("an input");
    converge::<CreateRole>(&context(world), &input).await
}

async fn create_endpoint(world: &World) -> Result<Reply<create_endpoint::Output>, Error> {
    let input = parse::<CreateEndpoint>(json!({"projectId": PROJECT, "region": "eu-west-1"})).expect("an input");
    converge::<CreateEndpoint>(&context(world), &input).await
}

/// How many requests of the log created something.
async fn writes(world: &World) -> usize {
    world.log().await.iter().filter(|line| line.starts_with("POST") && !line.contains("oauth")).count()
}

/// How many requests of the log changed something.
async fn changes(world: &World) -> usize {
    world.log().await.iter().filter(|line| line.starts_with("PATCH")).count()
}

#[tokio::test]
async fn a_record_whose_making_was_not_answered_is_found_and_not_doubled() {
    for answer in disturbances() {
        let world = World::start().await;
        world.answer_after_effect("POST", ROLES, answer.clone()).await;
        let made = create_role(&world).await.unwrap();
        assert_eq!(world.records().await, 1, "{answer}");
        assert_eq!(writes(&world).await, 1, "{answer}");
        let record = world.project().await["cloudProviderAccess"]["awsIamRoles"][0].clone();
        assert_eq!(record["roleId"], made.output.role_id.as_ref());
        assert_eq!(record["atlasAssumedRoleExternalId"], made.output.external_id.as_ref());
        assert_eq!(made.changes.len(), 1, "{answer}");
        assert_eq!(made.changes[0].action, Action::Create);
    }
}

#[tokio::test]
async fn a_record_that_was_not_made_is_made_at_the_second_attempt() {
    for answer in disturbances() {
        let world = World::start().await;
        world.answer_once("POST", ROLES, answer.clone()).await;
        let made = create_role(&world).await.unwrap();
        assert_eq!(world.records().await, 1, "{answer}");
        assert_eq!(writes(&world).await, 2, "{answer}");
        assert_eq!(made.changes.len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_second_unknown_outcome_is_an_error_and_the_next_run_mends_it() {
    let world = World::start().await;
    world.fault(json!({"method": "POST", "path": ROLES, "nth": 1, "answer": {"cut": true}})).await;
    world.fault(json!({"method": "POST", "path": ROLES, "nth": 2, "when": "after", "answer": {"cut": true}})).await;
    let error = create_role(&world).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::AtlasUnavailable);
    assert_eq!(writes(&world).await, 2);

    let again = create_role(&world).await.unwrap();
    assert!(again.changes.is_empty(), "{:?}", again.changes);
    assert_eq!(world.records().await, 1);
}

#[tokio::test]
async fn a_rerun_makes_nothing_and_says_so() {
    let world = World::start().await;
    let first = create_role(&world).await.unwrap();
    let second = create_role(&world).await.unwrap();
    assert_eq!(first.output, second.output);
    assert_eq!((first.changes.len(), second.changes.len()), (1, 0));
    assert_eq!(writes(&world).await, 1);
}

#[tokio::test]
async fn an_endpoint_whose_making_was_not_answered_is_found_and_not_doubled() {
    for answer in disturbances() {
        let world = World::start().await;
        world.enable().await;
        world.answer_after_effect("POST", ENDPOINTS, answer.clone()).await;
        let made = create_endpoint(&world).await.unwrap();
        assert_eq!(world.endpoints().await, 1, "{answer}");
        assert_eq!(writes(&world).await, 1, "{answer}");
        assert_eq!(made.output.status, "INITIATING");
        assert_eq!(made.changes.len(), 1, "{answer}");
        assert_eq!(made.changes[0].action, Action::Create);
    }
}

#[tokio::test]
async fn an_endpoint_that_was_not_made_is_made_at_the_second_attempt() {
    for answer in disturbances() {
        let world = World::start().await;
        world.enable().await;
        world.answer_once("POST", ENDPOINTS, answer.clone()).await;
        let made = create_endpoint(&world).await.unwrap();
        assert_eq!(world.endpoints().await, 1, "{answer}");
        assert_eq!(writes(&world).await, 2, "{answer}");
        assert_eq!(made.changes.len(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_authorization_that_was_not_answered_is_found_and_not_repeated() {
    for answer in disturbances() {
        let world = World::start().await;
        let role = create_role(&world).await.unwrap().output.role_id;
        world.answer_after_effect("PATCH", &format!("{ROLES}/*"), answer.clone()).await;
        let input = json!({"projectId": PROJECT, "roleId": role, "roleArn": ROLE_ARN});
        let input = parse::<AuthorizeRole>(input).unwrap();
        let done = converge::<AuthorizeRole>(&context(&world), &input).await.unwrap();
        assert_eq!(done.changes.len(), 1, "{answer}");
        assert_eq!(changes(&world).await, 1, "{answer}");
        let record = world.project().await["cloudProviderAccess"]["awsIamRoles"][0].clone();
        assert_eq!(record["iamAssumedRoleArn"], ROLE_ARN);
    }
}

#[tokio::test]
async fn a_key_whose_setting_was_not_answered_is_found_and_not_set_again() {
    for answer in disturbances() {
        let world = World::start().await;
        let role = world.authorize().await;
        world.answer_after_effect("PATCH", ENCRYPTION, answer.clone()).await;
        let input = json!({"projectId": PROJECT, "roleId": role, "keyArn": KEY_ARN, "requirePrivateNetworking": true});
        let input = parse::<EnableKms>(input).unwrap();
        let done = converge::<EnableKms>(&context(&world), &input).await.unwrap();
        assert!(done.output.valid && done.output.require_private_networking);
        assert_eq!(done.changes.len(), 1, "{answer}");
        assert_eq!(done.changes[0].action, Action::Create);
        assert_eq!(changes(&world).await, 1, "{answer}");
        assert_eq!(world.project().await["encryptionAtRest"]["awsKms"]["customerMasterKeyID"], KEY_ARN);
    }
}

#[tokio::test]
async fn a_refusal_is_not_taken_for_an_unknown_outcome() {
    let world = World::start().await;
    let error = create_endpoint(&world).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::AtlasRejected);
    assert_eq!(writes(&world).await, 1);
    assert_eq!(world.endpoints().await, 0);
}
