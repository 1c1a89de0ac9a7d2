//! The two documents of a role that matter here, and our statement in each.

use crate::{
    aws::{Caller, Role},
    error::Result,
    ids::{AccessName, ExternalId, IamRoleArn, KmsKeyArn, PrincipalArn, ProjectId},
    policy::{PolicyDocument, SID_PREFIX, Statement},
    step::Context,
};

/// The inline policy that holds our statements, one for each project.
pub(crate) const INLINE_POLICY: &str = "atlas-cmk";

/// What MongoDB documents as needed on the key, and no more.
pub(crate) const KEY_ACTIONS: [&str; 3] = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"];

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
    pub(crate) async fn read(context: &Context, caller: Caller<'_>, arn: &IamRoleArn) -> Result<Self> {
        let iam = context.iam_for(arn, caller).await?;
        let role = iam.role(arn).await?;
        let inline_policy = match &role {
            Some(_) => iam.inline_policy(arn, INLINE_POLICY).await?,
            None => None,
        };
        Ok(Self { role, inline_policy, trust_policy_size_quota: context.trust_policy_size_quota })
    }
}

pub(crate) fn trust_statement(project: &ProjectId, principal: &PrincipalArn, external_id: &ExternalId) -> Statement {
    Statement::trust(&sid(project), principal.as_ref(), external_id.as_ref())
}

/// Our statement with these keys, and with those it has already in `document`.
///
/// A key is added here and never taken out: Atlas needs the one it uses while it changes to another, old snapshots need
/// the one they were made with, and a region that is not named this time may still have an endpoint.
pub(crate) fn kms_statement(project: &ProjectId, keys: &[KmsKeyArn], document: Option<&PolicyDocument>) -> Statement {
    let sid = sid(project);
    let ours = document.and_then(|document| document.statement(&sid));
    let kept = ours.iter().flat_map(Statement::resources).filter(|resource| resource.parse::<KmsKeyArn>().is_ok());
    let mut resources: Vec<&str> = kept.collect();
    for key in keys {
        if !resources.contains(&key.as_ref()) {
            resources.push(key.as_ref());
        }
    }
    Statement::allow(&sid, &KEY_ACTIONS, resources)
}

/// One Sid for each cross-account access.
pub(crate) fn access_sid(name: &AccessName) -> String {
    format!("{SID_PREFIX}Access{name}")
}

/// One Sid for each project. Sids take letters and digits only, which a project's id is made of.
pub(crate) fn sid(project: &ProjectId) -> String {
    format!("{SID_PREFIX}{project}")
}
