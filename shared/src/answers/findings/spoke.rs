//! What the role that atlas-cmk assumes in the other account may do there, according to IAM's policy simulator.

use crate::{answers::survey::Survey, error::ErrorName, report::Finding, request::EnableEncryption};

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let access = request.account.as_ref()?;
    let lacking: Vec<&str> = survey
        .obstacles
        .spoke
        .iter()
        .flatten()
        .filter(|decision| !decision.allowed)
        .map(|decision| decision.action.as_str())
        .collect();
    (!lacking.is_empty()).then(|| {
        Finding::new(
            ErrorName::AccountAccessDenied,
            format!("{}-iam lacks permissions on {} that the steps need", access.role_arn, request.role_arn),
            format!("iam:SimulatePrincipalPolicy does not allow {}", lacking.join(", ")),
            "deploy infra/spoke.yaml again, with an AccessRoleName that matches the role",
        )
    })
}
