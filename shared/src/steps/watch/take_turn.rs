//! `take-turn`: whether an execution may work on a project now. One at a time does, by a lease in the registry, and one
//! waiting reconciliation is enough.
//!
//! A lease is worth what its execution is: one that has ended, however it ended, holds nothing.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    ids::ProjectId,
    registry::{
        self, Project, Stage,
        leases::{self, Holder, Lease},
    },
    report::{Described, Description},
    request::{EnableEncryption, Mode, ReconcileProject},
    step::{Actions, Converge, Readers, Step, Writers},
};

/// The step.
pub struct TakeTurn;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The ARN of the execution that asks.
    pub execution: String,
    /// What was asked for, by an execution that reconciles the project.
    #[serde(default)]
    pub request: Option<ReconcileProject>,
}

/// What the execution is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What the execution is to do.
    pub turn: Turn,
    /// What a reconciliation runs `enable-encryption` with; null unless `turn` is `run`.
    pub desired: Option<EnableEncryption>,
    /// Whether a reconciliation repairs differences.
    pub repair: bool,
    /// Why it does not run; null if it does.
    pub reason: Option<String>,
}

/// What the execution is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// Work on the project.
    Run,
    /// Ask again later: another execution works on the project.
    Wait,
    /// End: the project needs no reconciliation, or another one waits that will see all changes.
    Skip,
}

/// What is registered, and who works on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    project: Option<Project>,
    lease: Option<Lease>,
    /// Whether another execution holds the lease.
    is_held: bool,
    /// Whether another execution waits for it.
    is_awaited: bool,
    now: Timestamp,
}

impl Described for Lease {
    fn description(&self) -> Description {
        Description::update(leases::resource(&self.project_id), "turn taken, or waited for").after(json!(self))
    }

    fn is_difference(&self) -> bool {
        false
    }
}

/// How long a lease lasts at the most: no execution of any state machine runs longer.
pub const LONGEST_LEASE_SECONDS: i64 = 14 * 24 * 3600;

impl Step for TakeTurn {
    const NAME: &'static str = "take-turn";
    const ABOUT: &'static str = "Lets one execution at a time work on a project, by a lease in the registry that ends \
        with the execution";
    const ACTIONS: Actions = &[&["dynamodb:GetItem", "dynamodb:PutItem", "states:DescribeExecution"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "execution": "arn:aws:states:us-east-1:777788889999:execution:atlas-cmk-reconcile-project:change-1",
            "request": {
                "projectId": "66f0a1b2c3d4e5f601234567",
                "cause": {
                    "event": "PutRolePolicy",
                    "resource": "role atlas-cmk of account 444455556666"
                }
            }
        })
    }
}

impl Converge for TakeTurn {
    type Observation = Found;
    type Change = Lease;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let registry = readers.registry()?;
        let project = match &input.request {
            Some(_) => registry::read(&registry, &input.project_id).await?,
            None => None,
        };
        let lease = leases::read(&registry, &input.project_id).await?;
        let is_another = async |holder: Option<&Holder>| match holder {
            Some(holder) if !is_us(holder, &input.execution) && readers.now.as_second() < holder.until => {
                readers.executions().is_running(&holder.execution).await
            }
            _ => Ok(false),
        };
        let is_held = is_another(lease.as_ref().map(|lease| &lease.holder)).await?;
        let is_awaited = is_another(lease.as_ref().and_then(|lease| lease.next.as_ref())).await?;
        Ok(Found { project, lease, is_held, is_awaited, now: readers.now })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<Lease>> {
        Ok(judge(input, found).1.into_iter().collect())
    }

    async fn act(writers: &Writers, input: &Input, found: Found, changes: &[Lease]) -> Result<Output> {
        for lease in changes {
            leases::write(&writers.registry()?, lease).await?;
        }
        Ok(judge(input, &found).0)
    }
}

/// Whether an execution is the holder, or works for it.
fn is_us(holder: &Holder, execution: &str) -> bool {
    let name = execution.rsplit(':').next().unwrap_or_default();
    let repair = |name: &str| format!("{}-repair", name.get(..73).unwrap_or(name));
    holder.execution == execution || holder.reconciles && (holder.name() == name || repair(holder.name()) == name)
}

/// What to do, and the lease as it is to be, if it changes.
fn judge(input: &Input, found: &Found) -> (Output, Option<Lease>) {
    let not_now = |turn, reason: String| Output { turn, desired: None, repair: false, reason: Some(reason) };
    let (desired, repair) = match &input.request {
        None => (None, false),
        Some(request) => match reconciled(request, found.project.as_ref()) {
            Ok((desired, repair)) => (Some(desired), repair),
            Err(why) => return (not_now(Turn::Skip, why.to_owned()), None),
        },
    };
    let until = found.now.as_second() + LONGEST_LEASE_SECONDS;
    let us = Holder { execution: input.execution.clone(), reconciles: input.request.is_some(), until };
    let wait = |lease: &Lease| not_now(Turn::Wait, format!("{} works on the project", lease.holder.name()));
    match &found.lease {
        Some(Lease { next: Some(next), .. }) if found.is_awaited && us.reconciles => {
            (not_now(Turn::Skip, format!("{} is still waiting and will see all changes", next.name())), None)
        }
        Some(lease) if found.is_held => {
            let waits = lease.next.as_ref().is_some_and(|next| next.execution == us.execution);
            let queued = || Lease { next: Some(us), expires_at: until, ..lease.clone() };
            (wait(lease), (input.request.as_ref().is_some_and(stands_for_others) && !waits).then(queued))
        }
        lease => {
            let run = Output { turn: Turn::Run, desired, repair, reason: None };
            if lease.as_ref().is_some_and(|lease| is_us(&lease.holder, &us.execution)) {
                return (run, None);
            }
            let next = lease.as_ref().and_then(|lease| lease.next.clone()).filter(|_| found.is_awaited);
            let version = lease.as_ref().map_or(0, |lease| lease.version);
            let project_id = input.project_id.clone();
            (run, Some(Lease { project_id, holder: us, next, expires_at: until, version }))
        }
    }
}

/// Whether others may leave their work to a reconciliation: it reports, and repairs, what they would.
fn stands_for_others(request: &ReconcileProject) -> bool {
    request.quiet != Some(true) && request.repair != Some(false)
}

/// What a reconciliation runs, and whether it repairs differences, or why there is nothing to reconcile.
fn reconciled(
    request: &ReconcileProject,
    project: Option<&Project>,
) -> std::result::Result<(EnableEncryption, bool), &'static str> {
    let Some(project) = project else { return Err("the project is not registered") };
    match (project.stage(), &project.current) {
        (Stage::Enabled, Some(current)) => {
            let repair = request.repair.unwrap_or_else(|| current.desired.repairs());
            let mode = if repair && request.verify_first != Some(true) { Mode::Apply } else { Mode::Verify };
            Ok((EnableEncryption { mode: Some(mode), ..current.desired.clone() }, repair))
        }
        (Stage::Enabling, _) => Err("its enablement began and never finished: run it again"),
        _ => Err("its encryption was disabled"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{self, PROJECT};

    fn arn(machine: &str, name: &str) -> String {
        format!("arn:aws:states:us-east-1:777788889999:execution:atlas-cmk-{machine}:{name}")
    }

    fn look(name: &str) -> Input {
        Input { request: Some(request(None)), ..run(&arn("reconcile-project", name)) }
    }

    fn run(execution: &str) -> Input {
        Input { project_id: PROJECT.parse().unwrap(), execution: execution.to_owned(), request: None }
    }

    fn request(repair: Option<bool>) -> ReconcileProject {
        let project_id = PROJECT.parse().unwrap();
        ReconcileProject { schema: None, project_id, repair, verify_first: None, quiet: None, cause: None }
    }

    fn holder(execution: String) -> Holder {
        Holder { reconciles: execution.contains("reconcile-project"), execution, until: 1 }
    }

    /// A lease of an execution, which runs, and of one that waits for it, or nobody's.
    fn found(held_by: Option<&str>, awaited_by: Option<&str>) -> Found {
        let lease = held_by.map(|execution| Lease {
            project_id: PROJECT.parse().unwrap(),
            holder: holder(execution.to_owned()),
            next: awaited_by.map(|execution| holder(execution.to_owned())),
            expires_at: 1,
            version: 3,
        });
        let project = Some(fixtures::registered(&json!({})));
        let (is_held, is_awaited) = (lease.is_some(), awaited_by.is_some());
        Found { project, lease, is_held, is_awaited, now: Timestamp::UNIX_EPOCH }
    }

    fn turn(input: &Input, found: &Found) -> (Turn, Option<Lease>) {
        let (output, lease) = judge(input, found);
        (output.turn, lease)
    }

    #[test]
    fn the_first_has_its_turn_the_second_waits_and_the_rest_are_not_needed() {
        let (first, taken) = turn(&look("first"), &found(None, None));
        assert_eq!((first, taken.unwrap().holder.name()), (Turn::Run, "first"));
        let first = arn("reconcile-project", "first");
        let (second, queued) = turn(&look("second"), &found(Some(&first), None));
        let queued = queued.unwrap();
        assert_eq!((second, queued.next.unwrap().name(), queued.holder.name()), (Turn::Wait, "second", "first"));
        let second = arn("reconcile-project", "second");
        let behind = found(Some(&first), Some(&second));
        assert_eq!(turn(&look("third"), &behind), (Turn::Skip, None));
        let waiting = Found { is_awaited: false, ..behind };
        assert_eq!(turn(&look("second"), &waiting), (Turn::Wait, None), "it waits already");
    }

    #[test]
    fn what_has_ended_holds_nothing() {
        let first = arn("enable-encryption", "killed");
        let ended = Found { is_held: false, ..found(Some(&first), None) };
        let (next, taken) = turn(&run(&arn("enable-encryption", "next")), &ended);
        let taken = taken.unwrap();
        assert_eq!((next, taken.holder.name(), taken.version), (Turn::Run, "next", 3));
        let second = arn("reconcile-project", "second");
        let left = Found { is_held: false, is_awaited: false, ..found(Some(&first), Some(&second)) };
        let (second, taken) = turn(&look("second"), &left);
        let taken = taken.unwrap();
        assert_eq!((second, taken.holder.name(), taken.next), (Turn::Run, "second", None));
    }

    #[test]
    fn an_enablement_waits_for_another_and_not_for_the_reconciliation_that_started_it() {
        let one = arn("enable-encryption", "one");
        assert_eq!(turn(&run(&arn("enable-encryption", "two")), &found(Some(&one), None)), (Turn::Wait, None));
        assert_eq!(turn(&run(&arn("disable-encryption", "one")), &found(Some(&one), None)), (Turn::Wait, None));
        let look = arn("reconcile-project", "look");
        for name in ["look", "look-repair"] {
            let ours = Found { is_held: false, ..found(Some(&look), None) };
            assert!(is_us(&ours.lease.as_ref().unwrap().holder, &arn("enable-encryption", name)), "{name}");
            assert_eq!(turn(&run(&arn("enable-encryption", name)), &ours), (Turn::Run, None), "{name}");
        }
        assert!(!is_us(&holder(one), &arn("enable-encryption", "one-repair")));
    }

    #[test]
    fn nobody_leaves_his_work_to_a_reconciliation_that_reports_or_repairs_less() {
        let holder = arn("reconcile-project", "first");
        for request in [ReconcileProject { quiet: Some(true), ..request(None) }, request(Some(false))] {
            let less = Input { request: Some(request), ..look("less") };
            assert_eq!(turn(&less, &found(Some(&holder), None)), (Turn::Wait, None), "it waits, and nobody for it");
        }
    }

    #[test]
    fn what_is_registered_is_run_in_the_mode_that_is_wanted() {
        let mode = |repair, registered: bool| {
            let mut found = found(None, None);
            found.project.as_mut().unwrap().current.as_mut().unwrap().desired.repair = Some(registered);
            let input = Input { request: Some(request(repair)), ..look("us") };
            judge(&input, &found).0.desired.unwrap().mode.unwrap()
        };
        assert_eq!((mode(None, false), mode(None, true)), (Mode::Verify, Mode::Apply));
        assert_eq!((mode(Some(true), false), mode(Some(false), true)), (Mode::Apply, Mode::Verify));
        let first = ReconcileProject { verify_first: Some(true), ..request(Some(true)) };
        let output = judge(&Input { request: Some(first), ..look("us") }, &found(None, None)).0;
        assert_eq!((output.desired.unwrap().mode, output.repair), (Some(Mode::Verify), true));
    }

    #[test]
    fn what_is_not_enabled_is_not_looked_at() {
        let registered = fixtures::registered(&json!({}));
        let announced = Project { intended: registered.current.clone(), current: None, ..registered.clone() };
        let disabled = Project { disabled: true, ..registered };
        for project in [Some(announced), Some(disabled), None] {
            assert_eq!(turn(&look("us"), &Found { project, ..found(None, None) }), (Turn::Skip, None));
        }
    }
}
