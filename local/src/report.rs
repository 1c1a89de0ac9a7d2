//! What a person, and a program, gets to see at the end.

use std::{fmt::Write, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::execution::Run;

/// Writes `{"runs": […]}`, one entry for each execution.
///
/// # Errors
/// If the file cannot be written.
pub fn write_json(path: &Path, runs: &[Run]) -> Result<()> {
    let runs: Vec<Value> = runs.iter().map(entry).collect();
    let text = serde_json::to_string_pretty(&json!({ "runs": runs }))?;
    std::fs::write(path, text + "\n").with_context(|| format!("{} cannot be written", path.display()))
}

fn entry(run: &Run) -> Value {
    let mut entry = json!({
        "output": run.output,
        "atlasRequests": run.atlas_requests,
        "stateTransitions": run.measure.state_transitions,
        "workingMs": u64::try_from(run.measure.working.as_millis()).unwrap_or(u64::MAX),
        "waitingMs": u64::try_from(run.measure.waiting.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(error) = &run.error {
        entry["error"] = json!(error);
        entry["cause"] = json!(run.cause);
    }
    entry
}

/// How a change is marked.
pub(crate) fn sign(action: &str) -> char {
    match action {
        "create" => '+',
        "delete" => '-',
        _ => '~',
    }
}

/// The changes of an execution, a line each.
pub fn changes(run: &Run) -> String {
    if run.changes().is_empty() {
        return "  nothing changed\n".to_owned();
    }
    run.changes().iter().fold(String::new(), |mut text, change| {
        let field = |name: &str| change[name].as_str().unwrap_or("?");
        let _ = writeln!(text, "  {} {:<22} {}", sign(field("action")), field("step"), field("summary"));
        text
    })
}

/// What an execution in the mode `plan` would change: each change with what it replaces and what it brings about.
pub fn plan(run: &Run) -> String {
    run.changes().iter().fold(String::new(), |mut text, change| {
        let field = |name: &str| change[name].as_str().unwrap_or("?");
        let _ = writeln!(text, "  {} {:<22} {}", sign(field("action")), field("step"), field("summary"));
        let _ = writeln!(text, "      {}", field("resource"));
        for (name, sign) in [("before", '-'), ("after", '+')] {
            if !change[name].is_null() {
                let _ = writeln!(text, "      {sign} {}", change[name]);
            }
        }
        for consequence in change["consequences"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let _ = writeln!(text, "      ! {consequence}");
        }
        text
    })
}

/// The numbers of several executions, side by side.
pub fn numbers(runs: &[(&str, &Run)]) -> String {
    let mut text = format!(
        "  {:<12} {:>8} {:>15} {:>18} {:>9} {:>9}\n",
        "", "changes", "Atlas requests", "state transitions", "working", "waiting"
    );
    for (name, run) in runs {
        let _ = writeln!(
            text,
            "  {name:<12} {:>8} {:>15} {:>18} {:>7.1} s {:>7.1} s",
            run.changes().len(),
            run.atlas_requests,
            run.measure.state_transitions,
            run.measure.working.as_secs_f64(),
            run.measure.waiting.as_secs_f64(),
        );
    }
    text
}

/// Why an execution failed, in a sentence or two: of a diagnosis, what is wrong and what to do about it.
pub fn cause(text: &str) -> String {
    let diagnosis: Value = serde_json::from_str(text).unwrap_or_default();
    match (diagnosis["cause"].as_str(), diagnosis["fix"].as_str()) {
        (Some(cause), Some(fix)) => format!("{cause}; {fix}"),
        (Some(cause), None) => cause.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_is_shown_as_what_is_wrong_and_what_to_do() {
        for (text, expected) in [
            (
                r#"{"step":"preflight","cause":"there is no key","fix":"correct keyArn"}"#,
                "there is no key; correct keyArn",
            ),
            (r#"{"cause":"there is no key"}"#, "there is no key"),
            ("the engine broke", "the engine broke"),
            ("[1]", "[1]"),
        ] {
            assert_eq!(cause(text), expected);
        }
    }
}
