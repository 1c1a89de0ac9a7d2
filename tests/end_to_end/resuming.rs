//! An enablement goes on from wherever another run, or a person, left off.

use atlas_cmk::{atlas::AwsKmsUpdate, policy::Statement};
use serde_json::json;

use crate::world::{World, converged_steps};

/// What a person does by hand, in the order of the documentation.
async fn do_by_hand(world: &World, steps: usize) {
    let (atlas, project, customer) = (world.atlas(), world.project_id(), world.customer());
    if steps == 0 {
        return;
    }
    let record = atlas.create_access_role(&project).await.unwrap();
    if steps == 1 {
        return;
    }
    let (principal, external_id) = (record.atlas_aws_account_arn.unwrap(), record.external_id.unwrap());
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }]});
    let create = world
        .iam()
        .create_role()
        .role_name(&customer.role_name)
        .assume_role_policy_document(trust.to_string())
        .permissions_boundary(customer.access_role_boundary());
    create.send().await.unwrap();
    let keys =
        ["us-east-1", "eu-west-1", "ap-southeast-2"].map(|region| customer.key_arn().replace("us-east-1", region));
    let allow =
        Statement::allow("Keys", &["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], keys.iter().map(String::as_str));
    let allow = atlas_cmk::policy::PolicyDocument::default().merge(&allow).to_json();
    let put =
        world.iam().put_role_policy().role_name(&customer.role_name).policy_name("by-hand").policy_document(allow);
    put.send().await.unwrap();
    if steps == 2 {
        return;
    }
    let role_arn = customer.role_arn().parse().unwrap();
    atlas.authorize_access_role(&project, &record.role_id, &role_arn).await.unwrap();
    if steps == 3 {
        return;
    }
    let update = AwsKmsUpdate {
        enabled: true,
        role_id: record.role_id,
        customer_master_key_id: customer.key_arn().parse().unwrap(),
        region: "US_EAST_1".to_owned(),
        require_private_networking: true,
    };
    atlas.update_aws_kms(&project, &update, None).await.unwrap();
    if steps == 4 {
        return;
    }
    atlas.create_private_endpoint(&project, &"eu-west-1".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn whatever_was_done_by_hand_before_is_adopted_and_the_rest_is_done() {
    let remaining: [&[&str]; 6] = [
        &["create-role", "update-trust", "authorize-role", "enable-kms", "create-endpoint"],
        &["update-trust", "authorize-role", "enable-kms", "create-endpoint"],
        // Our own statements are put beside those of the person.
        &["update-trust", "authorize-role", "enable-kms", "create-endpoint"],
        &["update-trust", "enable-kms", "create-endpoint"],
        &["update-trust", "create-endpoint"],
        &["update-trust", "create-endpoint"],
    ];
    for (steps, expected) in remaining.into_iter().enumerate() {
        let world = World::new().await;
        do_by_hand(&world, steps).await;
        let run = world.enable_successfully().await;
        let mut changed = converged_steps(&run);
        changed.dedup();
        assert_eq!(changed, expected, "after {steps} steps by hand");
        let endpoints = run.changes().iter().filter(|change| change["step"] == "create-endpoint").count();
        assert_eq!(endpoints, if steps == 5 { 2 } else { 3 }, "after {steps} steps by hand");
    }
}

#[tokio::test]
async fn a_run_that_failed_is_finished_by_running_again() {
    let world = World::new().await;
    for path in [
        "/api/atlas/v2/groups/*/cloudProviderAccess/*",
        "/api/atlas/v2/groups/*/encryptionAtRest",
        "/api/atlas/v2/groups/*/encryptionAtRest/AWS/privateEndpoints",
    ] {
        // Not retried by anything: the run ends there.
        let method = if path.ends_with("privateEndpoints") { "POST" } else { "PATCH" };
        let answer = json!({"status": 402, "errorCode": "NO_PAYMENT_INFORMATION_FOUND"});
        world.cloud.simulator.add_fault(json!({"method": method, "path": path, "answer": answer})).await.unwrap();
        let run = world.enable().await;
        assert_eq!(run.error.as_deref(), Some("Atlas.Rejected"), "{path}: {:?}", run.cause);
    }
    world.enable_successfully().await;
    assert_eq!(world.enable().await.changes().len(), 0);
}
