//! The registry of projects in Parameter Store, for the nightly sweep, `disable-encryption` and other tools.

pub mod accounts;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{ParametersReader, ParametersWriter},
    error::Result,
    ids::{AccessRoleId, KmsKeyArn, ProjectId},
    report::OldKey,
    request::EnableEncryption,
};

/// The stage of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// An enablement has begun and has not finished.
    Enabling,
    /// Encryption is enabled and verified.
    #[default]
    Enabled,
    /// Encryption was disabled, except for what is still in use.
    Disabled,
}

/// The value of `/atlas-cmk/projects/<projectId>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Atlas's id of the access role.
    pub role_id: AccessRoleId,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// The stage of the project.
    #[serde(default)]
    pub stage: Stage,
    /// The input that leads to this state, without its mode.
    pub desired: EnableEncryption,
    /// Keys that the project used before.
    #[serde(default)]
    pub old_keys: Vec<OldKey>,
    /// When this was written, ISO 8601.
    pub registered_at: String,
    /// The execution that wrote it.
    pub execution: Option<String>,
}

impl Entry {
    /// An entry without what is different every time.
    pub fn comparable(&self) -> Value {
        let old_keys: Vec<&String> = self.old_keys.iter().map(|old| &old.key).collect();
        json!({
            "stage": self.stage,
            "roleId": self.role_id,
            "keyArn": self.key_arn,
            "desired": self.desired,
            "oldKeys": old_keys,
        })
    }

    /// Whether this entry already announces the same role, key and desired state.
    pub fn announces(&self, other: &Self) -> bool {
        self.stage != Stage::Disabled
            && (&self.role_id, &self.key_arn, &self.desired) == (&other.role_id, &other.key_arn, &other.desired)
    }

    /// The keys that snapshots of the project may need: the one it uses, and those before.
    pub fn keys(&self) -> Vec<String> {
        let old = self.old_keys.iter().map(|old| old.key.clone());
        std::iter::once(self.key_arn.to_string()).chain(old).collect()
    }
}

/// The path of the parameters of projects.
pub const PROJECTS: &str = "/atlas-cmk/projects";

/// The parameter of a project.
pub fn parameter(project: &ProjectId) -> String {
    format!("{PROJECTS}/{project}")
}

/// The entry of a project, and the keys it names, even if nothing else of it can be read.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn read(
    parameters: &ParametersReader,
    project: &ProjectId,
    now: Timestamp,
) -> Result<(Option<Entry>, Vec<OldKey>)> {
    let text = parameters.read(&parameter(project)).await?;
    Ok(text.as_deref().map(|text| parse(text, now)).unwrap_or_default())
}

/// All entries of projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// What could be read.
    pub entries: Vec<Entry>,
    /// The names of parameters that hold something else.
    pub unreadable: Vec<String>,
}

/// Reads all entries of projects.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn list(parameters: &ParametersReader, now: Timestamp) -> Result<Registry> {
    let mut registry = Registry::default();
    for (name, text) in parameters.list(PROJECTS).await? {
        match parse(&text, now).0 {
            Some(entry) => registry.entries.push(entry),
            None => registry.unreadable.push(format!("{PROJECTS}/{name}")),
        }
    }
    Ok(registry)
}

/// Writes an entry, in the place of any before it.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn write(parameters: &ParametersWriter, entry: &Entry) -> Result<()> {
    let value = json!(entry);
    let what = "A MongoDB Atlas project with customer-managed keys, registered by atlas-cmk";
    parameters.write(&parameter(&entry.project_id), &value, what).await
}

/// An entry that another version wrote, or a person, is written again, but no key in it is lost.
pub(crate) fn parse(text: &str, now: Timestamp) -> (Option<Entry>, Vec<OldKey>) {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let listed = value["oldKeys"].as_array().into_iter().flatten();
    let mut keys: Vec<OldKey> = listed.filter_map(|old| serde_json::from_value(old.clone()).ok()).collect();
    if let Some(key) = value["keyArn"].as_str().filter(|key| !keys.iter().any(|old| old.key == *key)) {
        keys.push(OldKey { key: key.to_owned(), replaced_at: now.to_string() });
    }
    (serde_json::from_value(value).ok(), keys)
}
