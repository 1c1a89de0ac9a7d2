//! `describe`: everything about a project and its key, as the Atlas console shows it and more: access roles with who
//! uses them and how old a half-done one is, encryption, private endpoints, clusters, the keys as KMS sees them, what
//! is registered, and where the world differs from it.

mod read;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Result,
    ids::{AccessRoleId, AccountAccess, KmsKeyArn, PrivateEndpointId, ProjectId, SecretId},
    registry::Project,
    report::Difference,
    step::{Actions, Answer, Readers, Step, actions, sample_file},
};

/// The step.
pub struct Describe;

/// The project to describe.
///
/// A field that is null counts as omitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Access to the account of role and key, if it is another. Not needed for a registered project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack: one of `MoreAtlasSecretArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
}

/// The state of the project and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The project.
    pub project: ProjectInfo,
    /// Its access role records, including those that were never authorized.
    pub access_roles: Vec<AccessRoleInfo>,
    /// Its encryption at rest.
    pub encryption: EncryptionInfo,
    /// Its private endpoints.
    pub private_endpoints: Vec<EndpointInfo>,
    /// Its clusters.
    pub clusters: Vec<ClusterInfo>,
    /// The key in each registered region, as KMS reports it.
    pub keys: Vec<KeyInfo>,
    /// What the registry has of the project; null if it was never registered.
    pub registered: Option<Project>,
    /// The differences between the actual and the registered state.
    pub differences: Vec<Difference>,
}

/// An Atlas project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectInfo {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The organization it is in.
    pub org_id: String,
}

/// An access role record of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessRoleInfo {
    /// Atlas's id of the record.
    pub role_id: AccessRoleId,
    /// `authorized`, or `pending` if it never was.
    pub state: AccessRoleState,
    /// The IAM role it is authorized for.
    pub role_arn: Option<String>,
    /// The principal that assumes the role.
    pub atlas_aws_account_arn: Option<String>,
    /// The external ID it presents.
    pub external_id: Option<String>,
    /// When it was created, ISO 8601.
    pub created_at: Option<String>,
    /// How many hours ago that was.
    pub age_hours: Option<i64>,
    /// When it was authorized, ISO 8601.
    pub authorized_at: Option<String>,
    /// The Atlas features that use it.
    pub used_by: Vec<String>,
    /// Whether it is the registered one of the project.
    pub is_registered: bool,
}

/// The state of an access role record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessRoleState {
    /// Atlas may use it.
    Authorized,
    /// It was created and never authorized: enable-encryption continues with it, and `cancel-authorization` removes it.
    Pending,
}

/// The encryption at rest of a project.
#[expect(clippy::struct_excessive_bools, reason = "it is Atlas's own shape")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionInfo {
    /// Whether encryption with customer-managed keys of AWS KMS is enabled.
    pub enabled: bool,
    /// Whether Atlas can use the key: Atlas checks on every request.
    pub valid: bool,
    /// The key, by ARN or id.
    pub key: Option<String>,
    /// Its region in Atlas's spelling.
    pub region: Option<String>,
    /// The access role it is used with.
    pub role_id: Option<String>,
    /// Whether Atlas reaches the key over private endpoints only.
    pub require_private_networking: bool,
    /// Whether search nodes use it too.
    pub search_nodes: bool,
    /// Other providers whose keys are enabled.
    pub other_providers: Vec<String>,
}

/// A private endpoint of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointInfo {
    /// Its region in AWS's spelling, where it has one.
    pub region: String,
    /// Its id, which changes when Atlas recreates it.
    pub id: PrivateEndpointId,
    /// Its status.
    pub status: String,
    /// The error message that Atlas gives, if any.
    pub error_message: Option<String>,
}

/// A cluster of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInfo {
    /// Its name.
    pub name: String,
    /// Whose keys it uses: `NONE`, `AWS`, `AZURE` or `GCP`.
    pub encryption_at_rest_provider: String,
    /// `IDLE` when every change has been applied.
    pub state: String,
    /// Whether it is paused.
    pub paused: bool,
    /// The regions its nodes are in, in Atlas's spelling.
    pub regions: Vec<String>,
    /// Whose keys its search nodes use, if it has any: Atlas reports it minutes after they were created.
    pub search_nodes_encryption_provider: Option<String>,
    /// Why it cannot use the key, if it cannot.
    pub cannot_use_key: Option<String>,
}

/// The key in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its ARN there.
    pub key_arn: KmsKeyArn,
    /// `Enabled`, or why the key cannot be used, or `missing`.
    pub state: String,
}

impl Step for Describe {
    const NAME: &'static str = "describe";
    const ABOUT: &'static str = "Read-only: returns everything about a project on both sides, and where it differs \
        from its registration";
    const ACTIONS: Actions = &[
        actions::ATLAS,
        actions::OTHER_ACCOUNTS,
        &["dynamodb:GetItem", "iam:GetRole", "iam:GetRolePolicy", "kms:DescribeKey"],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../events/steps/describe.json"))
    }
}

impl Answer for Describe {
    type Observation = Output;

    async fn observe(readers: &Readers, input: &Input) -> Result<Output> {
        Box::pin(read::project(readers, input)).await
    }

    fn answer(_: &Input, output: Output, _: Timestamp) -> Result<Output> {
        Ok(output)
    }
}
