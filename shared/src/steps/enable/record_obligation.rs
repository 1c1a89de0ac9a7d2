//! `record-obligation`: what an execution was asked for, recorded before anything is tried. What is in force already is
//! not owed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    registry::{
        self, Project, Stage,
        obligations::{self, BY_EXECUTION, Obligation},
    },
    report::{Described, Description},
    request::{EnableEncryption, Mode},
    step::{Actions, Converge, Readers, Step, Writers, sample_request},
};

/// The step.
pub struct RecordObligation;

/// Who asks, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: EnableEncryption,
    /// The ARN of the execution.
    pub execution: String,
}

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Since when, ISO 8601; null if it is in force already.
    pub owed_since: Option<String>,
}

/// What is owed and registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    owed: Option<Obligation>,
    project: Option<Project>,
    now: jiff::Timestamp,
}

impl Described for Obligation {
    fn description(&self) -> Description {
        Description::create(obligations::resource(self), "obligation recorded")
    }

    fn is_difference(&self) -> bool {
        false
    }
}

impl Step for RecordObligation {
    const NAME: &'static str = "record-obligation";
    const ABOUT: &'static str = "Records in the registry what an execution was asked for, before anything is tried: it \
        is owed until it succeeds, is waived, or the project is taken down";
    const ACTIONS: Actions = &[&["dynamodb:GetItem", "dynamodb:PutItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": sample_request(),
            "execution": "arn:aws:states:us-east-1:777788889999:execution:atlas-cmk-enable-encryption:enable-payments"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        input.request.validate()
    }
}

impl Converge for RecordObligation {
    type Observation = Found;
    type Change = Obligation;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let registry = readers.registry()?;
        let project = match &input.request.project_id {
            Some(id) => registry::read(&registry, id).await?,
            None => None,
        };
        Ok(Found { owed: obligations::read(&registry, &input.request).await?, project, now: readers.now })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<Obligation>> {
        Ok(judge(input, found).into_iter().collect())
    }

    async fn act(writers: &Writers, input: &Input, found: Found, changes: &[Obligation]) -> Result<Output> {
        for obligation in changes {
            obligations::write(&writers.registry()?, obligation).await?;
        }
        let owed_since = match judge(input, &found) {
            Some(owed) => Some(owed.since),
            None => found.owed.map(|owed| owed.since),
        };
        Ok(Output { owed_since })
    }
}

/// The obligation as it is to be, if it changes.
fn judge(input: &Input, found: &Found) -> Option<Obligation> {
    if input.request.mode() != Mode::Apply || found.project.as_ref().is_some_and(|it| is_in_force(it, &input.request)) {
        return None;
    }
    let asked_by = format!("{BY_EXECUTION}{}", input.execution.rsplit(':').next().unwrap_or_default());
    let new = Obligation::new(&input.request, asked_by, found.now);
    match &found.owed {
        // Whoever started the execution has recorded it.
        Some(owed) if owed.execution.as_ref() == Some(&input.execution) => None,
        Some(owed) if owed.input == new.input => {
            Some(Obligation { waiver: None, ..owed.tried(input.execution.clone(), found.now) })
        }
        owed => {
            let version = owed.as_ref().map_or(0, |owed| owed.version);
            Some(Obligation { version, ..new.tried(input.execution.clone(), found.now) })
        }
    }
}

/// What is registered is watched, and repaired where that is asked for.
fn is_in_force(project: &Project, request: &EnableEncryption) -> bool {
    let as_registered = EnableEncryption { mode: None, schema: None, ..request.clone() };
    project.stage() == Stage::Enabled
        && project.current.as_ref().is_some_and(|current| current.desired == as_registered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn input(execution: &str) -> Input {
        Input { request: fixtures::request(&json!({"mode": "apply"})), execution: format!("arn:{execution}") }
    }

    fn found(owed: Option<Obligation>, project: Option<Project>) -> Found {
        Found { owed, project, now: "2026-11-23T03:00:00Z".parse().unwrap() }
    }

    #[test]
    fn what_is_asked_for_is_owed_once_however_often_it_is_tried() {
        let first = judge(&input("one"), &found(None, None)).unwrap();
        assert_eq!((first.attempts, first.asked_by.as_str()), (1, "execution one"));
        assert_eq!(judge(&input("one"), &found(Some(first.clone()), None)), None, "a retry of the same execution");
        let second = judge(&input("two"), &found(Some(first.clone()), None)).unwrap();
        assert_eq!((second.attempts, &second.since, &second.asked_by), (2, &first.since, &first.asked_by));
        let mut other = input("three");
        other.request.guard = serde_json::from_value(json!("restore")).unwrap();
        assert_eq!(judge(&other, &found(Some(first), None)).unwrap().attempts, 1, "something else is owed now");
    }

    #[test]
    fn what_is_in_force_is_not_owed_and_a_plan_or_a_comparison_neither() {
        let registered = fixtures::registered(&json!({}));
        assert_eq!(judge(&input("one"), &found(None, Some(registered.clone()))), None);
        let announced = Project { intended: registered.current.clone(), current: None, ..registered.clone() };
        assert!(judge(&input("one"), &found(None, Some(announced))).is_some());
        assert!(judge(&input("one"), &found(None, Some(Project { disabled: true, ..registered }))).is_some());
        for mode in ["plan", "verify"] {
            let request = fixtures::request(&json!({"mode": mode}));
            assert_eq!(judge(&Input { request, ..input("one") }, &found(None, None)), None);
        }
    }

    #[test]
    fn to_ask_again_takes_a_waiver_back() {
        let waiver = obligations::Waiver { by: "alice".to_owned(), reason: "x".to_owned(), at: String::new() };
        let owed = judge(&input("one"), &found(None, None)).unwrap();
        let waived = Obligation { waiver: Some(waiver), ..owed };
        assert_eq!(judge(&input("two"), &found(Some(waived), None)).unwrap().waiver, None);
    }
}
