//! `summarize-project`: what a sweep reports of a project: its state, why in a few sentences, and what was left
//! unfinished in it (authorizations that were never finished, private endpoints that are stuck).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{AccessRole, AtlasError, EndpointStatus, PrivateEndpoint},
    error::{Error, Result},
    ids::ProjectId,
    report::{
        Change, Difference, Finding,
        sweep::{Listed, ProjectResult, ProjectState},
    },
    step::{Actions, Answer, Readers, Step, actions},
};

/// The step.
pub struct SummarizeProject;

/// A project, and what came of its reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The project.
    pub project: Listed,
    /// The output of `reconcile-project`.
    pub outcome: Outcome,
    /// How many characters may be reported of it.
    pub room: usize,
}

/// What came of the reconciliation of a project: the output of `reconcile-project`, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Its state after reconciliation.
    pub state: ProjectState,
    /// Why it was skipped or failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// What differs.
    #[serde(default)]
    pub differences: Vec<Difference>,
    /// Problems of the role, the key or the credentials.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The repairs that were made.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// The access role records and the private endpoints of a project.
type Remains = (Vec<AccessRole>, Vec<PrivateEndpoint>);

impl Step for SummarizeProject {
    const NAME: &'static str = "summarize-project";
    const ABOUT: &'static str = "Read-only: returns what a sweep reports of a project, with access roles pending for a \
        day and private endpoints that are not active";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = ProjectResult;

    fn sample() -> Value {
        json!({
            "project": {
                "projectId": "66f0a1b2c3d4e5f601234567"
            },
            "outcome": {
                "state": "drifted",
                "differences": [
                    {
                        "resource": "arn:aws:iam::444455556666:role/atlas-cmk",
                        "difference": "the IAM role does not exist"
                    }
                ]
            },
            "room": 1000
        })
    }
}

impl Answer for SummarizeProject {
    type Observation = std::result::Result<Remains, Error>;

    async fn observe(readers: &Readers, input: &Input) -> Result<Self::Observation> {
        match read(readers, &input.project.project_id).await.map_err(Error::from) {
            // What passes is tried again. What does not is reported, beside what the reconciliation has found.
            Err(error) if error.name().passes_by_itself() => Err(error),
            read => Ok(read),
        }
    }

    fn answer(input: &Input, remains: Self::Observation, now: Timestamp) -> Result<ProjectResult> {
        let id = &input.project.project_id;
        let leftovers = match remains {
            Ok((roles, endpoints)) => leftovers(id, &roles, &endpoints, now),
            Err(error) => vec![format!("project {id}: what is left unfinished could not be read: {}", error.name())],
        };
        Ok(ProjectResult {
            project_id: id.clone(),
            state: input.outcome.state,
            what: fitting(sentences(&input.outcome), input.room / 2),
            leftovers: fitting(leftovers, input.room / 2),
        })
    }
}

async fn read(readers: &Readers, project: &ProjectId) -> std::result::Result<Remains, AtlasError> {
    Ok((readers.atlas.access_roles(project).await?, readers.atlas.private_endpoints(project).await?))
}

/// How long a sentence about a project may be, in characters.
const SENTENCE_LENGTH: usize = 160;

/// The first two sentences on why a project is not fine.
fn sentences(outcome: &Outcome) -> Vec<String> {
    if outcome.state == ProjectState::Matching {
        return Vec::new();
    }
    let differences = outcome.differences.iter().map(|it| format!("{}: {}", it.resource, it.difference));
    let findings = outcome.findings.iter().map(|it| format!("{}: {}", it.error, it.cause));
    let changes = outcome.changes.iter().map(|it| format!("{} ({})", it.summary, it.resource));
    let all = differences.chain(findings).chain(changes).chain(outcome.reason.clone());
    all.take(2).map(|sentence| first(&sentence, SENTENCE_LENGTH)).collect()
}

/// The sentences, or the beginning of the first two, if all of them do not fit into so many characters.
fn fitting(sentences: Vec<String>, room: usize) -> Vec<String> {
    let length: usize = sentences.iter().map(|sentence| sentence.len() + 3).sum();
    if length <= room {
        return sentences;
    }
    let shortened = sentences.iter().take(2).map(|sentence| first(sentence, room / 2));
    shortened.filter(|sentence| !sentence.is_empty()).collect()
}

fn first(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

/// After how many hours an authorization counts as given up.
const GIVEN_UP_AFTER_HOURS: i64 = 24;

fn leftovers(project: &ProjectId, roles: &[AccessRole], endpoints: &[PrivateEndpoint], now: Timestamp) -> Vec<String> {
    let given_up = roles.iter().filter(|role| role.is_pending()).filter_map(|role| {
        let created = role.created_date.as_deref()?;
        let hours = (now.as_second() - created.parse::<Timestamp>().ok()?.as_second()) / 3600;
        (hours >= GIVEN_UP_AFTER_HOURS).then(|| {
            format!(
                "project {project}: access role record {} (created {created}) was never authorized: run \
                 enable-encryption, or remove it with cancel-authorization",
                role.role_id
            )
        })
    });
    let stuck = endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::Active).map(|endpoint| {
        let why = endpoint.error_message().map(|why| format!(" ({why})")).unwrap_or_default();
        format!(
            "project {project}: the private endpoint in {} is {}{why}: if it stays so, delete it and run the \
             enablement again, or contact MongoDB Support",
            endpoint.region_name, endpoint.status
        )
    });
    given_up.chain(stuck).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{access_role, endpoint, pending_access_role};

    #[test]
    fn a_project_that_is_not_fine_is_explained_in_two_sentences() {
        let outcome = |fields: serde_json::Value| serde_json::from_value::<Outcome>(fields).unwrap();
        let differences =
            json!([{"resource": "role", "difference": "it trusts nobody"}, {"resource": "b", "difference": "c"}]);
        for (fields, expected) in [
            (json!({"state": "matching", "reason": "x"}), vec![]),
            (json!({"state": "failed", "reason": "because"}), vec!["because"]),
            (
                json!({"state": "drifted", "differences": differences, "reason": "because"}),
                vec!["role: it trusts nobody", "b: c"],
            ),
        ] {
            assert_eq!(sentences(&outcome(fields)), expected);
        }
        let long = outcome(json!({"state": "failed", "reason": "x".repeat(1000)}));
        assert_eq!(sentences(&long)[0].len(), SENTENCE_LENGTH);
    }

    #[test]
    fn sentences_are_shortened_to_the_room_that_there_is() {
        let long = vec!["x".repeat(300); 3];
        assert_eq!(fitting(long.clone(), 1000), long);
        assert_eq!(fitting(long.clone(), 100), ["x".repeat(50), "x".repeat(50)]);
        assert!(fitting(long, 0).is_empty());
    }

    #[test]
    fn what_is_old_or_stuck_is_reported_and_what_is_under_way_or_done_is_not() {
        let role = |created: &str, authorized: Option<&str>| {
            let record = if authorized.is_some() { access_role() } else { pending_access_role() };
            AccessRole { created_date: Some(created.to_owned()), ..record }
        };
        let endpoint = |status: &str| endpoint(1, "US_EAST_1", status);
        let project = "66f0a1b2c3d4e5f601234567".parse().unwrap();
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let roles = [
            role("2026-11-23T09:00:00Z", None),
            role("2026-11-22T09:00:00Z", None),
            role("2026-11-01T09:00:00Z", Some("2026-11-01T09:05:00Z")),
        ];
        let endpoints = [endpoint("ACTIVE"), endpoint("FAILED"), endpoint("DELETING")];
        let found = leftovers(&project, &roles, &endpoints, now);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("never authorized") && found[1].contains("FAILED"), "{found:?}");
    }
}
