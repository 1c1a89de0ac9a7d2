//! Functions in one account, role and key in another, and a role between them that asks for an external ID.

use serde_json::{Value, json};

use crate::world::{World, assert_failed};

#[tokio::test]
async fn role_and_key_may_live_in_another_account_than_the_functions() {
    let world = World::with_two_accounts().await;
    assert_ne!(world.hub().id, world.account().id);
    world.enable_successfully().await;
    assert_eq!(world.enable().await.changes(), [] as [Value; 0]);
    let in_hub = aws_sdk_iam::Client::new(&world.hub().sdk_config());
    assert!(
        in_hub.get_role().role_name(&world.customer().role_name).send().await.is_err(),
        "nothing is made in the hub"
    );
}

#[tokio::test]
async fn an_account_that_does_not_let_us_in_is_named_and_nothing_is_written_there() {
    let world = World::with_two_accounts().await;
    let mut input = world.customer().input();
    input["account"]["externalId"] = json!("a-wrong-external-id");
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Account.NotReady", "preflight", &["AtlasCmkSpoke", "external ID", &world.account().id]);
    assert_eq!(world.records().await, [], "nor in Atlas");
    assert!(!world.role_exists().await);
}

#[tokio::test]
async fn an_account_that_becomes_ready_while_the_run_waits_is_enabled() {
    let world = World::with_two_accounts().await;
    let put = async |external_id: &str| {
        let spoke = world.iam().get_role().role_name("AtlasCmkSpoke").send().await.unwrap().role.unwrap();
        let trust = atlas_cmk::policy::PolicyDocument::parse(spoke.assume_role_policy_document().unwrap()).unwrap();
        let trust = trust.to_json().replace(atlas_cmk_local::seed::EXTERNAL_ID, external_id);
        let trust = trust.replace("not-ready-yet", external_id);
        world.iam().update_assume_role_policy().role_name("AtlasCmkSpoke").policy_document(trust).send().await.unwrap();
    };
    put("not-ready-yet").await;
    let become_ready = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        assert_eq!(world.records().await, [], "it waits before it writes anything");
        put(atlas_cmk_local::seed::EXTERNAL_ID).await;
    };
    let (run, ()) = tokio::join!(world.enable(), become_ready);
    assert_eq!(run.error, None, "{:?}", run.cause);
    world.assert_enabled().await;
}

#[tokio::test]
async fn an_account_of_another_role_is_refused_at_the_entry_step() {
    let world = World::with_two_accounts().await;
    let mut input = world.customer().input();
    input["account"]["roleArn"] = json!("arn:aws:iam::999999999999:role/AtlasCmkSpoke");
    let run = world.enable_with(&input).await;
    assert_failed(&run, "Input.Invalid", "record-obligation", &["account.roleArn: "]);
}

#[tokio::test]
async fn a_key_of_another_account_is_looked_at_there_by_the_nightly_check_and_by_the_diagnosis() {
    let world = World::with_two_accounts().await;
    world.enable_successfully().await;
    let key = world.customer().key_arn();
    world.kms().disable_key().key_id(&key).send().await.unwrap();
    let failed =
        json!({"state": "EnableKms", "failure": {"Error": "Atlas.CannotAssumeRole", "Cause": "[enable-kms] refused"}});
    let diagnosed = world.invoke("diagnose", &json!({"failed": failed, "request": world.customer().input()})).await;
    let diagnosis = diagnosed.output.unwrap()["diagnosis"].clone();
    assert_eq!(diagnosis["step"], "enable-kms");
    assert!(diagnosis["cause"].as_str().unwrap().contains("is disabled"), "{diagnosis}");
    let checked = world.invoke("guard-keys", &json!({"execution": "night"})).await.output.unwrap();
    assert!(checked["otherFindings"].to_string().contains(&key), "{checked}");
}
