//! The two documents of a role that matter here, and our statement in each.

use crate::{
    aws::{Caller, Role},
    error::Result,
    ids::{ExternalId, IamRoleArn, KmsKeyArn, PrincipalArn, ProjectId},
    policy::{PolicyDocument, SID_PREFIX, Statement},
    step::Context,
};

/// The inline policy that holds our statements, one for each project.
pub(in crate::steps) const INLINE_POLICY: &str = "atlas-cmk";

/// What MongoDB documents as needed on the key, and no more.
const KEY_ACTIONS: [&str; 3] = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"];

/// A role as it is.
#[derive(Debug, Clone)]
pub struct RolePolicies {
    /// The role with its trust policy, if there is one of its name.
    pub role: Option<Role>,
    /// Our inline policy, if it has one.
    pub inline_policy: Option<PolicyDocument>,
    /// What a trust policy may measure in this account.
    pub trust_policy_size_quota: usize,
}

impl RolePolicies {
    pub(in crate::steps) async fn read(context: &Context, caller: Caller<'_>, arn: &IamRoleArn) -> Result<Self> {
        let iam = context.iam_for(arn, caller).await?;
        let role = iam.role(arn).await?;
        let inline_policy = match &role {
            Some(_) => iam.inline_policy(arn, INLINE_POLICY).await?,
            None => None,
        };
        Ok(Self { role, inline_policy, trust_policy_size_quota: context.trust_policy_size_quota })
    }
}

pub(in crate::steps) fn trust_statement(
    project: &ProjectId,
    principal: &PrincipalArn,
    external_id: &ExternalId,
) -> Statement {
    Statement::trust(&sid(project), principal.as_ref(), external_id.as_ref())
}

pub(in crate::steps) fn kms_statement(project: &ProjectId, keys: &[KmsKeyArn]) -> Statement {
    Statement::allow(&sid(project), &KEY_ACTIONS, keys.iter().map(AsRef::as_ref))
}

/// One Sid for each project. Sids take letters and digits only, which a project's id is made of.
fn sid(project: &ProjectId) -> String {
    format!("{SID_PREFIX}{project}")
}
