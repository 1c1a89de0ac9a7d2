//! `list-projects`: every registered project, for a sweep: those to check, the secrets they use, and what is registered
//! and cannot be checked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value, json};

use crate::{
    error::Result,
    registry::{self, Registry, Stage},
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
    const ABOUT: &'static str = "Read-only: returns every registered project, the secrets in use, and enablements that \
        did not end";
    const ACTIONS: Actions = &[&["ssm:GetParametersByPath"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"request": {}, "execution": "sweep-2026-11-23"})
    }
}

impl Answer for ListProjects {
    type Observation = Registry;

    async fn observe(readers: &Readers, _: &Input) -> Result<Registry> {
        registry::list(&readers.parameters(), readers.now).await
    }

    fn answer(_: &Input, registry: Registry, now: Timestamp) -> Result<Output> {
        Ok(list(&registry, now))
    }
}

/// What may be reported of all projects together, in bytes, beside their ids and other findings.
const REPORTED_OF_ALL: usize = 180_000;

/// What is always reported of each: its id and its state.
const REPORTED_OF_EACH: usize = 88;

fn room(projects: usize) -> usize {
    (REPORTED_OF_ALL / projects.max(1)).saturating_sub(REPORTED_OF_EACH)
}

/// After how many hours an enablement that has not been seen to end counts as dead.
const DEAD_AFTER_HOURS: i64 = 24;

fn list(registry: &Registry, now: Timestamp) -> Output {
    let mut output = Output::default();
    let mut by_secret = BTreeMap::new();
    for entry in &registry.entries {
        let listed =
            Listed { project_id: entry.project_id.clone(), atlas_secret_id: entry.desired.atlas_secret_id.clone() };
        match entry.stage {
            Stage::Enabled => {
                by_secret.entry(listed.atlas_secret_id.as_ref().map(ToString::to_string)).or_insert(listed.clone());
                output.projects.push(listed);
            }
            Stage::Enabling => {
                let since = entry.registered_at.parse::<Timestamp>().ok();
                let hours = since.map(|since| (now.as_second() - since.as_second()) / 3600);
                if hours.is_none_or(|hours| hours >= DEAD_AFTER_HOURS) {
                    output.other_findings.push(format!(
                        "project {}: its enablement began at {} and never finished: run it again, or disable the encryption of the project",
                        entry.project_id, entry.registered_at
                    ));
                }
            }
            Stage::Disabled => {}
        }
    }
    output.credentials = by_secret.into_values().collect();
    output.room = room(output.projects.len());
    output.other_findings.extend(registry.unreadable.iter().map(|name| {
        format!("the parameter {name} does not have the format that atlas-cmk writes: run the enablement of its project again")
    }));
    output.other_findings = limited(output.other_findings);
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{fixtures::entry_of, registry::Entry};

    fn entry(n: u32, stage: &str, registered_at: &str, secret: Option<&str>) -> Entry {
        let desired = json!({"atlasSecretId": secret});
        entry_of(n, &json!({"stage": stage, "registeredAt": registered_at, "desired": desired}))
    }

    fn listed(entries: &[Entry]) -> Output {
        let registry = Registry { entries: entries.to_vec(), unreadable: Vec::new() };
        list(&registry, "2026-11-23T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn enabled_projects_are_looked_at_and_enablements_that_died_are_reported() {
        let now = "2026-11-23T09:00:00Z";
        let output = listed(&[
            entry(1, "enabled", now, None),
            entry(2, "enabled", now, Some("other")),
            entry(3, "enabled", now, None),
            entry(4, "enabling", now, None),
            entry(5, "enabling", "2026-11-22T09:00:00Z", None),
            entry(6, "disabled", now, None),
        ]);
        assert_eq!(output.projects.len(), 3);
        assert_eq!(output.credentials.len(), 2, "one for each secret");
        assert_eq!(output.other_findings.len(), 1);
        assert!(output.other_findings[0].contains("66f0a1b2c3d4e5f600000005"), "{:?}", output.other_findings);
    }

    #[test]
    fn two_thousand_projects_fit_into_what_states_pass_on() {
        let entries: Vec<Entry> = (0..2000).map(|n| entry(n, "enabled", "2026-11-23T09:00:00Z", None)).collect();
        let bytes = serde_json::to_string(&listed(&entries)).unwrap().len();
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
