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
    /// Whether the resource was made, altered or removed.
    pub action: Action,
    /// What was changed: an ARN, or a path of the Atlas API.
    pub resource: String,
    /// What was done to it, in a few words.
    pub summary: String,
    /// What it brings about besides: downtime, charges, what cannot be undone.
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
    /// What is there now; null if nothing is. Of policies, the statement in the place of ours.
    pub before: Value,
    /// What will be there; null if nothing will be. Of policies, the statement that is added or replaced.
    pub after: Value,
}

/// What a change does to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It was not there before.
    Create,
    /// It was there, and is otherwise now.
    Update,
    /// It was there, and is no longer.
    Delete,
}

/// A change as a step's decision names it, typed for its own act, and telling itself to people.
pub trait Describe {
    /// Whether it creates, updates or deletes.
    fn action(&self) -> Action;
    /// What it changes.
    fn resource(&self) -> String;
    /// What it does, in a few words.
    fn summary(&self) -> String;

    /// What it brings about besides.
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

    /// Whether anything is different afterwards. What is written again as it is, so that somebody looks at it again, is no change.
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
