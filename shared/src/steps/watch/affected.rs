//! Which projects a change affects, by what is registered of them.

use crate::{events::change::Subject, ids::KmsKeyArn, registry::Entry};

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

impl Affected {
    /// How a project is affected by a change of `subject`, if it is. `by_tag` says that a tag of the subject names the
    /// project.
    pub(super) fn find(subject: &Subject, entry: &Entry, default_secret: Option<&str>, by_tag: bool) -> Option<Self> {
        match subject {
            Subject::Key(key) => {
                let need = need(key, entry).or(by_tag.then_some(Need::Current))?;
                Some(Self { need: Some(need) })
            }
            Subject::Role { account, name } => {
                let role = &entry.desired.role_arn;
                let is_its_role = role.account() == account && role.name().eq_ignore_ascii_case(name);
                (is_its_role || by_tag).then_some(Self { need: None })
            }
            Subject::Secret(arn) => {
                let secret = entry.desired.atlas_secret_id.as_ref().map(AsRef::as_ref).or(default_secret)?;
                is_secret(arn, secret).then_some(Self { need: None })
            }
        }
    }
}

/// A multi-Region key is one key wherever it is: a replica that goes may be the one that clusters of another region
/// reach.
fn need(key: &KmsKeyArn, entry: &Entry) -> Option<Need> {
    let is = |one: &KmsKeyArn| one.account() == key.account() && one.key_id() == key.key_id();
    if is(&entry.key_arn) {
        return Some(if entry.stage == crate::registry::Stage::Disabled { Need::OldSnapshots } else { Need::Current });
    }
    let old = entry.old_keys.iter().map(|old| old.key.as_str());
    // Of a key that was set up by hand, Atlas may know the id only.
    let mut old = old.filter(|old| old.parse::<KmsKeyArn>().map_or(*old == key.key_id(), |old| is(&old)));
    old.next().map(|_| Need::OldSnapshots)
}

/// Whether a secret, named by name or by ARN, is the one with this ARN. Secrets Manager ends ARNs in a hyphen and six
/// characters of its own.
fn is_secret(arn: &str, named: &str) -> bool {
    let name = arn.split(":secret:").nth(1).and_then(|name| name.get(..name.len().checked_sub(7)?));
    arn == named || name == Some(named)
}
