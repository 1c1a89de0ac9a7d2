//! Definitions and histories of executions under a key of the deployment.

use atlas_cmk_local::approver;
use aws_sdk_sfn::{Client, error::ProvideErrorMetadata, types::EncryptionType};

use crate::{attacker, world::World};

#[tokio::test]
async fn a_history_under_a_key_is_read_by_whoever_may_use_the_key() {
    let mut world = World::new().await;
    let kms = aws_sdk_kms::Client::new(&world.hub().sdk_config());
    let key = kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    world.redeploy(vec![("EncryptionKeyArn", key.clone())]).await;
    let enabled = world.enable_successfully().await;

    let owner = Client::new(&world.hub().sdk_config());
    for machine in owner.list_state_machines().send().await.unwrap().state_machines {
        let described =
            owner.describe_state_machine().state_machine_arn(&machine.state_machine_arn).send().await.unwrap();
        let encryption = described.encryption_configuration.unwrap();
        assert_eq!(encryption.r#type, EncryptionType::CustomerManagedKmsKey, "{}", machine.name);
        assert_eq!(encryption.kms_key_id.as_ref(), Some(&key), "{}", machine.name);
    }

    let starters = world.cloud.stack.output("StartersPolicyArn").unwrap();
    let starter = Client::new(&approver::session_with(&world.cloud.stack, "Starter", starters).await.unwrap());
    starter.get_execution_history().execution_arn(&enabled.arn).send().await.unwrap();
    let auditor = Client::new(&attacker::role_with(world.hub(), "Auditor", "states:*").await);
    let refused = auditor.get_execution_history().execution_arn(&enabled.arn).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("KmsAccessDeniedException"));
}
