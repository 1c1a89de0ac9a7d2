//! The two documents of a role that matter here, and our statement in each.

use crate::{
    aws::{Caller, Role},
    error::Result,
    ids::IamRoleArn,
    model::statements::INLINE_POLICY,
    policy::PolicyDocument,
    step::Readers,
};

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
    pub(crate) async fn read(readers: &Readers, caller: Caller<'_>, arn: &IamRoleArn) -> Result<Self> {
        let iam = readers.iam_for(arn, caller).await?;
        let role = iam.role(arn).await?;
        let inline_policy = match &role {
            Some(_) => iam.inline_policy(arn, INLINE_POLICY).await?,
            None => None,
        };
        Ok(Self { role, inline_policy, trust_policy_size_quota: readers.trust_policy_size_quota })
    }
}
