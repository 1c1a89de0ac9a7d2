//! Whose turn it is to work on a project. A lease ends with its execution, so that nothing has to be released, and at
//! the latest when no execution can run any longer.

use serde::{Deserialize, Serialize};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::Result,
    ids::ProjectId,
};

/// The lease of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The execution that works on it.
    pub holder: Holder,
    /// The reconciliation that waits. It will see all changes, so that no other has to wait.
    pub next: Option<Holder>,
    /// When the last of them has ended for certain, in seconds since 1970: `DynamoDB` deletes the item then.
    pub expires_at: i64,
    /// How many times it was written: whoever writes it has to have read the last.
    pub version: u64,
}

/// An execution that has the lease, or waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Its ARN.
    pub execution: String,
    /// Whether it reconciles the project. It works by executions that are named after it.
    pub reconciles: bool,
    /// When it has ended for certain, in seconds since 1970.
    pub until: i64,
}

impl Holder {
    /// Its name.
    pub fn name(&self) -> &str {
        self.execution.rsplit(':').next().unwrap_or_default()
    }
}

fn place(project: &ProjectId) -> ItemKey {
    ItemKey::new(resource(project), "lease")
}

/// What a change of a lease is said to be about.
pub fn resource(project: &ProjectId) -> String {
    format!("lease#{project}")
}

/// The lease of a project, if there was one.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, project: &ProjectId) -> Result<Option<Lease>> {
    items.get(&place(project)).await
}

/// Writes a lease over the one whose version it has.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write(items: &ItemsWriter, lease: &Lease) -> Result<()> {
    let next = Lease { version: lease.version + 1, ..lease.clone() };
    items.write(vec![Write::put(place(&lease.project_id), &next, Expected::Version(lease.version))?]).await
}
