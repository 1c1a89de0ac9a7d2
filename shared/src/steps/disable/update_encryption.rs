//! `update-encryption`: the demand for private networking, or customer-managed keys as a whole, switched off. Of encryption
//! at rest only the AWS block is ever sent: that of another provider is not ours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::EncryptionAtRest,
    error::{ErrorName, Result},
    ids::{ProjectId, SecretId},
    registry::approvals::PartOfPlan,
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct UpdateEncryption;

/// The project, and what of it is to be switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What is to be switched off.
    pub part: Part,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
    /// The hash of the plan that was approved.
    #[serde(default)]
    pub plan_hash: Option<String>,
}

/// What can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The demand that the key is reached over private endpoints only.
    PrivateNetworking,
    /// Customer-managed keys.
    Keys,
}

/// The project's encryption at rest as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether the project uses a customer-managed key of AWS KMS.
    pub enabled: bool,
    /// Whether the key is reached over private endpoints only.
    pub require_private_networking: bool,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchOff {
    project: ProjectId,
    part: Part,
    key: Option<String>,
    search_nodes: bool,
}

impl Described for SwitchOff {
    fn description(&self) -> Description {
        let resource = format!("/groups/{}/encryptionAtRest", self.project);
        match self.part {
            Part::PrivateNetworking => Description::update(resource, "private networking no longer required")
                .consequence("Atlas reaches the key over the public network again")
                .before(json!({"awsKms": {"requirePrivateNetworking": true}}))
                .after(json!({"awsKms": {"requirePrivateNetworking": false}})),
            Part::Keys => Description::delete(resource, "customer-managed keys of AWS KMS switched off")
                .consequences(self.key.iter().map(|key| {
                    format!(
                        "snapshots need the key that encrypted them: keep {key} for as long as they exist, and \
                        configure it for the project again to restore one"
                    )
                }))
                .consequences(
                    self.search_nodes.then(|| "Atlas replaces search nodes, and search indexes are rebuilt".to_owned()),
                )
                .before(json!({"awsKms": {"enabled": true, "customerMasterKeyID": self.key}}))
                .after(json!({"awsKms": {"enabled": false}})),
        }
    }
}

impl Step for UpdateEncryption {
    const NAME: &'static str = "update-encryption";
    const ABOUT: &'static str = "Disables the private networking requirement, or customer-managed keys of the project. \
        Sends the AWS block only";
    const RETRIES: Retries = Retries::Minutes(&[
        ErrorName::AtlasCannotAssumeRole,
        ErrorName::KmsAccessDenied,
        ErrorName::ClusterStillEncrypted,
    ]);
    const ACTIONS: Actions = &[actions::ATLAS, &["dynamodb:GetItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"projectId": "66f0a1b2c3d4e5f601234567", "part": "keys"})
    }
}

impl Converge for UpdateEncryption {
    type Observation = EncryptionAtRest;
    type Change = SwitchOff;

    async fn observe(readers: &Readers, input: &Input) -> Result<EncryptionAtRest> {
        Ok(readers.atlas.encryption_at_rest(&input.project_id).await?)
    }

    fn decide(input: &Input, observed: &EncryptionAtRest) -> Result<Vec<SwitchOff>> {
        let now = observed.aws_kms.clone().unwrap_or_default();
        let is_on =
            now.enabled == Some(true) && (input.part == Part::Keys || now.require_private_networking == Some(true));
        let switch_off = || SwitchOff {
            project: input.project_id.clone(),
            part: input.part,
            key: now.customer_master_key_id.clone(),
            search_nodes: observed.enabled_for_search_nodes == Some(true),
        };
        Ok(is_on.then(switch_off).into_iter().collect())
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        Some(PartOfPlan { project_id: &input.project_id, execution, plan_hash })
    }

    async fn act(
        writers: &Writers,
        input: &Input,
        observed: EncryptionAtRest,
        changes: &[SwitchOff],
    ) -> Result<Output> {
        let now = match (changes, input.part) {
            ([], _) => observed,
            (_, Part::PrivateNetworking) => writers.atlas().stop_private_networking(&input.project_id).await?,
            (_, Part::Keys) => writers.atlas().disable_aws_kms(&input.project_id).await?,
        };
        let now = now.aws_kms.unwrap_or_default();
        Ok(Output {
            enabled: now.enabled == Some(true),
            require_private_networking: now.require_private_networking == Some(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atlas::{AwsKms, OtherProvider};

    #[test]
    fn what_is_on_is_switched_off_and_nothing_else() {
        let observed = |enabled: bool, private: bool| EncryptionAtRest {
            aws_kms: Some(AwsKms {
                enabled: Some(enabled),
                require_private_networking: Some(private),
                customer_master_key_id: Some("arn:aws:kms:us-east-1:444455556666:key/mrk-1".to_owned()),
                ..AwsKms::default()
            }),
            google_cloud_kms: Some(OtherProvider { enabled: Some(true) }),
            ..EncryptionAtRest::default()
        };
        for (part, enabled, private, changes) in [
            (Part::PrivateNetworking, true, true, 1),
            (Part::PrivateNetworking, true, false, 0),
            (Part::PrivateNetworking, false, false, 0),
            (Part::Keys, true, true, 1),
            (Part::Keys, true, false, 1),
            (Part::Keys, false, false, 0),
        ] {
            let input = Input {
                project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
                part,
                atlas_secret_id: None,
                execution: None,
                plan_hash: None,
            };
            let decided = UpdateEncryption::decide(&input, &observed(enabled, private)).unwrap();
            assert_eq!(decided.len(), changes, "{part:?} {enabled} {private}");
            let listed: Vec<String> =
                decided.iter().flat_map(|change| change.description().made("").consequences).collect();
            assert_eq!(
                listed.iter().any(|it| it.contains("keep arn:")),
                part == Part::Keys && changes == 1,
                "{listed:?}"
            );
            let after: Vec<Value> = decided.iter().map(|change| change.description().planned("").after).collect();
            assert!(after.iter().all(|after| after.as_object().unwrap().keys().eq(["awsKms"])), "{after:?}");
            assert_eq!(UpdateEncryption::decide(&input, &EncryptionAtRest::default()).unwrap(), []);
        }
    }
}
