//! `decide-turn`: whether an execution may reconcile a project now: one at a time does, and one waiting execution is
//! enough.
//!
//! The queue is Step Functions' own list of running executions: what has ended, however it ended, is not on it, so that
//! nothing has to be released and nothing can be left locked. The list may lack executions of the last seconds, so the
//! state machine waits before it asks.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Running,
    error::Result,
    ids::ProjectId,
    registry::{self, Entry, Stage},
    request::{EnableEncryption, Mode, ReconcileProject},
    step::{Actions, Answer, Readers, Step},
};

/// The step.
pub struct DecideTurn;

/// Who asks, and who else may be at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What was asked for.
    pub request: ReconcileProject,
    /// The name of the execution that asks.
    pub execution: String,
    /// The state machine that reconciles projects, by ARN: this one.
    pub reconcile_machine: String,
    /// The state machines that change projects, by ARN.
    pub changing_machines: Vec<String>,
}

/// What the execution is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What the execution is to do.
    pub turn: Turn,
    /// What to run `enable-encryption` with; null unless `turn` is `run`.
    pub desired: Option<EnableEncryption>,
    /// Whether differences are repaired.
    pub repair: bool,
    /// Why it does not run; null if it does.
    pub reason: Option<String>,
}

/// What the execution is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// Reconcile the project.
    Run,
    /// Ask again later: another execution is at work on the project.
    Wait,
    /// End: the project needs no reconciliation, or another waiting execution will do it.
    Skip,
}

/// What is registered, and who else is at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    entry: Option<Entry>,
    /// The executions that reconcile this project, the oldest first.
    looking: Vec<Running>,
    /// One that changes it.
    changing: Option<String>,
}

impl Step for DecideTurn {
    const NAME: &'static str = "decide-turn";
    const ABOUT: &'static str = "Read-only: decides from the running executions whether this one may reconcile the \
        project now";
    const ACTIONS: Actions = &[&["ssm:GetParameter", "states:DescribeExecution", "states:ListExecutions"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": {
                "projectId": "66f0a1b2c3d4e5f601234567",
                "cause": {
                    "event": "PutRolePolicy",
                    "resource": "role atlas-cmk of account 444455556666"
                }
            },
            "execution": "change-66f0a1b2c3d4e5f601234567-0011223344556677",
            "reconcileMachine": "arn:aws:states:us-east-1:777788889999:stateMachine:atlas-cmk-reconcile-project",
            "changingMachines": [
                "arn:aws:states:us-east-1:777788889999:stateMachine:atlas-cmk-enable-encryption",
                "arn:aws:states:us-east-1:777788889999:stateMachine:atlas-cmk-disable-encryption"
            ]
        })
    }
}

impl Answer for DecideTurn {
    type Observation = Queue;

    async fn observe(readers: &Readers, input: &Input) -> Result<Queue> {
        let project = &input.request.project_id;
        let (entry, _) = registry::read(&readers.parameters(), project, readers.now).await?;
        let mut looking = readers.executions().running(&input.reconcile_machine).await?;
        looking.retain(|running| is_about(&running.name, project) || running.name == input.execution);
        let mut changing = None;
        for machine in &input.changing_machines {
            for running in readers.executions().running(machine).await? {
                // Those that were started from here carry the name of the execution that did.
                if !looking.iter().any(|other| other.name == running.name)
                    && !is_about_another(&running.name)
                    && changes(&readers.executions().input(&running.arn).await?, project, entry.as_ref())
                {
                    changing = Some(running.arn);
                }
            }
        }
        Ok(Queue { entry, looking, changing })
    }

    fn answer(input: &Input, queue: Queue, _: Timestamp) -> Result<Output> {
        Ok(judge(&input.request, &input.execution, &queue))
    }
}

/// Names of executions say which project they are about.
fn is_about(name: &str, project: &ProjectId) -> bool {
    name.split('-').any(|part| part == project.as_ref())
}

/// What was started for another project need not be asked for its input. Of a look at this one, the list of looks
/// knows.
fn is_about_another(name: &str) -> bool {
    (name.starts_with("change-") || name.starts_with("sweep-"))
        && name.split('-').any(|part| part.parse::<ProjectId>().is_ok())
}

/// Whether an execution with this input changes the project. One that has it by name is known by the role: what is
/// registered is the id, and what a name means may change. Of several projects with one role, some wait for one another
/// that need not.
fn changes(input: &Value, project: &ProjectId, entry: Option<&Entry>) -> bool {
    match input["projectId"].as_str() {
        Some(id) => id == project.as_ref(),
        None => entry.is_some_and(|entry| input["roleArn"] == entry.desired.role_arn.as_ref()),
    }
}

fn judge(request: &ReconcileProject, execution: &str, queue: &Queue) -> Output {
    let not_now = |turn, reason: String| Output { turn, desired: None, repair: false, reason: Some(reason) };
    let Some(entry) = &queue.entry else {
        return not_now(Turn::Skip, "the project is not registered".to_owned());
    };
    // An execution on the list that was started earlier goes first; this one may be missing from the list for a moment.
    let before_us = queue.looking.iter().position(|running| running.name == execution).unwrap_or(queue.looking.len());
    if let Some(next) = before_us.checked_sub(1).filter(|at| *at > 0) {
        let name = &queue.looking[next].name;
        return not_now(Turn::Skip, format!("{name} is still waiting and will see all changes"));
    }
    if let (1, Some(first)) = (before_us, queue.looking.first()) {
        return not_now(Turn::Wait, format!("{} is reconciling the project", first.name));
    }
    if let Some(changing) = &queue.changing {
        return not_now(Turn::Wait, format!("{changing} is changing the project"));
    }
    match entry.stage {
        Stage::Enabled => {
            let repair = request.repair.unwrap_or_else(|| entry.desired.repairs());
            let mode = if repair && request.verify_first != Some(true) { Mode::Apply } else { Mode::Verify };
            let desired = EnableEncryption { mode: Some(mode), ..entry.desired.clone() };
            Output { turn: Turn::Run, desired: Some(desired), repair, reason: None }
        }
        Stage::Enabling => not_now(Turn::Skip, "its enablement began and never finished: run it again".to_owned()),
        Stage::Disabled => not_now(Turn::Skip, "its encryption was disabled".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{self, PROJECT};

    fn queue(names: &[&str], more: &Value) -> Queue {
        let looking = names.iter().zip(0..).map(|(name, started)| Running {
            started,
            name: (*name).to_owned(),
            arn: format!("arn:{name}"),
        });
        Queue { entry: Some(fixtures::entry(more)), looking: looking.collect(), changing: None }
    }

    fn request(repair: Option<bool>) -> ReconcileProject {
        let project_id = PROJECT.parse().unwrap();
        ReconcileProject { schema: None, project_id, repair, verify_first: None, quiet: None, cause: None }
    }

    fn turn(queue: &Queue) -> Turn {
        judge(&request(None), "us", queue).turn
    }

    #[test]
    fn the_first_has_its_turn_the_second_waits_and_the_rest_are_not_needed() {
        assert_eq!(turn(&queue(&["us"], &json!({}))), Turn::Run);
        assert_eq!(turn(&queue(&["us", "later"], &json!({}))), Turn::Run);
        assert_eq!(turn(&queue(&["first", "us"], &json!({}))), Turn::Wait);
        assert_eq!(turn(&queue(&["first", "second", "us"], &json!({}))), Turn::Skip);
        assert_eq!(turn(&queue(&["first", "second", "third", "us"], &json!({}))), Turn::Skip);
        assert_eq!(turn(&queue(&[], &json!({}))), Turn::Run, "the list lacks us for a moment");
        let busy = Queue { changing: Some("arn:manual".to_owned()), ..queue(&["us"], &json!({})) };
        assert_eq!(turn(&busy), Turn::Wait);
    }

    #[test]
    fn what_is_registered_is_run_in_the_mode_that_is_wanted() {
        let mode = |repair, registered: bool| {
            let mut queue = queue(&["us"], &json!({}));
            queue.entry.as_mut().unwrap().desired.repair = Some(registered);
            judge(&request(repair), "us", &queue).desired.unwrap().mode.unwrap()
        };
        assert_eq!((mode(None, false), mode(None, true)), (Mode::Verify, Mode::Apply));
        assert_eq!((mode(Some(true), false), mode(Some(false), true)), (Mode::Apply, Mode::Verify));
        let first = ReconcileProject { verify_first: Some(true), ..request(Some(true)) };
        let output = judge(&first, "us", &queue(&["us"], &json!({})));
        assert_eq!((output.desired.unwrap().mode, output.repair), (Some(Mode::Verify), true));
    }

    #[test]
    fn what_is_not_enabled_is_not_looked_at() {
        for stage in ["enabling", "disabled"] {
            assert_eq!(turn(&queue(&["us"], &json!({"stage": stage}))), Turn::Skip, "{stage}");
        }
        let gone = Queue { entry: None, ..queue(&["us"], &json!({})) };
        assert_eq!(turn(&gone), Turn::Skip);
    }

    #[test]
    fn executions_are_about_a_project_by_name_and_by_input() {
        let project = PROJECT.parse().unwrap();
        assert!(is_about(&format!("change-{PROJECT}-0011223344556677"), &project));
        assert!(!is_about("change-66f0a1b2c3d4e5f601234568-0011223344556677", &project));
        let entry = queue(&[], &json!({})).entry;
        let by_name = |role: &str| {
            let role = format!("arn:aws:iam::444455556666:role/{role}");
            json!({"project": {"name": "payments", "orgId": "5f0000000000000000000001"}, "roleArn": role})
        };
        assert!(changes(&by_name("atlas-cmk"), &project, entry.as_ref()), "as accounts that are vended are enabled");
        assert!(!changes(&by_name("another"), &project, entry.as_ref()));
        assert!(changes(&json!({"projectId": PROJECT}), &project, None));
        let role = "arn:aws:iam::444455556666:role/atlas-cmk";
        let other = json!({"projectId": "66f0a1b2c3d4e5f601234568", "roleArn": role});
        assert!(!changes(&other, &project, entry.as_ref()), "two projects may have one role");
    }
}
