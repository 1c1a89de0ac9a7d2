//! An enablement goes on from wherever another run, or a person, left off.

use std::process::Command;

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
        .path("/atlas-cmk/")
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

/// Kills the processes of a function, as Lambda does with an environment that fails.
fn kill(function: &str) -> usize {
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={function}\0");
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_function = processes.filter(|id| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        id.parse::<u32>().is_ok() && String::from_utf8_lossy(&environment).contains(&name)
    });
    let killed = of_function.filter(|id| Command::new("kill").args(["-9", id]).status().unwrap().success());
    killed.count()
}

#[tokio::test]
async fn what_an_attempt_has_changed_that_was_killed_is_reported_all_the_same() {
    let world = World::new().await;
    // The function waits a second before it reads again: enough to kill it after its write.
    let path = "/api/atlas/v2/groups/*/cloudProviderAccess";
    let lost = json!({"method": "POST", "path": path, "when": "after", "answer": {"html": 502}});
    world.cloud.simulator.add_fault(lost).await.unwrap();
    let killing = async {
        while world.records().await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        kill(&format!("{}-create-role", world.customer().stack))
    };
    let (run, killed) = tokio::join!(world.enable(), killing);
    assert_eq!((run.error.as_deref(), killed), (None, 1), "{:?}", run.cause);
    assert_eq!(world.records().await.len(), 1, "it was made once");
    let of_role: Vec<_> = run.changes().iter().filter(|change| change["step"] == "create-role").collect();
    assert_eq!(of_role.len(), 1, "as it was planned, since who made it did not live to report it: {of_role:?}");
}
