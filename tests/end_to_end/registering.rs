//! What is written down of a project, and what of it stays.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_verified_project_is_registered_with_what_brings_its_state_about() {
    let world = World::new().await;
    assert_eq!(world.registered().await, None);
    let run = world.enable_successfully().await;
    let entry = world.registered().await.unwrap();
    let output = run.output.unwrap();
    assert_eq!((&entry["roleId"], &entry["keyArn"]), (&output["roleId"], &output["keyArn"]));
    assert_eq!(entry["stage"], "enabled");
    assert_eq!(entry["desired"], world.customer().input());
    assert!(run.arn.ends_with(entry["execution"].as_str().unwrap()));

    let tag = format!("atlas-cmk:project:{}", world.customer().project_id);
    let role = world.iam().get_role().role_name(&world.customer().role_name).send().await.unwrap().role.unwrap();
    assert!(role.tags().iter().any(|it| it.key() == tag), "{:?}", role.tags());
    let tags = world.kms().list_resource_tags().key_id(world.customer().key_arn()).send().await.unwrap().tags.unwrap();
    assert!(tags.iter().any(|it| it.tag_key() == tag), "{tags:?}");

    // What is registered can be run again as it is.
    let again = world.enable_with(&entry["desired"]).await;
    assert_eq!((again.error.clone(), again.changes()), (None, &[] as &[Value]), "{:?}", again.cause);
    assert_eq!(world.registered().await.unwrap(), entry, "a run that changes nothing writes nothing");
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
    let entry = world.registered().await.unwrap();
    assert_eq!((&entry["stage"], &entry["desired"]), (&json!("enabling"), &world.customer().input()));
}
