//! What a step changed, or would change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change to one resource. An execution's output lists them all; a re-run lists none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The step that made it, for example `update-trust`.
    pub step: String,
    /// Whether the resource was created, updated or deleted.
    pub action: Action,
    /// What was changed: an ARN, or a path of the Atlas API.
    pub resource: String,
    /// What was done to it, in a few words.
    pub summary: String,
    /// Its side effects: downtime, charges, what cannot be undone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<String>,
}

/// A change that a plan announces: what it is, and how its resource looks before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// The change, exactly as applying lists it.
    #[serde(flatten)]
    pub change: Change,
    /// The current state; null if the resource does not exist. For policies, the statement that is replaced.
    pub before: Value,
    /// The new state; null if the resource is deleted. For policies, the statement that is written.
    pub after: Value,
}

/// What a change does to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The resource did not exist before.
    Create,
    /// The resource existed, and was changed.
    Update,
    /// The resource existed, and was deleted.
    Delete,
}

/// A change as a step's decision names it, typed for its own act, with a description for people.
pub trait Describe {
    /// Whether it creates, updates or deletes.
    fn action(&self) -> Action;
    /// What it changes.
    fn resource(&self) -> String;
    /// What it does, in a few words.
    fn summary(&self) -> String;

    /// Its side effects.
    fn consequences(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is there now.
    fn before(&self) -> Value {
        Value::Null
    }

    /// What will be there.
    fn after(&self) -> Value {
        Value::Null
    }

    /// Whether anything is different afterwards. What is written again as it is, so that somebody looks at it again, is
    /// no change.
    fn is_difference(&self) -> bool {
        true
    }

    /// The change as outputs and logs show it.
    fn describe(&self, step: &str) -> Change {
        Change {
            step: step.to_owned(),
            action: self.action(),
            resource: self.resource(),
            summary: self.summary(),
            consequences: self.consequences(),
        }
    }

    /// The change as a plan shows it.
    fn plan(&self, step: &str) -> PlannedChange {
        PlannedChange { change: self.describe(step), before: self.before(), after: self.after() }
    }
}
