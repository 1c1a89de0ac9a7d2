//! `retry-obligations`: what is owed, tried again: when the event comes that may have removed the reason, else when it
//! is due. Returns what is owed, for the report of a sweep.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    fingerprint,
    ids::AccountId,
    registry::obligations::{self, Obligation},
    report::{Described, Description, Owed},
    step::{Actions, Converge, Readers, Step, Writers, not_set},
};

/// The step.
pub struct RetryObligations;

/// What may have removed a reason. Without any, what is due is tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The account that the event is of.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// The source of the event. One of `aws.organizations` is of the management account, and concerns all.
    #[serde(default)]
    pub source: Option<String>,
}

impl Input {
    fn is_of_organization(&self) -> bool {
        self.source.as_deref() == Some("aws.organizations")
    }

    /// The account in which something changed.
    fn account(&self) -> Option<&AccountId> {
        self.account_id.as_ref().filter(|_| !self.is_of_organization())
    }
}

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The executions that were started, by ARN.
    pub executions: Vec<String>,
    /// What is owed, that for the longest time first, and what is waived after that.
    pub owed: Vec<Owed>,
    /// How many there are, those included that are not listed.
    pub owed_count: usize,
}

/// How much of what is owed is returned: the state of an execution holds 256 KiB.
const MAX_REPORTED: usize = 50;

/// What is owed, with whether an execution is at it.
#[derive(Debug)]
pub struct Found {
    owed: Vec<(Obligation, bool)>,
    now: Timestamp,
}

/// Another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    obligation: Obligation,
    name: String,
}

impl Described for Attempt {
    fn description(&self) -> Description {
        Description::create(&self.name, format!("{} tried again", self.obligation.subject))
    }
}

/// Events come in bursts: an attempt is not followed by another for so long.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

impl Step for RetryObligations {
    const NAME: &'static str = "retry-obligations";
    const ABOUT: &'static str = "Starts `enable-encryption` for what is owed: of an account where something changed, or \
        what is due";
    const ACTIONS: Actions = &[&[
        "dynamodb:PutItem",
        "dynamodb:Query",
        "sqs:SendMessage",
        "states:DescribeExecution",
        "states:StartExecution",
    ]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"accountId": "444455556666"})
    }
}

impl Converge for RetryObligations {
    type Observation = Found;
    type Change = Attempt;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let mut owed = Vec::new();
        for obligation in obligations::list(&readers.registry()?, input.account()).await? {
            let is_tried = match &obligation.execution {
                Some(execution) if is_wanted(input, &obligation, readers.now) => {
                    readers.executions().is_running(execution).await?
                }
                _ => false,
            };
            owed.push((obligation, is_tried));
        }
        Ok(Found { owed, now: readers.now })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<Attempt>> {
        let wanted = found.owed.iter().filter(|(owed, is_tried)| !is_tried && is_wanted(input, owed, found.now));
        Ok(wanted.map(|(owed, _)| attempt(owed)).collect())
    }

    async fn act(writers: &Writers, _: &Input, found: Found, changes: &[Attempt]) -> Result<Output> {
        let machine = writers.state_machines.enable.as_deref().ok_or_else(|| not_set("ENABLE_STATE_MACHINE_ARN"))?;
        let (registry, mut executions) = (writers.registry()?, Vec::new());
        for Attempt { obligation, name } in changes {
            // First: whoever comes second starts nothing under the same name, and the execution records itself, too.
            let started = writers.executions().start(machine, name, &json!(obligation.input)).await?;
            let tried = obligation.tried(started.arn.clone(), found.now);
            if let Err(error) = obligations::write(&registry, &tried).await {
                let there = obligations::list(&registry, Some(&obligation.account_id)).await?;
                let mut there = there.iter().filter(|there| there.subject == obligation.subject);
                if there.any(|there| there.execution.as_ref() != Some(&started.arn)) {
                    return Err(error);
                }
            }
            executions.push(started.arn);
        }
        let owed_count = found.owed.len();
        Ok(Output { executions, owed: to_report(found.owed.into_iter().map(|(owed, _)| owed).collect()), owed_count })
    }
}

/// What is reported first must not be what nobody waits for.
fn to_report(mut owed: Vec<Obligation>) -> Vec<Owed> {
    owed.sort_by(|one, other| (one.waiver.is_some(), &one.since).cmp(&(other.waiver.is_some(), &other.since)));
    owed.iter().take(MAX_REPORTED).map(Obligation::report).collect()
}

/// The name says which attempt it is, so that nothing is started twice for one.
fn attempt(owed: &Obligation) -> Attempt {
    let of = (&owed.subject, &owed.since, owed.attempts);
    let name = format!("owed-{}-{}-{}", owed.account_id, owed.attempts + 1, fingerprint::compute(&of));
    Attempt { obligation: owed.clone(), name }
}

fn is_wanted(input: &Input, owed: &Obligation, now: Timestamp) -> bool {
    let is_quiet = now.saturating_sub(PAUSE).is_ok_and(|before| owed.was_tried_before(before));
    // What an account does brings no approval: only the night asks once more what nobody has answered.
    let waits_for_approver = owed.reason.as_ref().is_some_and(|reason| reason.error.starts_with("Approval."));
    let by_event = input.account().is_some() && !waits_for_approver
        || input.is_of_organization() && owed.reason.as_ref().is_some_and(|reason| reason.is_denied);
    let is_sweep = *input == Input::default();
    owed.waiver.is_none() && (by_event && is_quiet || is_sweep && owed.is_due(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::request,
        registry::obligations::{Reason, Waiver},
    };

    fn owed(is_denied: bool) -> Obligation {
        let then = "2026-11-23T03:00:00Z".parse().unwrap();
        let reason = Reason { error: "Account.NotReady".to_owned(), cause: "x".to_owned(), is_denied };
        let new = Obligation::new(&request(&json!({})), "a person".to_owned(), then);
        Obligation { reason: Some(reason), ..new.tried("arn:1".to_owned(), then) }
    }

    #[test]
    fn what_is_waived_is_reported_after_what_is_owed() {
        let waiver = Waiver { by: "alice".to_owned(), reason: "x".to_owned(), at: String::new() };
        let waived = Obligation { waiver: Some(waiver), since: "2026-01-01T00:00:00Z".to_owned(), ..owed(false) };
        let mut all = vec![waived; MAX_REPORTED];
        all.push(owed(false));
        let reported = to_report(all);
        assert_eq!((reported.len(), &reported[0].since), (MAX_REPORTED, &owed(false).since));
    }

    fn attempts(input: &Input, owed: Obligation, is_tried: bool, now: &str) -> Vec<String> {
        let found = Found { owed: vec![(owed, is_tried)], now: now.parse().unwrap() };
        RetryObligations::decide(input, &found).unwrap().into_iter().map(|attempt| attempt.name).collect()
    }

    #[test]
    fn what_is_owed_is_tried_when_it_is_due_or_its_reason_may_be_gone() {
        let account = Input { account_id: Some("444455556666".parse().unwrap()), ..Input::default() };
        let source = Some("aws.organizations".to_owned());
        let organization = Input { source, account_id: Some("111122223333".parse().unwrap()) };
        let (soon, later, next_night) = ("2026-11-23T03:00:30Z", "2026-11-23T03:10:00Z", "2026-11-24T03:00:00Z");
        for (input, is_denied, now, is_tried) in [
            (&Input::default(), false, later, false),
            (&Input::default(), false, next_night, true),
            (&account, false, soon, false),
            (&account, false, later, true),
            (&organization, false, later, false),
            (&organization, true, later, true),
        ] {
            assert_eq!(attempts(input, owed(is_denied), false, now).len(), usize::from(is_tried), "{input:?} {now}");
        }
        assert!(attempts(&account, owed(false), true, later).is_empty(), "an execution is at it");
        let timed_out = Reason { error: "Approval.TimedOut".to_owned(), cause: "x".to_owned(), is_denied: false };
        let unanswered = || Obligation { reason: Some(timed_out.clone()), ..owed(false) };
        assert!(
            attempts(&account, unanswered(), false, later).is_empty(),
            "an account does not have people asked again"
        );
        assert_eq!(attempts(&Input::default(), unanswered(), false, next_night).len(), 1);
        let waiver = Some(Waiver { by: "alice".to_owned(), reason: "x".to_owned(), at: String::new() });
        assert!(attempts(&account, Obligation { waiver, ..owed(false) }, false, later).is_empty());
    }

    #[test]
    fn an_attempt_has_one_name_and_the_next_another() {
        let name = |owed: &Obligation| attempt(owed).name;
        let first = owed(false);
        assert_eq!(name(&first), name(&first));
        let second = first.tried("arn:2".to_owned(), "2026-11-24T03:00:00Z".parse().unwrap());
        assert_ne!(name(&first), name(&second));
        assert!(name(&first).len() <= 73, "there is room for more");
    }
}
