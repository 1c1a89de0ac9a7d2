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

/// What is registered of the project is of another account than what Atlas has in use. Somebody has moved the project, or
/// has forged the registration: neither is acted on.
pub(super) fn moved_away(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let registered = survey.registered.as_ref().ok()?.as_ref()?.current.as_ref()?;
    let asked = EnableEncryption { mode: None, schema: None, ..request.clone() };
    let in_use = survey.in_atlas.aws_kms().filter(|kms| kms.enabled == Some(true))?;
    // Who asks for something else than what is registered means it.
    if registered.desired != asked {
        return None;
    }
    let key = survey.in_atlas.key().map(|key| (key.to_string(), key.account().clone()));
    let record =
        survey.in_atlas.access_roles().iter().find(|it| Some(it.role_id.as_ref()) == in_use.role_id.as_deref());
    let role = record.and_then(|record| record.iam_assumed_role_arn.as_deref()?.parse::<IamRoleArn>().ok());
    let role = role.map(|role| (role.to_string(), role.account().clone()));
    let (own_key, own_role) = (&registered.key_arn, &registered.desired.role_arn);
    let of_key = key.filter(|(_, account)| account != own_key.account()).map(|used| (own_key.to_string(), used));
    let of_role = role.filter(|(_, account)| account != own_role.account()).map(|used| (own_role.to_string(), used));
    let (own, (used, account)) = of_key.or(of_role)?;
    let cause = format!("the project is registered with {own}, and Atlas uses {used}, which is of account {account}");
    let fix = "find out who moved the project; then register the state you want with an enablement that names it, or \
               switch it back in Atlas";
    Some(Finding::new(ErrorName::AtlasConflict, cause, format!("Atlas uses {used}"), fix))
}

/// A project that is found by its name and has a key, an access role or a registration of another account.
pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let (Some(_), Ok(Some(project))) = (&request.project, &survey.project) else { return Vec::new() };
    let entry = match &survey.registered {
        Ok(registered) => registered.as_ref().and_then(crate::registry::Project::entry),
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

/// Whether a project that is named by its id is registered by another account, or, if it is not registered, has a key or
/// an access role of another account: to take it on needs an approval. One that is registered by this account stays its
/// own, whatever roles other features of Atlas use.
pub(crate) fn is_of_another(survey: &Survey, request: &EnableEncryption) -> bool {
    let registered = survey.registered.as_ref().ok().and_then(Option::as_ref);
    let entry = registered.and_then(crate::registry::Project::entry);
    let key_account = request.key_account(survey.own_account.as_ref());
    match entry {
        Some(entry) => by_registration(request, key_account, entry).is_some(),
        None => by_key(survey, request).or_else(|| by_role(survey, request)).is_some(),
    }
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
