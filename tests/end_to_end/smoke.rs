//! The smoke test for a real account, on the embedded cloud.

use atlas_cmk_local::simulator::Simulator;
use aws_sdk_kms::types::KeyState;
use aws_smoke::{
    Name, remove,
    run::{Atlas, Target, run},
};

use crate::world::empty_account;

const REPLICA_REGION: &str = "eu-west-1";

#[tokio::test]
async fn every_check_passes_and_nothing_is_left_but_keys_that_will_be_deleted() {
    let (target, _simulator) = target().await;
    let name = Name::random();
    let report = run(&target, &name).await.unwrap();
    let failed: Vec<_> = report.checks.iter().filter(|check| check.outcome.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(report.checks.len(), 5);
    assert_nothing_is_left(&target, &name).await;
    let kept = report.kept.unwrap();
    assert!(kept.iter().any(|kept| kept.starts_with("KMS key arn:aws:kms:us-east-1:")), "{kept:?}");
}

#[tokio::test]
async fn what_a_smoke_test_that_died_has_left_is_found_and_removed() {
    let (target, _simulator) = target().await;
    let name = Name::random();
    let dying = run(&target, &name);
    // Dies when the key is there: an execution is at work.
    tokio::select! {
        report = dying => panic!("it was over before it could die: {report:?}"),
        () = key_is_there(&target, &name) => {}
    }
    let left = remove::left(&target.account).await.unwrap();
    assert_eq!(left, [(name.clone(), false)], "it may still be running");
    remove::remove(&target.account, &name).await.unwrap();
    assert_eq!(remove::left(&target.account).await.unwrap(), []);
    assert_nothing_is_left(&target, &name).await;
}

async fn target() -> (Target, Simulator) {
    let (account, simulator, build) = empty_account().await;
    let atlas = Atlas::Simulator(simulator.url().parse().unwrap());
    let replica_region = REPLICA_REGION.to_owned();
    (Target { account, replica_region, atlas, build, architecture: Some("x86_64") }, simulator)
}

async fn key_is_there(target: &Target, name: &Name) {
    let kms = aws_sdk_kms::Client::new(&target.account.sdk_config());
    while kms.describe_key().key_id(name.alias()).send().await.is_err() {
        tokio::time::sleep(target.account.pace()).await;
    }
}

async fn assert_nothing_is_left(target: &Target, name: &Name) {
    let config = target.account.sdk_config();
    let iam = aws_sdk_iam::Client::new(&config);
    let roles = iam.list_roles().send().await.unwrap();
    assert!(roles.roles().is_empty(), "{roles:?}");
    let policies = iam.list_policies().scope(aws_sdk_iam::types::PolicyScopeType::Local).send().await.unwrap();
    assert!(policies.policies().is_empty(), "{policies:?}");
    let parameters = aws_sdk_ssm::Client::new(&config).get_parameters_by_path().path("/").recursive(true).send().await;
    assert_eq!(parameters.unwrap().parameters(), []);
    let tables = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap();
    assert_eq!(tables.table_names(), [] as [String; 0]);
    let secrets = aws_sdk_secretsmanager::Client::new(&config).list_secrets().send().await.unwrap();
    assert_eq!(secrets.secret_list(), []);
    for region in [target.account.region(), REPLICA_REGION] {
        let kms = aws_sdk_kms::Client::new(&target.account.sdk_config_in(region));
        let aliases = kms.list_aliases().send().await.unwrap();
        assert!(aliases.aliases().iter().all(|it| it.alias_name() != Some(&name.alias())), "{aliases:?}");
        for key in kms.list_keys().send().await.unwrap().keys() {
            let key = kms.describe_key().key_id(key.key_id().unwrap()).send().await.unwrap().key_metadata.unwrap();
            let is_going = [Some(&KeyState::PendingDeletion), Some(&KeyState::PendingReplicaDeletion)];
            assert!(is_going.contains(&key.key_state()), "{key:?}");
        }
    }
}
