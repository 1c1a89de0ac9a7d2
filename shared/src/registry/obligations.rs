//! What is owed: an enablement that was asked for and has not succeeded. It is recorded before anything is tried, and
//! closed by success, by a waiver, or when the project is taken down.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::Result,
    ids::{AccountId, ProjectId},
    report::Owed,
    request::{EnableEncryption, Mode},
};

/// An enablement that is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// The account of the role.
    pub account_id: AccountId,
    /// Which of its enablements: the role, and the project by id or name.
    pub subject: String,
    /// The project, once its id is known.
    pub project_id: Option<ProjectId>,
    /// The input of the enablement.
    pub input: EnableEncryption,
    /// Who asked for it.
    pub asked_by: String,
    /// Since when it is owed, ISO 8601.
    pub since: String,
    /// How many executions have tried.
    pub attempts: u32,
    /// The ARN of the last of them.
    pub execution: Option<String>,
    /// When it was started, ISO 8601.
    pub tried_at: String,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// When it is tried again unless an event removes the reason before, ISO 8601.
    pub next_at: String,
    /// Who decided that it is no longer owed.
    pub waiver: Option<Waiver>,
    /// How many times it was written: whoever writes it has to have read the last.
    pub version: u64,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The name of the error.
    pub error: String,
    /// What is wrong, in a sentence.
    pub cause: String,
    /// Whether a policy of the organization denied a call: one of them may end by itself, as a quarantine does.
    pub is_denied: bool,
}

/// A decision that something is no longer owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// Who decided it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, ISO 8601.
    #[serde(default)]
    pub at: String,
}

/// How those begin who ask by starting an execution.
pub const BY_EXECUTION: &str = "execution ";

/// The partition of obligations.
const OBLIGATIONS: &str = "obligations";

/// How long after an attempt that failed the next one follows: a night, then twice as long each time.
const FIRST_DISTANCE: SignedDuration = SignedDuration::from_hours(20);

/// How long it is at the most.
const LONGEST_DISTANCE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How many characters of a reason are reported: many reasons share the 256 KiB of a state.
const LONGEST_REASON: usize = 500;

impl Obligation {
    /// What is owed to whoever asked for an enablement, and was not tried yet.
    pub fn new(input: &EnableEncryption, asked_by: String, now: Timestamp) -> Self {
        let input = EnableEncryption { mode: Some(Mode::Apply), schema: None, ..input.clone() };
        Self {
            account_id: input.role_arn.account().clone(),
            subject: subject(&input),
            project_id: input.project_id.clone(),
            input,
            asked_by,
            since: to_the_second(now),
            attempts: 0,
            execution: None,
            tried_at: String::new(),
            reason: None,
            next_at: to_the_second(now),
            waiver: None,
            version: 0,
        }
    }

    /// The same with one more attempt, by an execution.
    #[must_use]
    pub fn tried(&self, execution: String, now: Timestamp) -> Self {
        let distance = FIRST_DISTANCE.saturating_mul(1 << self.attempts.min(8)).min(LONGEST_DISTANCE);
        let next_at = to_the_second(now.saturating_add(distance).unwrap_or(now));
        let tried_at = to_the_second(now);
        Self { attempts: self.attempts + 1, execution: Some(execution), tried_at, next_at, ..self.clone() }
    }

    /// Whether it is time for another attempt.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.next_at.parse().is_ok_and(|next: Timestamp| next <= now)
    }

    /// Whether the last attempt was made before a moment.
    pub fn was_tried_before(&self, moment: Timestamp) -> bool {
        self.tried_at.parse().is_ok_and(|then: Timestamp| then <= moment)
    }

    /// Whether it was asked for by starting an execution.
    pub fn is_asked_by_a_person(&self) -> bool {
        self.asked_by.starts_with(BY_EXECUTION)
    }

    /// What a person has to know: what is owed, since when, why not yet, and what happens next.
    pub fn report(&self) -> Owed {
        let tried = match (&self.reason, self.attempts) {
            (_, 0) => "not tried yet".to_owned(),
            (None, attempts) => format!("tried {attempts} times, without a result yet"),
            (Some(reason), attempts) => format!("tried {attempts} times, last {}: {}", reason.error, reason.cause),
        };
        let next = match &self.waiver {
            Some(waiver) => format!("nothing: waived by {} at {}: {}", waiver.by, waiver.at, waiver.reason),
            None => format!("tried again at {}, or when its reason is removed", self.next_at),
        };
        Owed {
            account_id: self.account_id.clone(),
            subject: self.subject.clone(),
            asked_by: self.asked_by.clone(),
            since: self.since.clone(),
            why_not_yet: tried.chars().take(LONGEST_REASON).collect(),
            next,
        }
    }
}

/// A moment to the second, ISO 8601.
fn to_the_second(moment: Timestamp) -> String {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment).to_string()
}

/// Which enablement of an account an input asks for.
pub fn subject(input: &EnableEncryption) -> String {
    let project = match (&input.project_id, &input.project) {
        (Some(id), _) => id.to_string(),
        (None, Some(named)) => named.name.to_string(),
        (None, None) => String::new(),
    };
    format!("{}#{project}", input.role_arn.name())
}

fn place(account: &AccountId, subject: &str) -> ItemKey {
    ItemKey::new(OBLIGATIONS, format!("{account}#{subject}"))
}

/// What a change of an obligation is said to be about.
pub fn resource(obligation: &Obligation) -> String {
    format!("{OBLIGATIONS}/{}#{}", obligation.account_id, obligation.subject)
}

/// What an input asks for, if it is owed.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, input: &EnableEncryption) -> Result<Option<Obligation>> {
    items.get(&place(input.role_arn.account(), &subject(input))).await
}

/// What is owed to an account, or to all.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn list(items: &ItemsReader, account: Option<&AccountId>) -> Result<Vec<Obligation>> {
    match account {
        Some(account) => items.query_from(OBLIGATIONS, &format!("{account}#")).await,
        None => items.query(OBLIGATIONS).await,
    }
}

/// Writes an obligation over the one whose version it has.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write(items: &ItemsWriter, obligation: &Obligation) -> Result<()> {
    let next = Obligation { version: obligation.version + 1, ..obligation.clone() };
    let key = place(&obligation.account_id, &obligation.subject);
    items.write(vec![Write::put(key, &next, Expected::Version(obligation.version))?]).await
}

/// Closes an obligation: nothing is left of it.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn close(items: &ItemsWriter, obligation: &Obligation) -> Result<()> {
    let key = place(&obligation.account_id, &obligation.subject);
    items.write(vec![Write::delete(key, Expected::Anything)]).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::request;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_tried_every_night_and_then_less_and_less_often() {
        let now = at("2026-11-23T03:00:00Z");
        let mut owed = Obligation::new(&request(&json!({})), "a person".to_owned(), now);
        assert!(owed.is_due(now), "at once");
        let mut hours = Vec::new();
        for attempt in 1..=7 {
            owed = owed.tried("arn".to_owned(), now);
            assert_eq!(owed.attempts, attempt);
            hours.push(at(&owed.next_at).duration_since(now).as_hours());
        }
        assert_eq!(hours, [20, 40, 80, 160, 320, 336, 336]);
        assert!(!owed.is_due(now));
    }

    #[test]
    fn a_report_names_what_is_owed_since_when_why_not_yet_and_what_happens_next() {
        let now = at("2026-11-23T03:00:00Z");
        let owed = Obligation::new(&request(&json!({})), "profile default".to_owned(), now);
        let owed = owed.tried("arn".to_owned(), now);
        let reason = Reason { error: "Account.NotReady".to_owned(), cause: "nobody".to_owned(), is_denied: false };
        let report = Obligation { reason: Some(reason), ..owed.clone() }.report();
        assert_eq!((report.account_id.as_ref(), report.since.as_str()), ("444455556666", "2026-11-23T03:00:00Z"));
        assert!(report.why_not_yet.contains("Account.NotReady: nobody"), "{report:?}");
        assert!(report.next.contains("2026-11-23T23:00:00Z"), "{report:?}");
        let waiver = Waiver { by: "alice".to_owned(), reason: "a sandbox".to_owned(), at: now.to_string() };
        let report = Obligation { waiver: Some(waiver), ..owed }.report();
        assert!(report.next.contains("waived by alice") && report.next.contains("a sandbox"), "{report:?}");
    }

    #[test]
    fn two_enablements_of_an_account_are_two_obligations() {
        let named = |name: &str| {
            let project = json!({"name": name, "orgId": "5f0000000000000000000001"});
            subject(&request(&json!({"projectId": null, "project": project})))
        };
        assert_ne!(named("payments"), named("orders"));
        assert_eq!(named("payments"), "atlas-cmk#payments");
    }
}
