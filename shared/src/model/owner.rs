//! Whose a project is, by what is registered of it.

use crate::{
    error::{Error, ErrorName, Result},
    ids::{AccountId, ProjectId},
    registry::Entry,
    request::EnableEncryption,
};

/// Refuses to announce an enablement, with a key of `key_account`, of a project that was found by its name and that
/// another account has registered meanwhile.
///
/// # Errors
/// `Atlas.Conflict`, naming the account.
pub(crate) fn refuse_registered_by_another(
    request: &EnableEncryption,
    key_account: &AccountId,
    project: &ProjectId,
    entry: &Entry,
) -> Result<()> {
    let Some(named) = &request.project else { return Ok(()) };
    match by_registration(request, Some(key_account), entry) {
        None => Ok(()),
        Some((owner, evidence)) => {
            let (cause, fix) = refusal(named.name.as_ref(), project, owner.as_ref(), request.role_arn.account());
            Err(Error::new(ErrorName::AtlasConflict, format!("{cause} ({evidence}); {fix}")))
        }
    }
}

/// Cause and fix.
pub(crate) fn refusal(
    name: &str,
    project: &ProjectId,
    owner: Option<&AccountId>,
    asking: &AccountId,
) -> (String, String) {
    let belongs = match owner {
        Some(owner) => format!("belongs to account {owner}, not to account {asking}"),
        None => format!("may belong to another account than {asking}"),
    };
    (
        format!("the Atlas project {name:?} ({project}) {belongs}"),
        format!(
            "give account {asking} a project of its own, by a name that contains the account id; to move this project \
             to account {asking} on purpose, put \"projectId\": \"{project}\" into the input instead of project"
        ),
    )
}

/// The account, if it is known, and what shows that it is another.
pub(crate) type Owner = (Option<AccountId>, String);

/// Roles of several accounts may be in one account, with keys in others, and keys in one account, for roles in others.
pub(crate) fn by_registration(
    request: &EnableEncryption,
    key_account: Option<&AccountId>,
    entry: &Entry,
) -> Option<Owner> {
    let (role, key) = (&entry.desired.role_arn, &entry.key_arn);
    if role.account() != request.role_arn.account() {
        return Some((Some(role.account().clone()), format!("it is registered with the role {role}")));
    }
    let own = [Some(request.role_arn.account()), key_account];
    (!own.contains(&Some(key.account())))
        .then(|| (Some(key.account().clone()), format!("it is registered with the key {key}")))
}
