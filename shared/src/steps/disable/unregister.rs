//! `unregister`: what is written down of a project, brought in line with what is left of it, so that nothing sets it up
//! again. When nothing is left, the entry goes; it is the last to go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    ids::{ClusterName, ProjectId, Region},
    registry::{self, Entry, Stage},
    report::{Described, Description},
    request::{Clusters, Scope},
    step::{Actions, Converge, Readers, Step, Writers},
};

/// The step.
pub struct Unregister;

/// The project, and what was disabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What was disabled.
    pub scope: Scope,
    /// The regions whose endpoints went; all unless given.
    #[serde(default)]
    pub regions: Option<Vec<Region>>,
    /// The clusters that were switched; all unless given.
    #[serde(default)]
    pub clusters: Option<Vec<ClusterName>>,
    /// The clusters that still use the key; with `clusters`.
    #[serde(default)]
    pub remaining_clusters: Vec<ClusterName>,
    /// Whether something was left that another run has to finish.
    #[serde(default)]
    pub unfinished: bool,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Where.
    pub parameter: String,
    /// Whether anything is written there.
    pub registered: bool,
}

/// What is written down now, if anything is.
pub type Written = Option<Entry>;

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    before: Entry,
    after: Option<Entry>,
}

impl Described for Rewrite {
    fn description(&self) -> Description {
        let resource = registry::parameter(&self.before.project_id);
        let description = match &self.after {
            Some(after) => {
                Description::update(resource, "desired state of the project registered again").after(after.comparable())
            }
            None => Description::delete(resource, "project no longer registered"),
        };
        description.before(self.before.comparable())
    }
}

impl Step for Unregister {
    const NAME: &'static str = "unregister";
    const ABOUT: &'static str = "Updates the entry in Parameter Store to what is still desired, or deletes it. Runs \
        last";
    const ACTIONS: Actions = &[&["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "scope": "endpoints",
            "regions": [
                "eu-west-1"
            ],
            "unfinished": false,
            "execution": "manual-1"
        })
    }
}

impl Converge for Unregister {
    type Observation = Written;
    type Change = Rewrite;

    async fn observe(readers: &Readers, input: &Input) -> Result<Written> {
        Ok(registry::read(&readers.parameters(), &input.project_id, readers.now).await?.0)
    }

    fn decide(input: &Input, written: &Written) -> Result<Vec<Rewrite>> {
        let Some(before) = written else { return Ok(Vec::new()) };
        let after = without_what_was_taken_down(input, before);
        let is_same = after.as_ref().is_some_and(|after| after.comparable() == before.comparable());
        Ok(if is_same { Vec::new() } else { vec![Rewrite { before: before.clone(), after }] })
    }

    async fn act(writers: &Writers, input: &Input, written: Written, changes: &[Rewrite]) -> Result<Output> {
        let parameter = registry::parameter(&input.project_id);
        let mut registered = written.is_some();
        for change in changes {
            match &change.after {
                Some(entry) => {
                    let entry = Entry { registered_at: writers.now.to_string(), ..entry.clone() };
                    registry::write(&writers.parameters(), &entry).await?;
                }
                None => writers.parameters().delete(&parameter).await?,
            }
            registered = change.after.is_some();
        }
        Ok(Output { parameter, registered })
    }
}

/// What is left to be desired.
fn without_what_was_taken_down(input: &Input, before: &Entry) -> Option<Entry> {
    if input.scope == Scope::Role && !input.unfinished {
        return None;
    }
    let mut after = Entry { execution: input.execution.clone(), ..before.clone() };
    let desired = &mut after.desired;
    if input.clusters.is_none() {
        let goes = |region: &Region| input.regions.as_ref().is_none_or(|regions| regions.contains(region));
        let regions: Vec<Region> = desired.regions().iter().filter(|region| !goes(region)).cloned().collect();
        desired.regions = Some(regions).filter(|regions| !regions.is_empty());
    }
    if input.scope >= Scope::Clusters {
        desired.clusters = clusters(input, desired.clusters.take());
    }
    if input.scope >= Scope::Project {
        after.stage = Stage::Disabled;
    }
    Some(after)
}

/// Of `all` clusters without some, those are left that still use the key.
fn clusters(input: &Input, desired: Option<Clusters>) -> Option<Clusters> {
    let none = Some(Clusters::None);
    let left: Vec<ClusterName> = match (&input.clusters, desired) {
        (_, None) => return None,
        (Some(switched), Some(Clusters::Named(names))) => {
            names.into_iter().filter(|name| !switched.contains(name)).collect()
        }
        (Some(_), Some(Clusters::All)) => input.remaining_clusters.clone(),
        _ => return none,
    };
    if left.is_empty() { none } else { Some(Clusters::Named(left)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    fn entry(regions: &Value, clusters: &Value) -> Entry {
        fixtures::entry(&json!({"desired": {"regions": regions, "clusters": clusters}}))
    }

    fn rewritten(input: &Value, entry: &Entry) -> Vec<Option<Value>> {
        let mut whole = json!({"projectId": "66f0a1b2c3d4e5f601234567"});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let input: Input = serde_json::from_value(whole).unwrap();
        let changes = Unregister::decide(&input, &Some(entry.clone())).unwrap();
        changes.into_iter().map(|change| change.after.map(|entry| json!(entry))).collect()
    }

    #[test]
    fn what_was_taken_down_is_no_longer_desired_and_the_rest_is() {
        let before = entry(&json!(["us-east-1", "eu-west-1"]), &json!(["orders", "reports"]));
        for (input, regions, clusters, stage) in [
            (
                json!({"scope": "endpoints", "regions": ["eu-west-1"]}),
                json!(["us-east-1"]),
                json!(["orders", "reports"]),
                "enabled",
            ),
            (json!({"scope": "endpoints"}), Value::Null, json!(["orders", "reports"]), "enabled"),
            (
                json!({"scope": "clusters", "clusters": ["orders"]}),
                json!(["us-east-1", "eu-west-1"]),
                json!(["reports"]),
                "enabled",
            ),
            (json!({"scope": "clusters"}), Value::Null, json!("none"), "enabled"),
            (json!({"scope": "project"}), Value::Null, json!("none"), "disabled"),
            (json!({"scope": "role", "unfinished": true}), Value::Null, json!("none"), "disabled"),
        ] {
            let after = rewritten(&input, &before).remove(0).unwrap();
            assert_eq!(after["desired"].get("regions").cloned().unwrap_or_default(), regions, "{input}");
            assert_eq!(after["desired"]["clusters"], clusters, "{input}");
            assert_eq!(after["stage"], stage, "{input}");
        }
        assert_eq!(rewritten(&json!({"scope": "role"}), &before), [None]);
    }

    #[test]
    fn of_all_clusters_without_one_the_others_stay_desired() {
        let before = entry(&Value::Null, &json!("all"));
        let input = json!({"scope": "clusters", "clusters": ["orders"], "remainingClusters": ["reports"]});
        assert_eq!(rewritten(&input, &before).remove(0).unwrap()["desired"]["clusters"], json!(["reports"]));
        let last = json!({"scope": "clusters", "clusters": ["orders"]});
        assert_eq!(rewritten(&last, &before).remove(0).unwrap()["desired"]["clusters"], json!("none"));
    }

    #[test]
    fn what_is_written_as_it_should_be_is_not_written_again() {
        let before = entry(&json!(["us-east-1"]), &Value::Null);
        assert_eq!(rewritten(&json!({"scope": "endpoints", "regions": ["eu-west-1"]}), &before).len(), 0);
        let input = serde_json::from_value(json!({"projectId": "66f0a1b2c3d4e5f601234567", "scope": "role"})).unwrap();
        assert_eq!(Unregister::decide(&input, &None).unwrap(), []);
    }
}
