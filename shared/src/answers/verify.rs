//! `verify`: reads everything back, on both sides of the border, and reports whether the world equals the request.

mod compare;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::compare::compare;
use crate::{
    answers::survey::{InAtlas, Parts},
    aws::Caller,
    error::Result,
    ids::{AccountAccess, ClusterName, IamRoleArn, KmsKeyArn, ProjectId, Region, SecretId},
    model::{
        enablement::{Enablement, sample},
        role_policies::RolePolicies,
    },
    report::{Difference, Endpoint},
    request::ManageRole,
    step::{Actions, Answer, Readers, Step, actions},
    steps::enable::{
        authorize_role::AuthorizeRole, create_endpoint::CreateEndpoint, create_role::CreateRole, enable_kms::EnableKms,
        set_cluster_encryption::SetClusterEncryption, update_trust::UpdateTrust,
    },
};

/// The step.
pub struct Verify;

/// The requested state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The IAM role that Atlas assumes.
    pub role_arn: IamRoleArn,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// The regions that must have an active private endpoint. None: private networking was not asked for.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Which parts of the role atlas-cmk may write.
    #[serde(default)]
    pub manage_role: ManageRole,
    /// Whether search nodes are to use the key. Left out: it does not matter.
    #[serde(default)]
    pub search_nodes: Option<bool>,
    /// The clusters that are to use the key.
    #[serde(default)]
    pub clusters: Vec<ClusterName>,
    /// Access to the account of the role, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

impl Input {
    /// The input in an enablement.
    pub fn of(enablement: &Enablement<'_>, clusters: Vec<ClusterName>) -> Self {
        let request = enablement.request;
        Self {
            project_id: enablement.project_id.clone(),
            role_arn: request.role_arn.clone(),
            key_arn: enablement.key_arn.clone(),
            regions: request.regions().to_vec(),
            manage_role: request.manage_role(),
            search_nodes: request.search_nodes,
            clusters,
            account: request.account.clone(),
            execution: enablement.execution.clone(),
            atlas_secret_id: request.atlas_secret_id.clone(),
        }
    }
}

/// How the actual state compares with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether nothing differs.
    pub matches: bool,
    /// Whether Atlas can use the key.
    pub valid: bool,
    /// The private endpoints of the requested regions.
    pub endpoints: Vec<Endpoint>,
    /// Whether nothing differs but private endpoints that may become active by waiting.
    pub only_waits_for_endpoints: bool,
    /// Every difference, empty if the actual state equals the request.
    pub differences: Vec<Difference>,
}

impl Step for Verify {
    const NAME: &'static str = "verify";
    const ABOUT: &'static str = "Read-only: reads everything back on both sides and compares it with the input";
    const ACTIONS: Actions = &[actions::ATLAS, actions::OTHER_ACCOUNTS, &["iam:GetRole", "iam:GetRolePolicy"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(|enablement| Input::of(enablement, Vec::new()))
    }
}

impl Answer for Verify {
    type Observation = (InAtlas, RolePolicies);

    async fn observe(readers: &Readers, input: &Input) -> Result<Self::Observation> {
        let caller = Caller { account: input.account.as_ref(), execution: input.execution.as_deref() };
        let parts = Parts {
            access_roles: true,
            endpoints: !input.regions.is_empty(),
            clusters: !input.clusters.is_empty(),
            flex_clusters: false,
        };
        let in_atlas = InAtlas::read(&readers.atlas, Some(&input.project_id), parts).await.complete()?;
        Ok((in_atlas, RolePolicies::read(readers, caller, &input.role_arn).await?))
    }

    fn answer(input: &Input, (in_atlas, iam_role): Self::Observation, _: Timestamp) -> Result<Output> {
        Ok(compare(input, &in_atlas, Some(&iam_role)))
    }
}

/// The steps of enabling whose result is compared here.
pub(crate) const COMPARED: [&str; 6] = [
    CreateRole::NAME,
    UpdateTrust::NAME,
    AuthorizeRole::NAME,
    EnableKms::NAME,
    CreateEndpoint::NAME,
    SetClusterEncryption::NAME,
];
