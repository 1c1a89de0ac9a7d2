//! What stands in the way of an enablement, judged from the survey of a project without a network: before a run, so that
//! all that would fail later is reported at once, and after a failed one, to find out why.

mod atlas;
mod clusters;
mod keys;
mod owner;
mod role;
mod spoke;
#[cfg(test)]
mod tests;

pub(crate) use owner::is_of_another;

use crate::{
    answers::survey::{Survey, Wanted},
    model::statements::KEY_ACTIONS,
    report::{ByHand, Finding},
    request::EnableEncryption,
};

/// Everything that would fail and that atlas-cmk does not fix itself.
pub(crate) fn all(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let mut findings = owner::findings(survey, request);
    findings.extend(owner::moved_away(survey, request));
    findings.extend(atlas::findings(survey, request));
    findings.extend(role::findings(survey, request));
    findings.extend(keys::findings(survey, request));
    findings.extend(clusters::findings(survey, request));
    findings.extend(spoke::findings(survey, request));
    // One refusal often shows in several places.
    let mut unique: Vec<Finding> = Vec::new();
    for finding in findings {
        if !unique.iter().any(|it| it.error == finding.error && it.cause == finding.cause && it.fix == finding.fix) {
            unique.push(finding);
        }
    }
    unique
}

/// What is wrong with the role's trust and rights once our steps have run, which nothing but somebody else can have
/// done.
pub(crate) fn tampering(survey: &Survey, wanted: &Wanted<'_>) -> Vec<Finding> {
    let mut findings = role::trust(survey, wanted);
    findings.extend(role::rights(survey, wanted.request));
    findings
}

/// The statements that are missing and that the input forbids us to add.
pub(crate) fn by_hand(survey: &Survey, request: &EnableEncryption) -> Vec<ByHand> {
    let mut missing = role::by_hand(survey, request);
    missing.extend(keys::by_hand(survey, request));
    missing
}

/// The actions that a policy does not allow.
fn missing_actions(allowed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    KEY_ACTIONS.into_iter().filter(|action| !allowed(action)).collect()
}
