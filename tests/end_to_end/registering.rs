//! What is written down of a project, and what of it stays.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_verified_project_is_registered_with_what_brings_its_state_about() {
    let world = World::new().await;
    assert_eq!(world.registered().await, None);
    let run = world.enable_successfully().await;
    let project = world.registered().await.unwrap();
    let entry = &project["current"];
    let output = run.output.unwrap();
    assert_eq!((&entry["roleId"], &entry["keyArn"]), (&output["roleId"], &output["keyArn"]));
    assert_eq!((&project["intended"], &project["disabled"]), (&Value::Null, &json!(false)));
    assert_eq!(entry["desired"], world.customer().input());
    assert!(run.arn.ends_with(entry["execution"].as_str().unwrap()));
    let published = world.published().await.unwrap();
    assert_eq!((&published["roleId"], &published["keyArn"]), (&output["roleId"], &output["keyArn"]));

    let tag = format!("atlas-cmk:project:{}", world.customer().project_id);
    let role = world.iam().get_role().role_name(&world.customer().role_name).send().await.unwrap().role.unwrap();
    assert!(role.tags().iter().any(|it| it.key() == tag), "{:?}", role.tags());
    let tags = world.kms().list_resource_tags().key_id(world.customer().key_arn()).send().await.unwrap().tags.unwrap();
    assert!(tags.iter().any(|it| it.tag_key() == tag), "{tags:?}");

    // What is registered can be run again as it is.
    let again = world.enable_with(&entry["desired"]).await;
    assert_eq!((again.error.clone(), again.changes()), (None, &[] as &[Value]), "{:?}", again.cause);
    assert_eq!(world.registered().await.unwrap(), project, "a run that changes nothing writes nothing");
}

#[tokio::test]
async fn a_key_that_was_replaced_is_reported_and_stays_on_the_list() {
    let world = World::new().await;
    world.enable_successfully().await;
    let other = world.with_another_key().await;
    let run = world.enable_with(&other.input()).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    let output = run.output.unwrap();
    assert_eq!(output["oldKeys"][0]["key"], world.customer().key_arn());
    assert!(output["changes"].to_string().contains("snapshots need the key that encrypted them"), "{output}");
    let disabled = world.cloud.atlas_writes().await.unwrap().iter().filter(|write| write.starts_with("PATCH")).count();
    assert_eq!(disabled, 3, "authorized, configured, configured with the other key: nothing was switched off");

    let again = world.enable_with(&other.input()).await;
    assert_eq!(again.changes(), [] as [Value; 0]);
    assert_eq!(
        again.output.unwrap()["oldKeys"][0]["key"],
        world.customer().key_arn(),
        "for as long as snapshots need it"
    );
    assert_eq!(world.registered().await.unwrap()["oldKeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_failed_is_known_to_have_been_set_out_for_and_no_more() {
    let world = World::new().await;
    let fail = json!({"endpoints": {"EU_WEST_1": {"kind": "fail"}}});
    world.cloud.simulator.behave(fail).await.unwrap();
    assert!(world.enable().await.error.is_some());
    let project = world.registered().await.unwrap();
    assert_eq!((&project["current"], &project["intended"]["desired"]), (&Value::Null, &world.customer().input()));
    assert_eq!(world.published().await, None);
}

#[tokio::test]
async fn a_run_that_fails_leaves_what_was_registered_in_force() {
    let (world, _) = World::new().await.watched().await;
    let mut guarded = world.customer().input();
    guarded["guard"] = json!("restore");
    assert_eq!(world.enable_with(&guarded).await.error, None);
    let before = world.registered().await.unwrap();
    let other = world.with_another_key().await;
    world.cloud.simulator.behave(json!({"endpoints": {"EU_WEST_1": {"kind": "fail"}}})).await.unwrap();
    let mut moved = other.input();
    moved["regions"] = json!(["us-east-1", "eu-west-1", "eu-central-1"]);
    world.cloud.simulator.behave(json!({"endpoints": {"EU_CENTRAL_1": {"kind": "fail"}}})).await.unwrap();
    assert!(world.enable_with(&moved).await.error.is_some());
    let after = world.registered().await.unwrap();
    assert_eq!(after["current"], before["current"], "the state that was verified last is in force");
    assert_eq!(after["intended"]["keyArn"], other.key_arn());

    // It is still guarded, both the key in force and the announced one.
    world.kms().disable_key().key_id(world.customer().key_arn()).send().await.unwrap();
    for attempt in 0.. {
        if world.key_state().await == "Enabled" {
            break;
        }
        assert!(attempt < 100, "the key was not restored");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
