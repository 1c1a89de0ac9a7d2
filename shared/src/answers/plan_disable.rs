//! `plan-disable`: the entry step of disable-encryption. It takes the whole input, reads the state of the project on
//! both sides, and returns what stands in the way, what would be changed in which order, and what the state machine has
//! to know to leave out what is not needed. It writes nothing.

mod found;
mod judge;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    ids::{AccessRoleId, AccountAccess, ClusterName, IamRoleArn, KmsKeyArn, ProjectId, Region},
    report::{Finding, Kept, PlannedChange},
    request::{DisableEncryption, ManageRole},
    step::{Actions, Answer, Readers, Step, actions},
};

pub use found::Remains;

/// The step.
pub struct PlanDisable;

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: DisableEncryption,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What there is to disable, and what blocks it.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of the state machine")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The project.
    pub project_id: ProjectId,
    /// Whether there are endpoints to delete.
    pub delete_endpoints: bool,
    /// The regions whose endpoints are to go, in AWS's spelling; null for all.
    pub regions: Option<Vec<Region>>,
    /// Whether the demand for private networking is to be switched off.
    pub stop_private_networking: bool,
    /// The clusters to switch.
    pub clusters: Vec<ClusterName>,
    /// The clusters that go on using the key.
    pub remaining_clusters: Vec<ClusterName>,
    /// Whether customer-managed keys are to be switched off.
    pub switch_off_keys: bool,
    /// The access role record to remove, or null if there is none or it is to stay.
    pub role_id: Option<AccessRoleId>,
    /// The keys with marks of the project, to be taken from them.
    pub key_arns: Vec<KmsKeyArn>,
    /// The IAM role with marks of the project, or null if there is none or it is to stay.
    pub role_arn: Option<IamRoleArn>,
    /// Which parts of the role atlas-cmk may write.
    pub manage_role: ManageRole,
    /// Whether something is going to be left that another run has to finish.
    pub unfinished: bool,
    /// The account of role and keys, if it is not the one the functions run in.
    pub account: Option<AccountAccess>,
    /// The problems that would make the execution fail.
    pub findings: Vec<Finding>,
    /// The planned changes, in their order.
    pub plan: Vec<PlannedChange>,
    /// The hash of the plan, by which it is approved.
    pub plan_hash: String,
    /// Whether somebody has to approve it, and nobody has.
    pub ask: bool,
    /// Who has approved it: an ARN.
    pub approved_by: Option<String>,
    /// What atlas-cmk would leave in place, each with the reason.
    pub kept: Vec<Kept>,
    /// The keys that snapshots of the project need.
    pub keys_to_keep: Vec<String>,
}

impl Step for PlanDisable {
    const NAME: &'static str = "plan-disable";
    const ABOUT: &'static str = "Read-only entry step: reads everything of the project on both sides and returns \
        planned changes and obstacles";
    const ACTIONS: Actions = &[
        actions::ATLAS,
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": {
                "projectId": "66f0a1b2c3d4e5f601234567",
                "scope": "role",
                "mode": "plan"
            },
            "execution": "manual-1"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        input.request.validate()
    }
}

impl Answer for PlanDisable {
    type Observation = Remains;

    async fn observe(readers: &Readers, input: &Input) -> Result<Remains> {
        Box::pin(Remains::read(readers, input)).await
    }

    fn answer(input: &Input, found: Remains, now: Timestamp) -> Result<Output> {
        judge::judge(&input.request, &found, now)
    }
}
