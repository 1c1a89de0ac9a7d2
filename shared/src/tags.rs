//! Our tags: the mark of what we made, and which projects use it.

use crate::ids::{KeyAlias, ProjectId};

/// The key of the tag that marks what we made.
pub const MANAGED_BY: &str = "atlas-cmk:managed-by";

/// Its value.
pub const ATLAS_CMK: &str = "atlas-cmk";

/// The prefix of the keys of the tags that name the projects of a role or key.
pub const PROJECT: &str = "atlas-cmk:project:";

/// The key of the tag by which somebody says that a key is out of use on purpose.
pub const GUARD: &str = "atlas-cmk:guard";

/// Its value.
pub const OFF: &str = "off";

/// A key and its value.
pub type Tag = (String, String);

/// How many tags a key or a role has at most (KMS developer guide, "Tags in AWS KMS"; IAM user guide, "IAM and AWS STS
/// quotas").
pub const QUOTA: usize = 50;

/// Whether a tag cannot be added.
pub fn have_no_room_for(tags: &[Tag], tag: &Tag) -> bool {
    tags.len() >= QUOTA && !tags.iter().any(|(key, _)| *key == tag.0)
}

/// The mark of what we made.
pub fn ours() -> Tag {
    (MANAGED_BY.to_owned(), ATLAS_CMK.to_owned())
}

/// Whether our mark is among the tags.
pub fn are_ours(tags: &[Tag]) -> bool {
    tags.contains(&ours())
}

/// The alias that a key is created for. It identifies a key whose creation was interrupted before it had its alias.
pub fn for_alias(alias: &KeyAlias) -> Tag {
    ("atlas-cmk:alias".to_owned(), alias.to_string())
}

/// The tag of a role or key that a project uses. One for each project, so that two projects never write the same tag.
pub fn of_project(project: &ProjectId) -> Tag {
    (format!("{PROJECT}{project}"), "enabled".to_owned())
}

/// What keeps a key from being restored. Nothing here sets it.
pub fn guard_off() -> Tag {
    (GUARD.to_owned(), OFF.to_owned())
}
