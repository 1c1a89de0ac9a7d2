//! What the role that atlas-cmk assumes in the other account may do there, according to IAM's policy simulator.

use super::{Survey, Wanted, role::required_boundary};
use crate::{
    aws::Decision,
    error::ErrorName,
    report::Finding,
    request::{EnableEncryption, ManageRole},
    step::{Readers, Step},
    steps::enable::update_trust::UpdateTrust,
};

/// What `update-trust` calls of IAM. What is asked of KMS depends on tags, which a simulation does not know.
fn actions() -> Vec<&'static str> {
    let actions = UpdateTrust::ACTIONS.iter().copied().flatten().copied();
    actions.filter(|action| action.starts_with("iam:")).collect()
}

pub(super) async fn simulate(readers: &Readers, wanted: &Wanted<'_>) -> Option<Vec<Decision>> {
    let request = wanted.request;
    let access = request.account.as_ref()?;
    if request.manage_role() != ManageRole::Full || access.role_arn.account() != request.role_arn.account() {
        return None;
    }
    let iam = readers.iam(wanted.caller()).await.ok()?;
    // The role may only do so on roles that carry the boundary, as this one does or will.
    let boundary = required_boundary(readers, wanted)?;
    let boundary = [("iam:PermissionsBoundary", boundary.as_ref())];
    iam.simulate(access.role_arn.as_ref(), &actions(), &[request.role_arn.as_ref()], &boundary).await.ok()
}

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let access = request.account.as_ref()?;
    let lacking: Vec<&str> = survey
        .spoke
        .iter()
        .flatten()
        .filter(|decision| !decision.allowed)
        .map(|decision| decision.action.as_str())
        .collect();
    (!lacking.is_empty()).then(|| {
        Finding::new(
            ErrorName::AccountAccessDenied,
            format!("{} lacks permissions on {} that the steps need", access.role_arn, request.role_arn),
            format!("iam:SimulatePrincipalPolicy does not allow {}", lacking.join(", ")),
            "deploy infra/spoke.yaml again, with an AccessRoleName that matches the role",
        )
    })
}
