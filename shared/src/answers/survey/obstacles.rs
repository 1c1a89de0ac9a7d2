//! What could take away the rights that our policies give, and what the role in the other account lacks.

use super::Wanted;
use crate::{
    aws::SimulatedDecision,
    error::{Error, Result},
    ids::{IamPolicyArn, KmsKeyArn, SpokeRole},
    model::{role_policies::RolePolicies, statements::KEY_ACTIONS},
    policy::PolicyDocument,
    request::{ManageRole, regional_keys},
    step::{Readers, Step},
    steps::enable::update_trust::UpdateTrust,
    tags,
};

/// Permissions boundaries, and what IAM's simulator returned where atlas-cmk may call it.
#[derive(Debug, Default)]
pub struct Obstacles {
    /// The permissions boundary that the role has to carry, where the function knows it: without it, the functions may
    /// not give the role rights.
    pub required_boundary: Option<IamPolicyArn>,
    /// The permissions boundary that the role has or would get, by ARN.
    pub boundary: Option<(String, Result<PolicyDocument>)>,
    /// What the identity policies of the role allow on the key.
    pub allowed: Option<Vec<SimulatedDecision>>,
    /// What the role that writes IAM roles in the other account may do there.
    pub spoke: Option<Vec<SimulatedDecision>>,
}

impl Obstacles {
    pub(super) async fn read(
        readers: &Readers,
        wanted: &Wanted<'_>,
        role: Option<&RolePolicies>,
        key: Option<&KmsKeyArn>,
    ) -> Self {
        let required_boundary = required_boundary(readers, wanted);
        Self {
            boundary: boundary(readers, wanted, role, required_boundary.as_ref()).await,
            allowed: allowed(readers, wanted, role, key).await,
            spoke: spoke(readers, wanted, required_boundary.as_ref()).await,
            required_boundary,
        }
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.boundary.iter().filter_map(|(_, document)| document.as_ref().err())
    }
}

fn required_boundary(readers: &Readers, wanted: &Wanted<'_>) -> Option<IamPolicyArn> {
    let asked = wanted.request.role.as_ref().and_then(|role| role.permissions_boundary.clone());
    asked.or_else(|| readers.boundary_for(&wanted.request.role_arn, wanted.caller()).ok())
}

async fn boundary(
    readers: &Readers,
    wanted: &Wanted<'_>,
    role: Option<&RolePolicies>,
    required: Option<&IamPolicyArn>,
) -> Option<(String, Result<PolicyDocument>)> {
    let arn = match &role?.role {
        Some(role) => role.permissions_boundary.clone()?,
        None => required?.to_string(),
    };
    let document = match readers.iam_for(&wanted.request.role_arn, wanted.caller()).await {
        Ok(iam) => iam.managed_policy(&arn).await,
        Err(error) => Err(error),
    };
    Some((arn, document))
}

async fn allowed(
    readers: &Readers,
    wanted: &Wanted<'_>,
    role: Option<&RolePolicies>,
    key: Option<&KmsKeyArn>,
) -> Option<Vec<SimulatedDecision>> {
    role?.role.as_ref()?;
    let iam = readers.iam_for(&wanted.request.role_arn, wanted.caller()).await.ok()?;
    let keys = regional_keys(key?, wanted.request.regions());
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    iam.simulate(wanted.request.role_arn.as_ref(), &KEY_ACTIONS, &keys, &[]).await.ok()
}

async fn spoke(
    readers: &Readers,
    wanted: &Wanted<'_>,
    boundary: Option<&IamPolicyArn>,
) -> Option<Vec<SimulatedDecision>> {
    let request = wanted.request;
    let access = request.account.as_ref()?;
    if request.manage_role() != ManageRole::Full || access.role_arn.account() != request.role_arn.account() {
        return None;
    }
    let iam = readers.iam(wanted.caller()).await.ok()?;
    // The role may only do so on roles that carry the boundary, as this one does or will, and tag what it creates.
    let context = [
        ("iam:PermissionsBoundary", boundary?.as_ref()),
        ("aws:RequestTag/atlas-cmk:managed-by", tags::ATLAS_CMK),
        ("aws:TagKeys", tags::MANAGED_BY),
    ];
    iam.simulate(access.role(SpokeRole::Iam).ok()?.as_ref(), &actions(), &[request.role_arn.as_ref()], &context)
        .await
        .ok()
}

/// What `update-trust` calls of IAM. What is asked of KMS depends on tags, which a simulation does not know.
fn actions() -> Vec<&'static str> {
    let actions = UpdateTrust::ACTIONS.iter().copied().flatten().copied();
    actions.filter(|action| action.starts_with("iam:")).collect()
}
