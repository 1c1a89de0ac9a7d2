//! `unregister`: what is written down of a project, brought in line with what is left of it, so that nothing sets it up
//! again. When nothing is left, all of it goes but the keys that old snapshots may need; it is the last to go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    ids::{ClusterName, ProjectId, Region},
    registry::{
        self, Entry, Project, Stage,
        obligations::{self, Obligation},
    },
    report::{Change, Described, Description, unreported},
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
    /// The changes that were planned.
    #[serde(default)]
    pub planned: Vec<Change>,
    /// The changes that the steps before have reported.
    #[serde(default)]
    pub reported: Vec<Change>,
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The parameter that other tools read.
    pub parameter: String,
    /// Whether anything is written there.
    pub registered: bool,
    /// The changes that attempts have made which were killed, or lost the answer.
    pub unreported: Vec<Change>,
}

/// What is written down now, if anything is, and what is owed to the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub(crate) project: Option<Project>,
    pub(crate) owed: Vec<Obligation>,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// Write what is left of the project.
    Project {
        /// What is there.
        before: Box<Project>,
        /// What is to be there.
        after: Box<Project>,
    },
    /// Close an obligation: the project is taken down.
    Close(Box<Obligation>),
}

impl Described for Rewrite {
    fn description(&self) -> Description {
        let (before, after) = match self {
            Self::Project { before, after } => (before, after),
            Self::Close(owed) => {
                return Description::delete(
                    obligations::resource(owed),
                    "obligation closed: the project is taken down",
                );
            }
        };
        let resource = registry::resource(&before.project_id);
        let description = match after.stage() {
            Stage::Unregistered => Description::delete(resource, "project no longer registered"),
            _ => {
                Description::update(resource, "desired state of the project registered again").after(after.comparable())
            }
        };
        description.before(before.comparable())
    }

    fn is_difference(&self) -> bool {
        !matches!(self, Self::Close(_))
    }
}

impl Step for Unregister {
    const NAME: &'static str = "unregister";
    const ABOUT: &'static str = "Updates the registered state to what is still desired, or deletes all of it but the \
        keys that old snapshots need. Runs last";
    const ACTIONS: Actions = &[&[
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "ssm:DeleteParameter",
        "ssm:PutParameter",
    ]];
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
        let registry = readers.registry()?;
        let project = registry::read(&registry, &input.project_id).await?;
        let mut owed = Vec::new();
        if input.scope == Scope::Role
            && let Some(entry) = project.as_ref().and_then(Project::entry)
        {
            owed = obligations::list(&registry, Some(entry.desired.role_arn.account())).await?;
            owed.retain(|owed| owed.project_id.as_ref() == Some(&input.project_id));
        }
        Ok(Written { project, owed })
    }

    fn decide(input: &Input, written: &Written) -> Result<Vec<Rewrite>> {
        let Some(before) = &written.project else { return Ok(Vec::new()) };
        // First: what is owed is found by what is registered.
        let closed = written.owed.iter().filter(|_| !input.unfinished);
        let mut changes: Vec<Rewrite> = closed.map(|owed| Rewrite::Close(Box::new(owed.clone()))).collect();
        let after = without_what_was_taken_down(input, before);
        if after.comparable() != before.comparable() {
            changes.push(Rewrite::Project { before: Box::new(before.clone()), after: Box::new(after) });
        }
        Ok(changes)
    }

    async fn act(writers: &Writers, input: &Input, written: Written, changes: &[Rewrite]) -> Result<Output> {
        let is_registered = |project: &Project| project.stage() != Stage::Unregistered;
        let mut registered = written.project.as_ref().is_some_and(is_registered);
        for change in changes {
            let (before, mut after) = match change {
                Rewrite::Project { before, after } => (before, (**after).clone()),
                Rewrite::Close(owed) => {
                    obligations::close(&writers.registry()?, owed).await?;
                    continue;
                }
            };
            after.remember(before.keys(), writers.now);
            // First: once it is registered, nothing would publish it.
            match &after.current {
                Some(current) => writers.publications()?.publish(&input.project_id, current).await?,
                None => writers.publications()?.withdraw(&input.project_id).await?,
            }
            registry::write(&writers.registry()?, Some(before), &after).await?;
            registered = is_registered(&after);
        }
        let made = changes.iter().filter(|it| it.is_difference()).map(|it| it.description().made(Self::NAME));
        let reported: Vec<Change> = input.reported.iter().cloned().chain(made).collect();
        // What is left for another run is planned, and not done.
        let unreported = if input.unfinished { Vec::new() } else { unreported(&input.planned, &reported) };
        Ok(Output { parameter: writers.publications()?.parameter(&input.project_id), registered, unreported })
    }
}

/// What is left of the project.
fn without_what_was_taken_down(input: &Input, before: &Project) -> Project {
    let mut after = before.clone();
    if input.scope == Scope::Role && !input.unfinished {
        (after.current, after.intended, after.disabled) = (None, None, false);
        return after;
    }
    if input.scope >= Scope::Project {
        // What was announced and never verified is not enabled any more either.
        after.current = after.current.or(after.intended.take());
        after.intended = None;
        after.disabled = true;
    }
    for entry in after.current.iter_mut().chain(&mut after.intended) {
        without(input, entry);
    }
    after
}

/// What is left to be desired.
fn without(input: &Input, entry: &mut Entry) {
    let desired = &mut entry.desired;
    if input.clusters.is_none() {
        let goes = |region: &Region| input.regions.as_ref().is_none_or(|regions| regions.contains(region));
        let regions: Vec<Region> = desired.regions().iter().filter(|region| !goes(region)).cloned().collect();
        desired.regions = Some(regions).filter(|regions| !regions.is_empty());
    }
    if input.scope >= Scope::Clusters {
        desired.clusters = clusters(input, desired.clusters.take());
    }
    entry.execution.clone_from(&input.execution);
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

    fn project(regions: &Value, clusters: &Value) -> Project {
        fixtures::registered(&json!({"desired": {"regions": regions, "clusters": clusters}}))
    }

    fn rewritten(input: &Value, project: &Project) -> Vec<Project> {
        let mut whole = json!({"projectId": "66f0a1b2c3d4e5f601234567"});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let input: Input = serde_json::from_value(whole).unwrap();
        let written = Written { project: Some(project.clone()), owed: Vec::new() };
        let changes = Unregister::decide(&input, &written).unwrap().into_iter();
        let after = |change| match change {
            Rewrite::Project { after, .. } => *after,
            Rewrite::Close(_) => panic!("nothing is owed"),
        };
        changes.map(after).collect()
    }

    #[test]
    fn what_was_taken_down_is_no_longer_desired_and_the_rest_is() {
        let before = project(&json!(["us-east-1", "eu-west-1"]), &json!(["orders", "reports"]));
        for (input, regions, clusters, stage) in [
            (
                json!({"scope": "endpoints", "regions": ["eu-west-1"]}),
                json!(["us-east-1"]),
                json!(["orders", "reports"]),
                Stage::Enabled,
            ),
            (json!({"scope": "endpoints"}), Value::Null, json!(["orders", "reports"]), Stage::Enabled),
            (
                json!({"scope": "clusters", "clusters": ["orders"]}),
                json!(["us-east-1", "eu-west-1"]),
                json!(["reports"]),
                Stage::Enabled,
            ),
            (json!({"scope": "clusters"}), Value::Null, json!("none"), Stage::Enabled),
            (json!({"scope": "project"}), Value::Null, json!("none"), Stage::Disabled),
            (json!({"scope": "role", "unfinished": true}), Value::Null, json!("none"), Stage::Disabled),
        ] {
            let after = rewritten(&input, &before).remove(0);
            let desired = json!(after.current.as_ref().unwrap().desired);
            assert_eq!(desired.get("regions").cloned().unwrap_or_default(), regions, "{input}");
            assert_eq!(desired["clusters"], clusters, "{input}");
            assert_eq!(after.stage(), stage, "{input}");
        }
        assert_eq!(rewritten(&json!({"scope": "role"}), &before)[0].stage(), Stage::Unregistered);
    }

    #[test]
    fn of_all_clusters_without_one_the_others_stay_desired() {
        let before = project(&Value::Null, &json!("all"));
        let input = json!({"scope": "clusters", "clusters": ["orders"], "remainingClusters": ["reports"]});
        let clusters = |input: &Value| json!(rewritten(input, &before)[0].current.as_ref().unwrap().desired.clusters);
        assert_eq!(clusters(&input), json!(["reports"]));
        let last = json!({"scope": "clusters", "clusters": ["orders"]});
        assert_eq!(clusters(&last), json!("none"));
    }

    #[test]
    fn what_is_written_as_it_should_be_is_not_written_again() {
        let before = project(&json!(["us-east-1"]), &Value::Null);
        assert_eq!(rewritten(&json!({"scope": "endpoints", "regions": ["eu-west-1"]}), &before).len(), 0);
        let input = serde_json::from_value(json!({"projectId": "66f0a1b2c3d4e5f601234567", "scope": "role"})).unwrap();
        assert_eq!(Unregister::decide(&input, &Written::default()).unwrap(), []);
    }
}
