//! `on-account-vended`: an enablement for each account that a vending pipeline reports, from the profile that applies
//! to it. It is started under a name that is made from what caused it, so that the same event starts nothing twice.
//!
//! Nothing that goes wrong here can fail the pipeline: it is published to the SNS topic of the stack, the event is kept
//! on the dead-letter queue, and the output says so.

mod decision;

use std::collections::BTreeMap;

use backon::{ExponentialBuilder, Retryable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use decision::{Known, VendingDecision, judge};

use crate::{
    aws::Started,
    error::{Error, Result},
    events::{
        Reading,
        vending::{self, Vended, Vending},
    },
    ids::is_organizational_unit,
    profile,
    registry::{
        accounts::{self, AccountEntry, FailedVend},
        obligations::{self, Obligation, Waiver},
    },
    report::{
        Described, Description,
        vending::{Outcome, VendingResult},
    },
    request::EnableEncryption,
    step::{Actions, Converge, LOG_TARGET, Readers, Step, Writers, actions, not_set, sample_file},
};

/// The step.
pub struct OnAccountVended;

/// The event of the pipeline: EventBridge's envelope, AFT's payload or SNS message, or just an `accountId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Input(pub Value);

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The execution for the account, started now or before; null if there is none.
    pub execution_arn: Option<String>,
    /// The outcome for each account; a message of SNS may report several.
    pub accounts: Vec<Outcome>,
}

/// What an event reports, and what is known of the account.
#[derive(Debug)]
pub struct Received {
    reading: Result<Reading<Vending>>,
    known: Option<Known>,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendingChange {
    /// Start an enablement.
    Start {
        /// Its name.
        name: String,
        /// Its input.
        input: Box<EnableEncryption>,
        /// What is written down of the account then.
        entry: Box<AccountEntry>,
    },
    /// Write down what was learnt of the account.
    Record(Box<AccountEntry>),
    /// Report that the account was not vended.
    ReportFailure {
        /// The account, if there is one.
        account: Option<String>,
        /// What was tried.
        what: String,
        /// Why it failed.
        reason: String,
    },
    /// Report that atlas-cmk could not handle the event, and keep the event.
    ReportProblem(Option<String>, Error),
    /// Nothing.
    Ignore(Outcome),
}

impl Described for VendingChange {
    fn description(&self) -> Description {
        match self {
            Self::Start { name, entry, .. } => {
                let (account, profile) = (&entry.account_id, &entry.profile);
                let summary = format!("enablement of account {account} started, from profile {profile}");
                Description::create(name, summary)
            }
            Self::Record(entry) => {
                Description::update(accounts::resource(&entry.account_id), "new details of the account recorded")
            }
            Self::ReportFailure { account, what, .. } => {
                Description::update(account.as_deref().unwrap_or_default(), format!("failure of {what} reported"))
            }
            Self::ReportProblem(account, error) => {
                let summary = format!("{} reported, event kept", error.name());
                Description::update(account.as_deref().unwrap_or_default(), summary)
            }
            Self::Ignore(outcome) => Description::update("", outcome.reason.clone()),
        }
    }

    fn is_difference(&self) -> bool {
        !matches!(self, Self::Ignore(_))
    }
}

impl Step for OnAccountVended {
    const NAME: &'static str = "on-account-vended";
    const ABOUT: &'static str = "Starts `enable-encryption` for a vended account, from its profile, and records it \
        in the registry";
    const ACTIONS: Actions = &[
        actions::PUBLISH,
        &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "organizations:DescribeAccount",
            "organizations:DescribeOrganizationalUnit",
            "organizations:ListParents",
            "organizations:ListTagsForResource",
            "sqs:SendMessage",
            "states:StartExecution",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/on-account-vended.json"))
    }
}

impl Converge for OnAccountVended {
    type Observation = Vec<Received>;
    type Change = VendingChange;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<Received>> {
        let mut received = Vec::new();
        for reading in vending::read(&input.0) {
            let known = match &reading {
                Reading::Of(Vending::Succeeded(vended)) => {
                    with_retries(readers, async || look_up(readers, vended).await).await.map(Some)
                }
                _ => Ok(None),
            };
            received.push(match known {
                Ok(known) => Received { reading: Ok(reading), known },
                Err(error) => Received { reading: Err(error), known: None },
            });
        }
        Ok(received)
    }

    fn decide(_: &Input, observed: &Vec<Received>) -> Result<Vec<VendingChange>> {
        Ok(observed.iter().map(decide_one).collect())
    }

    async fn act(writers: &Writers, input: &Input, _: Vec<Received>, changes: &[VendingChange]) -> Result<Output> {
        let mut accounts = Vec::new();
        for change in changes {
            let outcome = match with_retries(writers, async || carry_out(writers, change).await).await {
                Ok(outcome) => outcome,
                Err(error) => problem(None, &error),
            };
            if outcome.result == VendingResult::Problem {
                report_problem(writers, &input.0, &outcome).await?;
            }
            tracing::info!(
                target: LOG_TARGET, account = outcome.account_id, result = ?outcome.result, reason = outcome.reason,
                "vending event"
            );
            accounts.push(outcome);
        }
        Ok(Output { execution_arn: accounts.iter().find_map(|outcome| outcome.execution_arn.clone()), accounts })
    }
}

/// Tries again for a while what passes by itself. Nothing else retries it: the pipeline has already got a success.
async fn with_retries<T>(readers: &Readers, what: impl AsyncFn() -> Result<T>) -> Result<T> {
    let backoff = ExponentialBuilder::default().with_min_delay(readers.atlas.retry_floor()).with_max_times(4);
    (|| what()).retry(backoff).when(|error: &Error| error.name().passes_by_itself()).await
}

/// What has to be known of an account to choose and to fill its profile. Organizations is asked for no more than that.
async fn look_up(readers: &Readers, vended: &Vended) -> Result<Known> {
    let profiles = profile::list(&readers.registry()?).await?;
    let entry = accounts::read(&readers.registry()?, &vended.account_id).await?;
    let any = |needs: &dyn Fn(&profile::Profile) -> bool| profiles.values().any(needs);
    let mut vended = vended.clone();
    let (account, organizations) = (vended.account_id.clone(), readers.organizations());
    let knows_name = entry.as_ref().is_some_and(|entry| entry.account_name.is_some());
    if vended.account_name.is_none() && !knows_name && any(&|profile| profile.mentions("accountName")) {
        vended.account_name = organizations.name_of(&account).await?;
    }
    if vended.ou.is_none() && any(&profile::Profile::asks_for_unit) {
        vended.ou = organizations.unit_of(&account).await?;
    }
    let by_name = any(&|profile| profile.organizational_units.iter().any(|unit| !is_organizational_unit(unit)));
    if by_name
        && vended.ou_name.is_none()
        && let Some(unit) = &vended.ou
    {
        vended.ou_name = organizations.name_of_unit(unit).await?;
    }
    if vended.tags.is_none() && any(&|profile| !profile.account_tags.is_empty()) {
        vended.tags = organizations.tags_of(&account).await?;
    }
    Ok(Known { vended, profiles, entry, region: readers.region.clone() })
}

fn decide_one(received: &Received) -> VendingChange {
    let ignore = |result, account: Option<String>, execution_arn, reason: String| {
        VendingChange::Ignore(Outcome { result, account_id: account, execution_arn, reason })
    };
    match (&received.reading, &received.known) {
        (Err(error), _) => VendingChange::ReportProblem(None, error.clone()),
        (Ok(Reading::Unknown(why)), _) => ignore(VendingResult::Ignored, None, None, why.clone()),
        (Ok(Reading::Of(Vending::Failed { account, what, reason })), _) => {
            VendingChange::ReportFailure { account: account.clone(), what: what.clone(), reason: reason.clone() }
        }
        (Ok(Reading::Of(Vending::Succeeded(vended))), known) => {
            let account = Some(vended.account_id.to_string());
            let Some(known) = known else {
                return ignore(
                    VendingResult::Ignored,
                    account,
                    None,
                    "atlas-cmk has no record of the account".to_owned(),
                );
            };
            match judge(known) {
                Ok(VendingDecision::Start { name, input, entry }) => VendingChange::Start { name, input, entry },
                Ok(VendingDecision::Record(entry)) => VendingChange::Record(entry),
                Ok(VendingDecision::Unchanged { execution_arn, why }) => {
                    ignore(VendingResult::Known, account, Some(execution_arn), why)
                }
                Ok(VendingDecision::Ignore(why)) => ignore(VendingResult::Ignored, account, None, why),
                Err(error) => VendingChange::ReportProblem(account, error),
            }
        }
    }
}

async fn carry_out(writers: &Writers, change: &VendingChange) -> Result<Outcome> {
    match change {
        VendingChange::Start { name, input, entry } => {
            let state_machine =
                writers.state_machines.enable.as_deref().ok_or_else(|| not_set("ENABLE_STATE_MACHINE_ARN"))?;
            // First: what is not started now is started by the next sweep.
            owe(writers, input, entry, state_machine, name).await?;
            let Started { arn, is_new } = writers.executions().start(state_machine, name, &json!(input)).await?;
            record(writers, &AccountEntry { execution_arn: arn.clone(), ..(**entry).clone() }).await?;
            Ok(Outcome {
                result: if is_new { VendingResult::Started } else { VendingResult::Known },
                account_id: Some(entry.account_id.to_string()),
                execution_arn: Some(arn),
                reason: format!("from profile {}", entry.profile),
            })
        }
        VendingChange::Record(entry) => {
            record(writers, entry).await?;
            Ok(Outcome {
                result: VendingResult::Known,
                account_id: Some(entry.account_id.to_string()),
                execution_arn: Some(entry.execution_arn.clone()),
                reason: "its enablement was started before, and the changed details need no new run".to_owned(),
            })
        }
        VendingChange::ReportFailure { account, what, reason } => {
            // A sweep would take it for an account that no event reported.
            if let Some(account) = account.as_deref().and_then(|account| account.parse().ok()) {
                let reported_at = writers.now.to_string();
                let failure =
                    FailedVend { what: what.clone(), reason: reason.chars().take(1000).collect(), reported_at };
                accounts::write_failure(&writers.registry()?, &account, &failure).await?;
            }
            let subject = format!("atlas-cmk: {what} failed, nothing was started");
            let message = json!({
                "kind": "vend-failed", "accountId": account, "event": what, "reason": reason,
                "fix": "fix the failure that the pipeline reports; its next success starts the enablement",
            });
            writers.topic()?.publish("vend-failed", &subject, &message.to_string()).await?;
            let reason = format!("{what} failed: {reason}");
            Ok(Outcome { result: VendingResult::VendFailed, account_id: account.clone(), execution_arn: None, reason })
        }
        VendingChange::ReportProblem(account, error) => Ok(problem(account.clone(), error)),
        VendingChange::Ignore(outcome) => Ok(outcome.clone()),
    }
}

/// Records what is owed to an account, unless another event of it has. What an earlier profile owed is waived.
async fn owe(
    writers: &Writers,
    input: &EnableEncryption,
    entry: &AccountEntry,
    state_machine: &str,
    name: &str,
) -> Result<()> {
    let registry = writers.registry()?;
    let execution = format!("{}:{name}", state_machine.replacen(":stateMachine:", ":execution:", 1));
    let asked_by = format!("vending of account {}, by profile ", entry.account_id);
    let there = obligations::list(&registry, Some(input.role_arn.account())).await?;
    let new = Obligation::new(input, format!("{asked_by}{}", entry.profile), writers.now);
    for other in there.iter().filter(|other| other.subject != new.subject && other.asked_by.starts_with(&asked_by)) {
        let reason = format!("profile {} applies to the account now", entry.profile);
        let waiver = Waiver { by: OnAccountVended::NAME.to_owned(), reason, at: writers.now.to_string() };
        if other.waiver.is_none() {
            obligations::write(&registry, &Obligation { waiver: Some(waiver), ..other.clone() }).await?;
        }
    }
    let before = there.iter().find(|there| there.subject == new.subject);
    if before.is_some_and(|before| before.execution.as_ref() == Some(&execution)) {
        return Ok(());
    }
    let version = before.map_or(0, |before| before.version);
    obligations::write(&registry, &Obligation { version, ..new.tried(execution, writers.now) }).await
}

/// Records an account, unless another event of it has recorded the same meanwhile.
async fn record(writers: &Writers, entry: &AccountEntry) -> Result<()> {
    let registry = writers.registry()?;
    let Err(error) = accounts::write(&registry, entry).await else { return Ok(()) };
    let there = accounts::read(&registry, &entry.account_id).await?;
    if there.is_some_and(|there| there.fingerprint == entry.fingerprint) { Ok(()) } else { Err(error) }
}

fn problem(account: Option<String>, error: &Error) -> Outcome {
    Outcome { result: VendingResult::Problem, account_id: account, execution_arn: None, reason: error.to_string() }
}

/// Keeps the event and reports why. Both are tried; only if neither works does the invocation fail, for Lambda to keep
/// the event.
async fn report_problem(writers: &Writers, event: &Value, outcome: &Outcome) -> Result<()> {
    let kept = match writers.dead_letters() {
        Some(queue) => queue.keep(&event.to_string()).await,
        None => Err(not_set("DEAD_LETTER_QUEUE_URL")),
    };
    let message = json!({
        "kind": "vend-problem",
        "accountId": outcome.account_id,
        "reason": outcome.reason,
        "fix": "fix what the reason names, then invoke on-account-vended with the event from the dead-letter queue",
        "event": if kept.is_ok() { "kept on the dead-letter queue" } else { "lost: the dead-letter queue could not be written" },
    });
    let account = outcome.account_id.as_deref().unwrap_or("an account");
    let subject = format!("atlas-cmk: no enablement was started for {account}");
    let published = match writers.topic() {
        Ok(topic) => topic.publish("vend-problem", &subject, &message.to_string()).await,
        Err(error) => Err(error),
    };
    kept.or(published)
}
