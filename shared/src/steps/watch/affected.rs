//! Which projects a change affects, by what is registered of them.

use crate::{
    events::change::Subject,
    ids::{AccountAccess, KmsKeyArn, SpokeRole},
    registry::{self, Entry, Project, Stage},
    settings::OwnRoles,
};

/// How a project is affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affected {
    /// What it needs the key for, if it is one.
    pub(super) need: Option<Need>,
}

/// What a project needs a key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is the key of the project.
    Current,
    /// It was, and snapshots were made with it.
    OldSnapshots,
}

/// What a function knows of the stack that it runs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stack<'a> {
    /// The secret of projects that name none.
    pub(super) secret: Option<&'a str>,
    /// The roles that our own calls are made with.
    pub(super) roles: &'a OwnRoles,
}

impl Stack<'_> {
    /// The indexes in which the projects are found that a change of `subject` may affect: one, unless the secret is the
    /// one of the stack, which a project may have named.
    pub(super) fn indexes(self, subject: &Subject) -> Vec<String> {
        match subject {
            Subject::Key(key) => vec![registry::key(key.key_id())],
            Subject::Role { account, name } if self.is_spoke(name) => vec![registry::account(account)],
            Subject::Role { account, name } => vec![registry::role(account, name)],
            Subject::Secret(arn) => {
                let of_stack = self.secret.filter(|secret| is_secret(arn, secret)).map(|_| registry::secret(None));
                of_stack.into_iter().chain([registry::secret(Some(arn))]).collect()
            }
        }
    }

    /// How a project is affected by a change of `subject`, if it is.
    pub(super) fn affects(self, subject: &Subject, project: &Project) -> Option<Affected> {
        let plainly = |is: bool| is.then_some(Affected { need: None });
        match subject {
            Subject::Key(key) => need(key, project).map(|need| Affected { need: Some(need) }),
            Subject::Role { account, name } => plainly(project.entries().any(|entry| {
                let (role, access) = (&entry.desired.role_arn, &entry.desired.account);
                let is_role = role.account() == account && role.name().eq_ignore_ascii_case(name);
                let is_spoke = |access: &AccountAccess| {
                    access.role_arn.account() == account && SpokeRole::is(name, access.role_arn.name())
                };
                is_role || access.as_ref().is_some_and(is_spoke)
            })),
            Subject::Secret(arn) => plainly(project.entries().any(|entry| {
                let named = entry.desired.atlas_secret_id.as_ref().map(AsRef::as_ref);
                named.or(self.secret).is_some_and(|secret| is_secret(arn, secret))
            })),
        }
    }

    /// Whether a role has the name of one that functions assume in other accounts.
    fn is_spoke(self, name: &str) -> bool {
        self.roles.spoke.as_deref().is_some_and(|read| SpokeRole::is(name, read))
    }
}

/// A multi-Region key is one key wherever it is: a replica that goes may be the one that clusters of another region
/// reach.
pub(super) fn need(key: &KmsKeyArn, project: &Project) -> Option<Need> {
    let is = |one: &KmsKeyArn| one.account() == key.account() && one.key_id() == key.key_id();
    if project.entries().any(|entry: &Entry| is(&entry.key_arn)) {
        return Some(if project.stage() == Stage::Disabled { Need::OldSnapshots } else { Need::Current });
    }
    let old = project.old_keys.iter().map(|old| old.key.as_str());
    // Of a key that was set up by hand, Atlas may know the id only.
    let mut old = old.filter(|old| old.parse::<KmsKeyArn>().map_or(*old == key.key_id(), |old| is(&old)));
    old.next().map(|_| Need::OldSnapshots)
}

/// Whether a secret, named by name or by ARN, is the one with this ARN.
fn is_secret(arn: &str, named: &str) -> bool {
    arn == named || !named.starts_with("arn:") && registry::secret(Some(arn)) == registry::secret(Some(named))
}
