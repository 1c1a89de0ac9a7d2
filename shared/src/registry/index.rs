//! The indexes by which projects are found: an item for each project, in the partition of what an event is about.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Project;
use crate::ids::{AccountId, KmsKeyArn, ProjectId};

/// The partition of all projects.
pub(super) const ALL: &str = "projects";

/// An item of an index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) project_id: ProjectId,
}

/// The index of the projects that need a key, in whatever region: a multi-Region key has one id everywhere.
pub fn key(key_id: &str) -> String {
    format!("key#{key_id}")
}

/// The index of the projects with a role. Names of roles differ by more than case.
pub fn role(account: &AccountId, name: &str) -> String {
    format!("role#{account}#{}", name.to_lowercase())
}

/// The index of the projects that name a secret, by name or ARN; those that name none use the one of the stack.
pub fn secret(named: Option<&str>) -> String {
    format!("secret#{}", named.map(secret_name).unwrap_or_default())
}

/// The index of the projects with something in an account.
pub fn account(account: &AccountId) -> String {
    format!("account#{account}")
}

/// Secrets Manager ends ARNs in a hyphen and six characters of its own.
fn secret_name(named: &str) -> &str {
    let name = named.split(":secret:").nth(1);
    name.and_then(|name| name.get(..name.len().checked_sub(7)?)).unwrap_or(named)
}

/// The indexes that a project is found by.
pub(super) fn of(project: &Project) -> BTreeSet<String> {
    let mut indexes = BTreeSet::new();
    for entry in project.entries() {
        let desired = &entry.desired;
        let access = desired.account.iter().map(|access| access.role_arn.account());
        indexes.extend([desired.role_arn.account(), entry.key_arn.account()].into_iter().chain(access).map(account));
        indexes.insert(role(desired.role_arn.account(), desired.role_arn.name()));
        indexes.insert(secret(desired.atlas_secret_id.as_ref().map(AsRef::as_ref)));
        indexes.insert(key(entry.key_arn.key_id()));
    }
    // Of a key that was set up by hand, Atlas may know the id only.
    let old = project
        .old_keys
        .iter()
        .map(|old| old.key.parse::<KmsKeyArn>().map_or_else(|_| key(&old.key), |arn| key(arn.key_id())));
    indexes.extend(old);
    if !indexes.is_empty() {
        indexes.insert(ALL.to_owned());
    }
    indexes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{fixtures, report::OldKey};

    #[test]
    fn a_project_is_found_by_its_keys_role_secret_and_accounts() {
        let mut project = fixtures::registered(&json!({"desired": {"atlasSecretId": "atlas/other"}}));
        let old = "arn:aws:kms:us-east-1:444455556666:key/mrk-0";
        for key in [old, "1234abcd"] {
            project.old_keys.push(OldKey { key: key.to_owned(), replaced_at: String::new() });
        }
        let found = of(&project);
        let expected = [
            "account#444455556666",
            "key#1234abcd",
            "key#mrk-0",
            "key#mrk-1",
            "projects",
            "role#444455556666#atlas-cmk",
            "secret#atlas/other",
        ];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_secret_has_one_index_by_name_and_by_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:444455556666:secret:atlas/other-AbCdEf";
        assert_eq!(secret(Some(arn)), secret(Some("atlas/other")));
        assert_eq!(secret(None), "secret#");
    }

    #[test]
    fn a_project_that_nothing_is_left_of_is_in_no_index() {
        assert!(of(&Project::unknown(fixtures::project())).is_empty());
    }
}
