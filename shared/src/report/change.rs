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

/// Of what was planned and is done, the changes that nobody has reported: an attempt that was killed, or lost its answer,
/// made them, and the next one found nothing to do. Ids that were not known then are still in words.
pub fn unreported(planned: &[Change], reported: &[Change]) -> Vec<Change> {
    let mut left: Vec<&Change> = reported.iter().collect();
    let mut unreported = Vec::new();
    for change in planned {
        match left.iter().position(|made| change.became(made)) {
            Some(at) => drop(left.remove(at)),
            None => unreported.push(change.clone()),
        }
    }
    unreported
}

impl Change {
    /// Whether a change that was made is this one, which was planned. What follows an id that was not known is not
    /// compared.
    fn became(&self, made: &Self) -> bool {
        let begins = |made: &str, planned: &str| made.starts_with(planned.split(UNKNOWN).next().unwrap_or_default());
        self.step == made.step
            && self.action == made.action
            && begins(&made.resource, &self.resource)
            && begins(&made.summary, &self.summary)
    }
}

/// What stands in a plan in the place of an id that is not known yet begins with this.
pub const UNKNOWN: &str = "(known after ";

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
pub trait Described {
    /// The change in words.
    fn description(&self) -> Description;

    /// Whether anything is different afterwards. What is written again as it is, so that somebody looks at it again, is
    /// no change.
    fn is_difference(&self) -> bool {
        true
    }
}

/// A change in words: what it does to which resource, and how that looks before and after, null unless it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(PlannedChange);

impl Description {
    /// What is done to a resource, in a few words.
    #[expect(clippy::needless_pass_by_value, reason = "an ARN that is there, or a path that is made for it")]
    pub fn new(action: Action, resource: impl ToString, summary: impl Into<String>) -> Self {
        let (step, resource, summary) = (String::new(), resource.to_string(), summary.into());
        let change = Change { step, action, resource, summary, consequences: Vec::new() };
        Self(PlannedChange { change, before: Value::Null, after: Value::Null })
    }

    /// A resource that does not exist yet.
    pub fn create(resource: impl ToString, summary: impl Into<String>) -> Self {
        Self::new(Action::Create, resource, summary)
    }

    /// A resource that exists, and is changed.
    pub fn update(resource: impl ToString, summary: impl Into<String>) -> Self {
        Self::new(Action::Update, resource, summary)
    }

    /// A resource that exists, and is deleted.
    pub fn delete(resource: impl ToString, summary: impl Into<String>) -> Self {
        Self::new(Action::Delete, resource, summary)
    }

    /// Adds a side effect.
    #[must_use]
    pub fn consequence(self, text: impl Into<String>) -> Self {
        self.consequences([text.into()])
    }

    /// Adds side effects.
    #[must_use]
    pub fn consequences(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.0.change.consequences.extend(texts);
        self
    }

    /// Says what is there now.
    #[must_use]
    pub fn before(mut self, state: impl Into<Value>) -> Self {
        self.0.before = state.into();
        self
    }

    /// Says what will be there.
    #[must_use]
    pub fn after(mut self, state: impl Into<Value>) -> Self {
        self.0.after = state.into();
        self
    }

    /// The change as a plan shows it, with the step that makes it.
    #[must_use]
    pub fn planned(mut self, step: &str) -> PlannedChange {
        step.clone_into(&mut self.0.change.step);
        self.0
    }

    /// The change as outputs and logs show it, with the step that made it.
    #[must_use]
    pub fn made(self, step: &str) -> Change {
        self.planned(step).change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(step: &str, resource: &str, summary: &str) -> Change {
        Description::create(resource, summary).made(step)
    }

    #[test]
    fn what_was_planned_and_nobody_reported_is_found_once_for_each() {
        let planned = [
            change("create-role", "/cloudProviderAccess/(known after create-role)", "created"),
            change("create-endpoint", "/privateEndpoints", "requested"),
            change("create-endpoint", "/privateEndpoints", "requested"),
        ];
        let made = [change("create-role", "/cloudProviderAccess/6a79", "created"), planned[1].clone()];
        assert_eq!(unreported(&planned, &made), [planned[2].clone()]);
        assert_eq!(unreported(&planned, &[]), planned);
        assert_eq!(unreported(&[], &made), []);
    }
}
