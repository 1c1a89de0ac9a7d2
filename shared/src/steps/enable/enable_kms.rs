//! `enable-kms`: customer-managed keys on the project. Only the AWS block is ever sent, always whole, since the first
//! enabling demands all of it and a later one accepts it.
//!
//! A key that Atlas says it cannot use is an error here and not something to wait for: Atlas checks while it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{AwsKms, AwsKmsUpdate, EncryptionAtRest},
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, KmsKeyArn, ProjectId, SecretId},
    model::{
        enablement::{Enablement, sample},
        encryption::Asked,
    },
    registry::approvals::PartOfPlan,
    report::{Action, Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct EnableKms;

/// The key and the role to reach it with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The authorized access role record.
    pub role_id: AccessRoleId,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// Whether private networking is requested. If not, the setting of the project stays as it is.
    #[serde(default)]
    pub require_private_networking: bool,
    /// Whether search nodes use the key too. If omitted, the setting stays as it is.
    #[serde(default)]
    pub search_nodes: Option<bool>,
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

impl Input {
    /// The input in an enablement.
    pub fn of(enablement: &Enablement<'_>) -> Self {
        Self {
            project_id: enablement.project_id.clone(),
            role_id: enablement.role_id.clone(),
            key_arn: enablement.key_arn.clone(),
            require_private_networking: !enablement.request.regions().is_empty(),
            search_nodes: enablement.request.search_nodes,
            atlas_secret_id: enablement.request.atlas_secret_id.clone(),
            execution: enablement.execution.clone(),
            plan_hash: None,
        }
    }
}

/// The project's encryption at rest as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether Atlas can use the key. Always true: a key it cannot use is an error.
    pub valid: bool,
    /// Whether Atlas reaches the key over private endpoints only.
    pub require_private_networking: bool,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configure {
    project: ProjectId,
    update: AwsKmsUpdate,
    search_nodes: Option<bool>,
    action: Action,
    before: Before,
    /// Nothing differs, but the key is not valid: Atlas checks again when it is written.
    only_looks_again: bool,
}

/// What a change is going to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Before {
    aws_kms: AwsKms,
    search_nodes: Option<bool>,
}

impl Described for Configure {
    fn description(&self) -> Description {
        let networking = if self.update.require_private_networking { ", private networking required" } else { "" };
        let search = match self.search_nodes {
            Some(true) => ", search nodes too",
            Some(false) => ", search nodes not",
            None => "",
        };
        let summary = format!("customer-managed key {}{networking}{search}", self.update.customer_master_key_id);
        let now = &self.before.aws_kms;
        Description::new(self.action, format!("/groups/{}/encryptionAtRest", self.project), summary)
            .consequences(self.consequences())
            .before(json!({
                "awsKms": {
                    "enabled": now.enabled,
                    "roleId": now.role_id,
                    "customerMasterKeyID": now.customer_master_key_id,
                    "region": now.region,
                    "requirePrivateNetworking": now.require_private_networking,
                    "valid": now.valid,
                },
                "enabledForSearchNodes": self.before.search_nodes,
            }))
            .after(json!({
                "awsKms": {
                    "enabled": true,
                    "roleId": self.update.role_id,
                    "customerMasterKeyID": self.update.customer_master_key_id,
                    "region": self.update.region,
                    "requirePrivateNetworking": self.update.require_private_networking,
                    "valid": true,
                },
                "enabledForSearchNodes": self.search_nodes.or(self.before.search_nodes),
            }))
    }

    fn is_difference(&self) -> bool {
        !self.only_looks_again
    }
}

impl Configure {
    fn consequences(&self) -> Vec<String> {
        let now = &self.before.aws_kms;
        let mut consequences = Vec::new();
        if now.uses_access_key() {
            consequences.push("the switch from an access key to a role cannot be undone".to_owned());
        }
        let old = now.customer_master_key_id.as_deref().filter(|_| now.enabled == Some(true));
        if let Some(old) = old.filter(|old| !self.update.customer_master_key_id.is_meant_by(old)) {
            consequences
                .push(format!("snapshots need the key that encrypted them: keep {old} for as long as they exist"));
        }
        if now.enabled != Some(true) {
            consequences.push("Atlas charges for encryption with customer-managed keys".to_owned());
        }
        if self.search_nodes.is_some_and(|wanted| self.before.search_nodes.unwrap_or_default() != wanted) {
            consequences.push("Atlas replaces search nodes, and search indexes are rebuilt".to_owned());
        }
        consequences
    }
}

impl Step for EnableKms {
    const NAME: &'static str = "enable-kms";
    const ABOUT: &'static str = "Enables encryption at rest with the key. Sends the AWS block only, never another \
        provider's";
    const RETRIES: Retries = Retries::Minutes(&[
        ErrorName::AtlasCannotAssumeRole,
        ErrorName::AtlasRoleNotAuthorized,
        ErrorName::KmsAccessDenied,
    ]);
    const ACTIONS: Actions = &[actions::ATLAS, &["dynamodb:GetItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }
}

impl Converge for EnableKms {
    type Observation = EncryptionAtRest;
    type Change = Configure;

    async fn observe(readers: &Readers, input: &Input) -> Result<EncryptionAtRest> {
        Ok(readers.atlas.encryption_at_rest(&input.project_id).await?)
    }

    fn decide(input: &Input, observed: &EncryptionAtRest) -> Result<Vec<Configure>> {
        for (other, name) in
            [(&observed.azure_key_vault, "Azure Key Vault"), (&observed.google_cloud_kms, "Google Cloud KMS")]
        {
            if other.as_ref().is_some_and(|provider| provider.enabled == Some(true)) {
                return Err(Error::new(
                    ErrorName::AtlasConflict,
                    format!(
                        "project {} uses keys of {name}, which atlas-cmk does not switch off; disable them in Atlas first",
                        input.project_id
                    ),
                ));
            }
        }
        let now = observed.aws_kms.clone().unwrap_or_default();
        // A key that Atlas cannot use is configured again, though nothing differs: only a write returns why it cannot,
        // and whether that passes. It also makes Atlas check again after a role was fixed. Left out by Atlas is false.
        let search_now = observed.enabled_for_search_nodes.unwrap_or_default();
        let search_as_asked = input.search_nodes.is_none_or(|wanted| search_now == wanted);
        if asked(input).is_met_by(&now) && now.valid == Some(true) && search_as_asked {
            return Ok(Vec::new());
        }
        let only_looks_again = asked(input).is_met_by(&now) && search_as_asked;
        let enabled = now.enabled == Some(true);
        let keep_networking = enabled && now.require_private_networking == Some(true);
        Ok(vec![Configure {
            project: input.project_id.clone(),
            update: AwsKmsUpdate {
                enabled: true,
                role_id: input.role_id.clone(),
                customer_master_key_id: input.key_arn.clone(),
                region: input.key_arn.region().to_atlas(),
                require_private_networking: input.require_private_networking || keep_networking,
            },
            search_nodes: input.search_nodes,
            action: if enabled { Action::Update } else { Action::Create },
            only_looks_again,
            before: Before { aws_kms: now, search_nodes: observed.enabled_for_search_nodes },
        }])
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        Some(PartOfPlan { project_id: &input.project_id, execution, plan_hash })
    }

    async fn act(
        writers: &Writers,
        input: &Input,
        observed: EncryptionAtRest,
        changes: &[Configure],
    ) -> Result<Output> {
        let mut now = observed;
        for change in changes {
            now = writers.atlas().update_aws_kms(&change.project, &change.update, change.search_nodes).await?;
        }
        let now = now.aws_kms.unwrap_or_default();
        if now.valid == Some(true) {
            return Ok(Output {
                valid: true,
                require_private_networking: now.require_private_networking == Some(true),
            });
        }
        Err(Error::new(
            ErrorName::KmsKeyUnusable,
            format!(
                "Atlas cannot use {} for project {}. Check that the key is enabled and not pending deletion, that the \
                 key policy allows the IAM role, and that the trust policy of the role still has the statement of \
                 atlas-cmk. At its next check, Atlas shuts down clusters that depend on the key",
                input.key_arn, input.project_id
            ),
        ))
    }
}

fn asked(input: &Input) -> Asked<'_> {
    let (role_id, key_arn) = (&input.role_id, &input.key_arn);
    Asked { role_id, key_arn, private_networking: input.require_private_networking }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        atlas::OtherProvider,
        fixtures::{aws_kms, enablement, request},
    };

    fn input(private: bool) -> Input {
        Input { require_private_networking: private, ..Input::of(&enablement(&request(&json!({})))) }
    }

    fn configured(private: bool) -> AwsKms {
        AwsKms { require_private_networking: Some(private), ..aws_kms() }
    }

    fn decide(input: &Input, aws_kms: Option<AwsKms>) -> Vec<(Action, bool)> {
        let observed = EncryptionAtRest { aws_kms, ..EncryptionAtRest::default() };
        let changes = EnableKms::decide(input, &observed).unwrap();
        changes.into_iter().map(|change| (change.action, change.update.require_private_networking)).collect()
    }

    #[test]
    fn a_project_is_configured_when_it_differs_and_only_then() {
        let mut other_key = configured(true);
        other_key.customer_master_key_id = Some("mrk-1".to_owned());
        let invalid = AwsKms { valid: Some(false), ..configured(true) };
        let disabled = AwsKms { enabled: Some(false), valid: Some(false), ..AwsKms::default() };
        for (private, now, expected) in [
            (true, None, vec![(Action::Create, true)]),
            (false, Some(disabled), vec![(Action::Create, false)]),
            (true, Some(configured(true)), vec![]),
            (true, Some(configured(false)), vec![(Action::Update, true)]),
            (true, Some(other_key), vec![(Action::Update, true)]),
            (true, Some(invalid), vec![(Action::Update, true)]),
        ] {
            assert_eq!(decide(&input(private), now.clone()), expected, "{private} {now:?}");
        }
    }

    #[test]
    fn not_asking_for_private_networking_never_switches_it_off() {
        assert_eq!(decide(&input(false), Some(configured(true))), []);
        let mut other_key = configured(true);
        other_key.customer_master_key_id = Some("arn:aws:kms:us-east-1:444455556666:key/mrk-2".to_owned());
        assert_eq!(decide(&input(false), Some(other_key)), [(Action::Update, true)]);
    }

    #[test]
    fn keys_of_another_cloud_are_a_conflict() {
        let on = Some(OtherProvider { enabled: Some(true) });
        for observed in [
            EncryptionAtRest { azure_key_vault: on.clone(), ..EncryptionAtRest::default() },
            EncryptionAtRest { google_cloud_kms: on, ..EncryptionAtRest::default() },
        ] {
            assert_eq!(EnableKms::decide(&input(true), &observed).unwrap_err().name(), ErrorName::AtlasConflict);
        }
    }

    fn consequences(input: &Input, observed: &EncryptionAtRest) -> Vec<String> {
        EnableKms::decide(input, observed).unwrap().iter().flat_map(Configure::consequences).collect()
    }

    #[test]
    fn what_cannot_be_undone_and_what_has_to_be_kept_is_reported() {
        let with_access_key =
            AwsKms { role_id: None, access_key_id: Some("AKIAEXAMPLE".to_owned()), ..configured(false) };
        let observed = EncryptionAtRest { aws_kms: Some(with_access_key), ..EncryptionAtRest::default() };
        let listed = consequences(&input(false), &observed);
        assert!(listed.iter().any(|it| it.contains("cannot be undone")), "{listed:?}");

        let mut other_key = configured(false);
        other_key.customer_master_key_id = Some("arn:aws:kms:us-east-1:444455556666:key/mrk-2".to_owned());
        let observed = EncryptionAtRest { aws_kms: Some(other_key), ..EncryptionAtRest::default() };
        let listed = consequences(&input(false), &observed);
        assert!(listed.iter().any(|it| it.contains("keep") && it.contains("mrk-2")), "{listed:?}");
    }

    #[test]
    fn search_nodes_are_changed_only_when_asked_for() {
        let observed = |search: bool| EncryptionAtRest {
            aws_kms: Some(configured(false)),
            enabled_for_search_nodes: Some(search),
            ..EncryptionAtRest::default()
        };
        assert_eq!(EnableKms::decide(&input(false), &observed(true)).unwrap(), []);
        let asked = Input { search_nodes: Some(true), ..input(false) };
        assert_eq!(EnableKms::decide(&asked, &observed(true)).unwrap(), []);
        let listed = consequences(&asked, &observed(false));
        assert!(listed.iter().any(|it| it.contains("indexes are rebuilt")), "{listed:?}");
    }
}
