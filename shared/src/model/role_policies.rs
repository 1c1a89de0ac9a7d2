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
    /// Whether the deployment lets atlas-cmk write it.
    pub is_ours_to_write: bool,
    /// Whether the deployment accepts its permissions boundary, or that it has none, for a role that Atlas assumes.
    pub is_bounded: bool,
    /// Whether it has the permissions boundary of cross-account access.
    pub is_bounded_for_access: bool,
    /// What a trust policy may measure in this account.
    pub trust_policy_size_quota: usize,
    /// The organization of the sources of cross-account accesses.
    pub organization: Option<String>,
}

impl RolePolicies {
    pub(crate) async fn read(readers: &Readers, caller: Caller<'_>, arn: &IamRoleArn) -> Result<Self> {
        let iam = readers.iam_for(arn, caller).await?;
        let role = iam.role(arn).await?;
        let inline_policy = match &role {
            // One with another path is another role, which may not be read.
            Some(role) if role.arn == arn.as_ref() => iam.inline_policy(arn, INLINE_POLICY).await?,
            _ => None,
        };
        let boundary = role.as_ref().and_then(|role| role.permissions_boundary.as_deref());
        let is_bounded = readers.accepts_boundary(arn, boundary, caller);
        let of_access = readers.cross_account_boundary_for(arn, caller).ok();
        let is_bounded_for_access = of_access.is_some() && of_access.as_deref() == boundary;
        let is_ours_to_write = readers.may_write_role(arn);
        Ok(Self {
            role,
            inline_policy,
            is_ours_to_write,
            is_bounded,
            is_bounded_for_access,
            trust_policy_size_quota: readers.trust_policy_size_quota,
            organization: readers.cross_account.organization.clone(),
        })
    }
}
