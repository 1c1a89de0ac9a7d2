//! What a sweep found: the one message of the night.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Message;
use crate::{
    ids::ProjectId,
    report::sweep::ProjectState,
    report::{Owed, sweep::ProjectResult, vending::Outcome},
    request::{ProjectToReport, SweepReport},
};

/// What came of each project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Results {
    /// The projects that were to be checked.
    pub projects: Vec<ProjectId>,
    /// The outcome for each, in any order. One that has no result could not be checked.
    pub results: Vec<ProjectResult>,
    /// The accounts that no event reported, and what `on-account-vended` made of them.
    #[serde(default)]
    pub handed_in: Vec<Outcome>,
    /// What is owed, since when, why not yet, and what happens next.
    #[serde(default)]
    pub owed: Vec<Owed>,
    /// How many there are, those included that are not listed.
    #[serde(default)]
    pub owed_count: usize,
    /// Other findings.
    #[serde(default)]
    pub other_findings: Vec<String>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

pub(super) fn message(results: &Results) -> Message {
    let report = report(results);
    let text = fitting(body(&report, results.execution.as_deref()));
    Message { kind: "sweep-report", subject: subject(&report), text, report: Some(report) }
}

fn report(results: &Results) -> SweepReport {
    let by_id: BTreeMap<&str, &ProjectResult> =
        results.results.iter().map(|result| (result.project_id.as_ref(), result)).collect();
    let mut report = SweepReport { project_count: results.projects.len(), ..SweepReport::default() };
    for project_id in &results.projects {
        let to_report = |problems: Vec<String>| ProjectToReport { project_id: project_id.clone(), problems };
        let Some(result) = by_id.get(project_id.as_ref()) else {
            report.failed.push(to_report(vec!["its check did not finish".to_owned()]));
            continue;
        };
        match result.state {
            ProjectState::Matching => report.matching += 1,
            ProjectState::Drifted => report.drifted.push(to_report(result.what.clone())),
            ProjectState::Repaired => report.repaired.push(to_report(result.what.clone())),
            ProjectState::Failed => report.failed.push(to_report(result.what.clone())),
            ProjectState::Skipped => report.skipped.push(to_report(result.what.clone())),
        }
        report.other_findings.extend(result.leftovers.iter().cloned());
    }
    report.owed.clone_from(&results.owed);
    report.owed_count = results.owed_count;
    report.other_findings.extend(results.handed_in.iter().map(handed_in));
    report.other_findings.extend(results.other_findings.iter().cloned());
    report
}

fn handed_in(outcome: &Outcome) -> String {
    let account = outcome.account_id.as_deref().unwrap_or("?");
    match &outcome.execution_arn {
        Some(arn) => format!("account {account}: no event reported it; its enablement was started now: {arn}"),
        None => format!("account {account}: no event reported it; {}", outcome.reason),
    }
}

fn subject(report: &SweepReport) -> String {
    format!(
        "atlas-cmk: {} projects, {} matching, {} drifted, {} repaired, {} failed, {} owed, {} other findings",
        report.project_count,
        report.matching,
        report.drifted.len(),
        report.repaired.len(),
        report.failed.len(),
        report.owed_count,
        report.other_findings.len()
    )
}

fn body(report: &SweepReport, execution: Option<&str>) -> Value {
    let mut message = json!({"kind": "sweep-report", "execution": execution});
    if let (Some(message), Some(fields)) = (message.as_object_mut(), json!(report).as_object()) {
        message.extend(fields.clone());
    }
    message
}

/// What a message may measure, with room for its envelope (SNS API reference, `Publish`: 256 KiB).
const MESSAGE_LENGTH: usize = 240 * 1024;

/// The message, with less said of each project if it would not fit. The output of the execution has all of it.
fn fitting(message: Value) -> String {
    let text = message.to_string();
    if text.len() <= MESSAGE_LENGTH {
        return text;
    }
    let mut shorter = message;
    for field in ["drifted", "repaired", "failed", "skipped"] {
        let projects = shorter[field].as_array().into_iter().flatten();
        let ids: Vec<Value> = projects.map(|project| project["projectId"].clone()).collect();
        shorter[field] = json!(ids);
    }
    shorter["otherFindings"] = json!(["the report is too large for an SNS message: see the output of the execution"]);
    shorter.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> String {
        format!("66f0a1b2c3d4e5f6{n:08x}")
    }

    #[test]
    fn every_project_is_counted_once_and_one_without_a_result_has_failed() {
        let states = ["matching", "drifted", "repaired", "failed", "skipped", "matching"];
        let results: Vec<Value> = states
            .iter()
            .enumerate()
            .map(|(n, state)| {
                json!({"projectId": id(n), "state": state, "what": ["x"],
                "leftovers": if n == 5 { vec!["y"] } else { vec![] }})
            })
            .collect();
        let projects: Vec<Value> = (0..7).map(|n| json!(id(n))).collect();
        let owed = json!({"accountId": "444455556666", "subject": "s", "askedBy": "a", "since": "b", "whyNotYet": "c", "next": "d"});
        let input =
            json!({"projects": projects, "results": results, "owed": [owed], "owedCount": 60, "otherFindings": ["z"]});
        let report = report(&serde_json::from_value(input).unwrap());
        assert_eq!((report.project_count, report.matching, report.drifted.len(), report.repaired.len()), (7, 2, 1, 1));
        assert_eq!((report.failed.len(), report.skipped.len()), (2, 1));
        assert_eq!(report.other_findings, ["y", "z"]);
        assert!(
            subject(&report)
                .contains("7 projects, 2 matching, 1 drifted, 1 repaired, 2 failed, 60 owed, 2 other findings")
        );
    }

    #[test]
    fn a_report_that_is_too_long_for_a_message_still_names_every_project() {
        let to_report = |n| ProjectToReport { project_id: id(n).parse().unwrap(), problems: vec!["x".repeat(400)] };
        let report =
            SweepReport { project_count: 2000, drifted: (0..2000).map(to_report).collect(), ..SweepReport::default() };
        let text = fitting(body(&report, None));
        assert!(text.len() <= MESSAGE_LENGTH, "{}", text.len());
        assert!(text.contains(&id(1999)) && text.contains("see the output"));
    }
}
