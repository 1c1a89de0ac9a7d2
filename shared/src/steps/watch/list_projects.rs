//! `list-projects`: every registered project, for a sweep: those to check, and the secrets they use.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value, json};

use crate::{
    error::Result,
    registry::{self, Project, Stage},
    report::{limited, sweep::Listed},
    request::Sweep,
    step::{Actions, Answer, Readers, Step},
};

/// The step.
pub struct ListProjects;

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What was asked for.
    #[serde(deserialize_with = "object")]
    pub request: Sweep,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

/// All fields of it are optional, and serde would take a list for an object then.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Sweep, D::Error> {
    let fields = Map::deserialize(deserializer)?;
    Sweep::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

/// What is registered. Ids and little else: 2,000 projects have to fit into a state payload, which is at most 256 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The projects to check.
    pub projects: Vec<Listed>,
    /// The secrets they use, each with a project to ask about it.
    pub credentials: Vec<Listed>,
    /// What cannot be checked, and why, in a sentence each.
    pub other_findings: Vec<String>,
    /// How many characters may be reported for each project, so that the state payload is large enough even if all
    /// projects have problems.
    pub room: usize,
}

impl Step for ListProjects {
    const NAME: &'static str = "list-projects";
    const ABOUT: &'static str = "Read-only: returns every registered project, and the secrets in use";
    const ACTIONS: Actions = &[&["dynamodb:BatchGetItem", "dynamodb:Query"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"request": {}, "execution": "sweep-2026-11-23"})
    }
}

impl Answer for ListProjects {
    type Observation = Vec<Result<Project>>;

    async fn observe(readers: &Readers, _: &Input) -> Result<Self::Observation> {
        registry::list(&readers.registry()?).await
    }

    fn answer(_: &Input, projects: Self::Observation, _: Timestamp) -> Result<Output> {
        Ok(list(&projects))
    }
}

/// What may be reported of all projects together, in bytes, beside their ids and other findings.
const REPORTED_OF_ALL: usize = 180_000;

/// What is always reported of each: its id and its state.
const REPORTED_OF_EACH: usize = 88;

fn room(projects: usize) -> usize {
    (REPORTED_OF_ALL / projects.max(1)).saturating_sub(REPORTED_OF_EACH)
}

fn list(projects: &[Result<Project>]) -> Output {
    let mut output = Output::default();
    let mut by_secret = BTreeMap::new();
    for project in projects.iter().flatten().filter(|project| project.stage() == Stage::Enabled) {
        let atlas_secret_id = project.entry().and_then(|entry| entry.desired.atlas_secret_id.clone());
        let listed = Listed { project_id: project.project_id.clone(), atlas_secret_id };
        by_secret.entry(listed.atlas_secret_id.as_ref().map(ToString::to_string)).or_insert(listed.clone());
        output.projects.push(listed);
    }
    output.projects.sort_by(|one, other| one.project_id.cmp(&other.project_id));
    output.credentials = by_secret.into_values().collect();
    output.room = room(output.projects.len());
    // One that cannot be read hides no other.
    let unreadable = projects.iter().filter_map(|project| project.as_ref().err());
    output.other_findings = limited(unreadable.map(|error| error.message().to_owned()));
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{entry, registered_of};

    fn project(n: u32, secret: Option<&str>) -> Project {
        registered_of(n, &json!({"desired": {"atlasSecretId": secret}}))
    }

    fn listed(projects: Vec<Project>) -> Output {
        let projects: Vec<Result<Project>> = projects.into_iter().map(Ok).collect();
        list(&projects)
    }

    #[test]
    fn projects_are_looked_at_whose_encryption_is_in_force() {
        let announced = Some(entry(&json!({})));
        let output = listed(vec![
            project(1, None),
            project(2, Some("other")),
            Project { intended: announced.clone(), ..project(3, None) },
            Project { current: None, intended: announced, ..project(4, None) },
            Project { disabled: true, ..project(5, None) },
            Project { current: None, ..project(6, None) },
        ]);
        assert_eq!(output.projects.len(), 3, "what is in force stays so while another state is announced");
        assert_eq!(output.credentials.len(), 2, "one for each secret");
    }

    #[test]
    fn a_project_that_another_version_wrote_is_reported_and_hides_no_other() {
        let unreadable = Err(crate::error::Error::new(crate::error::ErrorName::DeploymentInvalid, "another version"));
        let output = list(&[unreadable, Ok(project(1, None))]);
        assert_eq!((output.projects.len(), output.other_findings.len()), (1, 1));
    }

    #[test]
    fn two_thousand_projects_fit_into_what_states_pass_on() {
        let projects: Vec<Project> = (0..2000).map(|n| project(n, None)).collect();
        let bytes = serde_json::to_string(&listed(projects)).unwrap().len();
        assert!(bytes < 128 * 1024, "{bytes}");
    }

    #[test]
    fn what_is_reported_of_two_thousand_projects_in_trouble_fits_too() {
        for projects in [1, 20, 200, 2000] {
            let quarter = "x".repeat(room(projects) / 4);
            let result = json!({
                "projectId": "66f0a1b2c3d4e5f600000000", "state": "repaired", "what": [quarter, quarter], "leftovers": [quarter, quarter],
            });
            let ids = vec!["66f0a1b2c3d4e5f600000000"; projects];
            let bytes = json!({"projects": ids, "results": vec![result; projects]}).to_string().len();
            assert!(bytes < 240 * 1024, "{projects}: {bytes}");
        }
        assert!(room(200) > 700, "{}", room(200));
    }
}
