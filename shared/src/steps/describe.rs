//! `describe`: everything about a project and its key, as the Atlas console shows it and more: access roles with who uses them and how old a half-done
//! one is, encryption, private endpoints, clusters, the keys as KMS sees them, what is registered, and where the world differs from it.

mod read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoChange, verify::Difference};
use crate::{
    aws::AccountAccess,
    error::Result,
    ids::{AccessRoleId, KmsKeyArn, PrivateEndpointId, ProjectId, SecretId},
    registry::Entry,
    step::{Context, Step},
};

/// The step.
pub struct Describe;

/// What people and pipelines write: the input of the state machine `describe-project`.
///
/// A field that is null is a field that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DescribeProject {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The account of role and key, if it is not the one the functions run in. Of a registered project it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// The secret with the Atlas credentials, if it is not the one of the stack: one of `MoreAtlasSecretArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
}

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What people and pipelines write.
    pub request: DescribeProject,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What an execution answers: the output of the state machine `describe-project`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum DescribeProjectOutput {
    /// The only one.
    Describe(Box<Output>),
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The project.
    pub project: ProjectInfo,
    /// Its access roles, those that were never authorized among them.
    pub access_roles: Vec<AccessRoleInfo>,
    /// Its encryption at rest.
    pub encryption: EncryptionInfo,
    /// Its private endpoints.
    pub private_endpoints: Vec<EndpointInfo>,
    /// Its clusters.
    pub clusters: Vec<ClusterInfo>,
    /// The key in each region that is registered, as KMS sees it.
    pub keys: Vec<KeyInfo>,
    /// What is registered of the project; null if nothing is.
    pub registered: Option<Entry>,
    /// Where the world differs from what is registered.
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

/// An access role of the project.
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
    /// When it was made, ISO 8601.
    pub created: Option<String>,
    /// How many hours ago that was.
    pub age_hours: Option<i64>,
    /// When it was authorized, ISO 8601.
    pub authorized: Option<String>,
    /// The features of Atlas that use it.
    pub used_by: Vec<String>,
    /// Whether it is the one that is registered of the project.
    pub is_registered: bool,
}

/// How far an access role has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessRoleState {
    /// Atlas may use it.
    Authorized,
    /// It was made and never authorized: enabling goes on with it, and `cancel-authorization` removes it.
    Pending,
}

/// The encryption at rest of a project.
#[expect(clippy::struct_excessive_bools, reason = "it is Atlas's own shape")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionInfo {
    /// Whether customer-managed keys of AWS KMS are on.
    pub enabled: bool,
    /// Whether Atlas can use the key: it looks whenever it is asked.
    pub valid: bool,
    /// The key, by ARN or id.
    pub key: Option<String>,
    /// Its region in Atlas's spelling.
    pub region: Option<String>,
    /// The access role it is used with.
    pub role_id: Option<String>,
    /// Whether the key is reached over private endpoints only.
    pub require_private_networking: bool,
    /// Whether search nodes use it too.
    pub search_nodes: bool,
    /// Other providers whose keys are on.
    pub other_providers: Vec<String>,
}

/// A private endpoint of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointInfo {
    /// Its region in AWS's spelling, where it has one.
    pub region: String,
    /// Its id, which changes when Atlas makes it anew.
    pub id: PrivateEndpointId,
    /// Its status.
    pub status: String,
    /// What Atlas says about it.
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
    /// Whose keys its search nodes use, if it has any: Atlas tells it minutes after they were made.
    pub search_nodes: Option<String>,
    /// Why it cannot use the key, if it cannot.
    pub cannot_use_key: Option<String>,
}

/// The key in a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    /// Its ARN there.
    pub arn: KmsKeyArn,
    /// `Enabled`, or why it cannot be used, or `missing`.
    pub state: String,
}

impl Step for Describe {
    const NAME: &'static str = "describe";
    type Input = Input;
    type Output = Output;
    type Observation = Output;
    type Change = NoChange;

    async fn observe(context: &Context, input: &Input) -> Result<Output> {
        Box::pin(read::project(context, input)).await
    }

    fn decide(_: &Input, _: &Output) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(_: &Context, _: &Input, output: Output, _: &[NoChange]) -> Result<Output> {
        Ok(output)
    }
}
