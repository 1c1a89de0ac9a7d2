//! What a step changed, or would change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One change to one resource. An execution's output lists them all; a re-run lists none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The step that made it, for example `update-trust`.
    pub step: String,
    /// Whether the resource was made or altered.
    pub action: Action,
    /// What was changed: an ARN, or a path of the Atlas API.
    pub resource: String,
    /// What was done to it, in a few words.
    pub summary: String,
}

/// What a change does to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It was not there before.
    Create,
    /// It was there, and is otherwise now.
    Update,
}

/// A change as a step's decision names it, typed for its own act, and telling itself to people.
pub trait Describe {
    /// Whether it creates or updates.
    fn action(&self) -> Action;
    /// What it changes.
    fn resource(&self) -> String;
    /// What it does, in a few words.
    fn summary(&self) -> String;

    /// The change as outputs and logs show it.
    fn describe(&self, step: &str) -> Change {
        Change { step: step.to_owned(), action: self.action(), resource: self.resource(), summary: self.summary() }
    }
}
