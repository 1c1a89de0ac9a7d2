//! The registry: what atlas-cmk knows of projects, accounts and profiles, in a DynamoDB table of the stack.
//!
//! `docs/registry.md` lists the items, who writes them, and what each access costs. What other tools read of a project is
//! published to Parameter Store ([`publication`]) and never read back.

pub mod accesses;
pub mod accounts;
pub mod approvals;
mod index;
pub mod leases;
pub mod minting;
pub mod obligations;
pub mod publication;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use index::{account, key, role, secret};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::Result,
    ids::{AccessRoleId, KmsKeyArn, ProjectId},
    report::OldKey,
    request::{EnableEncryption, Guard},
};

/// The stage of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// An enablement has begun and has not finished; nothing was registered before.
    Enabling,
    /// Encryption is enabled and verified.
    Enabled,
    /// Encryption was disabled, except for what is still in use.
    Disabled,
    /// Nothing is left but keys that old snapshots need.
    Unregistered,
}

/// What is known of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The state that was verified last. It is in force: watched, guarded and repaired.
    pub current: Option<Entry>,
    /// What an execution announced that has not ended well: it is in force once it is verified.
    pub intended: Option<Entry>,
    /// Whether the encryption was disabled since.
    pub disabled: bool,
    /// Keys that the project used before, and that snapshots may still need.
    pub old_keys: Vec<OldKey>,
    /// How many times it was written: whoever writes it has to have read the last.
    pub version: u64,
}

/// A state of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Atlas's id of the access role.
    pub role_id: AccessRoleId,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// The input that leads to this state, without its mode.
    pub desired: EnableEncryption,
    /// When this was written, ISO 8601.
    pub at: String,
    /// The execution that wrote it.
    pub execution: Option<String>,
}

impl Entry {
    /// Whether two entries say the same, whoever wrote them and when.
    pub fn means(&self, other: &Self) -> bool {
        (&self.role_id, &self.key_arn, &self.desired) == (&other.role_id, &other.key_arn, &other.desired)
    }
}

impl Project {
    /// A project of which nothing is known.
    pub fn unknown(project_id: ProjectId) -> Self {
        Self { project_id, current: None, intended: None, disabled: false, old_keys: Vec::new(), version: 0 }
    }

    /// Its stage.
    pub fn stage(&self) -> Stage {
        match (&self.current, &self.intended) {
            _ if self.disabled => Stage::Disabled,
            (Some(_), _) => Stage::Enabled,
            (None, Some(_)) => Stage::Enabling,
            (None, None) => Stage::Unregistered,
        }
    }

    /// The state in force, or the announced one where there is none.
    pub fn entry(&self) -> Option<&Entry> {
        self.current.as_ref().or(self.intended.as_ref())
    }

    /// What happens to a key that it needs and that somebody takes away.
    pub fn guard(&self) -> Guard {
        self.entry().map_or(Guard::Alert, |entry| entry.desired.guard())
    }

    /// The state in force and the announced one.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.current.iter().chain(&self.intended)
    }

    /// The keys that snapshots of the project may need: those it uses or is about to use, and those before.
    pub fn keys(&self) -> Vec<String> {
        let old = self.old_keys.iter().map(|old| old.key.clone());
        self.entries().map(|entry| entry.key_arn.to_string()).chain(old).collect()
    }

    /// Keeps keys that are no longer used among the old ones, each once and none that is in use.
    pub(crate) fn remember(&mut self, keys: impl IntoIterator<Item = String>, now: Timestamp) {
        for key in keys {
            if !self.old_keys.iter().any(|old| old.key == key) {
                self.old_keys.push(OldKey { key, replaced_at: now.to_string() });
            }
        }
        let used: Vec<KmsKeyArn> = self.entries().map(|entry| entry.key_arn.clone()).collect();
        self.old_keys.retain(|old| !used.iter().any(|key| key.is_meant_by(&old.key)));
    }

    /// A project without what is different every time.
    pub fn comparable(&self) -> Value {
        let state = |entry: &Entry| json!({"roleId": entry.role_id, "keyArn": entry.key_arn, "desired": entry.desired});
        let old_keys: Vec<&String> = self.old_keys.iter().map(|old| &old.key).collect();
        json!({
            "stage": self.stage(),
            "current": self.current.as_ref().map(state),
            "intended": self.intended.as_ref().map(state),
            "oldKeys": old_keys,
        })
    }
}

/// The partition of a project: its item is the only one of it.
fn place(project: &ProjectId) -> ItemKey {
    ItemKey::new(resource(project), "state")
}

/// What a change of a project is said to be about.
pub fn resource(project: &ProjectId) -> String {
    format!("project#{project}")
}

/// What is known of a project; `None` if it was never registered or announced.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, project: &ProjectId) -> Result<Option<Project>> {
    items.get(&place(project)).await
}

/// What is known of projects. Those that cannot be read are errors in their places.
///
/// # Errors
/// As [`ItemsReader::get_all`].
pub async fn read_all(items: &ItemsReader, projects: &[ProjectId]) -> Result<Vec<Result<Project>>> {
    let places: Vec<ItemKey> = projects.iter().map(place).collect();
    items.get_all(&places).await
}

/// Every project, for a sweep: nothing else reads all of them.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn list(items: &ItemsReader) -> Result<Vec<Result<Project>>> {
    let projects = find(items, index::ALL).await?;
    read_all(items, &projects).await
}

/// The projects of an index: of a key, a role, a secret or an account.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn find(items: &ItemsReader, index: &str) -> Result<Vec<ProjectId>> {
    let found: Vec<index::Reference> = items.query(index).await?;
    Ok(found.into_iter().map(|reference| reference.project_id).collect())
}

/// Writes a project over `before`, with its places in the indexes, all of it or nothing.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write(items: &ItemsWriter, before: Option<&Project>, after: &Project) -> Result<()> {
    let read = before.map_or(0, |before| before.version);
    let (there, wanted) = (before.map(index::of).unwrap_or_default(), index::of(after));
    let is_empty = wanted.is_empty();
    let key = place(&after.project_id);
    let mut writes = vec![if is_empty {
        Write::delete(key, Expected::Version(read))
    } else {
        let after = Project { version: read + 1, ..after.clone() };
        Write::put(key, &after, Expected::Version(read))?
    }];
    let reference = index::Reference { project_id: after.project_id.clone() };
    let in_index = |partition: &String| ItemKey::new(partition, after.project_id.as_ref());
    for new in wanted.difference(&there) {
        writes.push(Write::put(in_index(new), &reference, Expected::Anything)?);
    }
    writes.extend(there.difference(&wanted).map(|gone| Write::delete(in_index(gone), Expected::Anything)));
    items.write(writes).await
}
