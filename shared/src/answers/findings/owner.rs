//! Whose the project is. Atlas project names follow account names, and AWS account names are not unique: a project that
//! is found by its name may be another account's. What belongs to another account is never taken over by name; to move
//! a project, name its id.

use crate::{
    answers::survey::Survey,
    error::ErrorName,
    ids::{IamRoleArn, KmsKeyArn},
    model::owner::{Owner, by_registration, refusal},
    report::Finding,
    request::EnableEncryption,
};

/// A project that is found by its name and has a key, an access role or a registration of another account.
pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let (Some(_), Ok(Some(project))) = (&request.project, &survey.project) else { return Vec::new() };
    let entry = match &survey.registered {
        Ok((entry, _)) => entry.as_ref(),
        Err(error) => return vec![Finding::from_error(error)],
    };
    let key = by_key(survey, request);
    let role = || by_role(survey, request);
    let registration =
        || entry.and_then(|entry| by_registration(request, request.key_account(survey.own_account.as_ref()), entry));
    let Some((owner, evidence)) = registration().or(key).or_else(role) else { return Vec::new() };
    let refusal = refusal(&project.name, &project.id, owner.as_ref(), request.role_arn.account());
    vec![Finding::new(ErrorName::AtlasConflict, refusal.0, evidence, refusal.1)]
}

/// The key that the project uses. It may be of the account of the role, or of the one that the request has its key in.
fn by_key(survey: &Survey, request: &EnableEncryption) -> Option<Owner> {
    let id = survey.in_atlas.aws_kms()?.customer_master_key_id.as_ref()?;
    // Of a key that is used with an access key, Atlas knows the id only.
    let Ok(key) = id.parse::<KmsKeyArn>() else {
        return Some((None, format!("it is encrypted with the key {id}, whose account Atlas does not return")));
    };
    let own = [Some(request.role_arn.account()), request.key_account(survey.own_account.as_ref())];
    (!own.contains(&Some(key.account()))).then(|| (Some(key.account().clone()), format!("it is encrypted with {key}")))
}

/// An access role record that is authorized for a role of another account.
fn by_role(survey: &Survey, request: &EnableEncryption) -> Option<Owner> {
    let records = survey.in_atlas.access_roles().iter();
    let roles = records.filter_map(|record| record.iam_assumed_role_arn.as_deref());
    let mut roles = roles.filter_map(|arn| arn.parse::<IamRoleArn>().ok());
    let other = roles.find(|role| role.account() != request.role_arn.account())?;
    Some((Some(other.account().clone()), format!("it has an access role for {other}")))
}
