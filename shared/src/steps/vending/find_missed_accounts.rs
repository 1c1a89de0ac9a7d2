//! `find-missed-accounts`: accounts that joined the organization lately, or are in another organizational unit, and
//! that no event reported. Events are delivered best effort; what got lost is handed in by the sweep.

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Joined,
    error::Result,
    ids::AccountId,
    profile::{self, Profile},
    registry::accounts::{self, FailedVend},
    report::limited,
    step::{Actions, Answer, Readers, Step},
};

/// The step.
pub struct FindMissedAccounts;

/// No field is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The accounts whose outcome no event reported.
    pub missed: Vec<Missed>,
    /// The accounts whose vending failed and for which no success was reported since, in a sentence each.
    pub other_findings: Vec<String>,
}

/// An account whose outcome no event reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    /// The account.
    pub account_id: AccountId,
    /// Its name.
    pub account_name: Option<String>,
    /// The organizational unit that it is in, where it was moved.
    pub ou: Option<String>,
}

/// The unreported outcome of an account.
#[derive(Debug)]
pub enum UnreportedAccount {
    /// It joined.
    Joined(Joined),
    /// Its vending failed, and no success was reported since.
    Failed(Joined, FailedVend),
    /// It is in another organizational unit.
    Moved(Joined, String),
}

impl Step for FindMissedAccounts {
    const NAME: &'static str = "find-missed-accounts";
    const ABOUT: &'static str = "Read-only: returns accounts that joined the organization within three days, or moved \
        to another unit, without an event";
    const ACTIONS: Actions =
        &[&["dynamodb:GetItem", "dynamodb:Query", "organizations:ListAccounts", "organizations:ListParents"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({})
    }
}

impl Answer for FindMissedAccounts {
    type Observation = Vec<UnreportedAccount>;

    async fn observe(readers: &Readers, _: &Input) -> Result<Vec<UnreportedAccount>> {
        let registry = readers.registry()?;
        let profiles = profile::list(&registry).await?;
        // Where no account is to get anything, none was missed.
        if profiles.is_empty() {
            return Ok(Vec::new());
        }
        let units_matter = profiles.values().any(Profile::asks_for_unit);
        let (entries, now) = (accounts::list(&registry).await?, readers.now);
        let accounts = readers.organizations().accounts().await?.unwrap_or_default();
        let (heard, not_heard): (Vec<_>, Vec<_>) =
            accounts.into_iter().partition(|account| entries.contains_key(&account.account_id));
        let mut unheard = Vec::new();
        for account in not_heard.into_iter().filter(|account| is_due(account.at, now)) {
            unheard.push(match accounts::read_failure(&registry, &account.account_id).await? {
                Some(failure) => UnreportedAccount::Failed(account, failure),
                None => UnreportedAccount::Joined(account),
            });
        }
        let looks = heard.into_iter().filter(|_| units_matter).map(|account| async move {
            // One that cannot be looked up is looked up the next night.
            let unit = readers.organizations().unit_of(&account.account_id).await.ok().flatten();
            (account, unit)
        });
        let units: Vec<_> = stream::iter(looks).buffered(MAX_CONCURRENCY).collect().await;
        unheard.extend(units.into_iter().filter_map(|(account, unit)| {
            let entry = entries.get(&account.account_id)?;
            let unit = unit.filter(|unit| entry.ou.as_ref() != Some(unit))?;
            Some(UnreportedAccount::Moved(account, unit))
        }));
        Ok(unheard)
    }

    fn answer(_: &Input, unheard: Vec<UnreportedAccount>, _: Timestamp) -> Result<Output> {
        Ok(sort(unheard))
    }
}

/// How long a pipeline may take to make an account. One that is being made is no business of a sweep.
const GRACE_PERIOD: SignedDuration = SignedDuration::from_hours(4);

/// How long a sweep looks back: three nights. Accounts that were there before are not to be found with the first sweep
/// of a new stack.
const LOOKBACK: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How many accounts are looked up at the same time: Organizations answers a few in a second.
const MAX_CONCURRENCY: usize = 4;

/// How many accounts are handed in in one night: births before moves, for accounts that are in a unit no profile is for
/// are found every night.
const MAX_HANDED_IN: usize = 200;

fn is_due(joined: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(joined);
    GRACE_PERIOD <= age && age <= LOOKBACK
}

fn sort(unheard: Vec<UnreportedAccount>) -> Output {
    let mut output = Output { missed: Vec::new(), other_findings: Vec::new() };
    let missed = |account: Joined, ou| Missed { account_id: account.account_id, account_name: account.name, ou };
    for account in unheard {
        match account {
            // Nothing is started for an account that was not created; a person has to report a success whose event was
            // lost.
            UnreportedAccount::Failed(account, FailedVend { what, reported_at, .. }) => output.other_findings.push(format!(
                "account {}: {what} failed (reported at {reported_at}), and no success followed: if the account was \
                 created after all, invoke on-account-vended with its accountId",
                account.account_id
            )),
            UnreportedAccount::Joined(account) => output.missed.push(missed(account, None)),
            UnreportedAccount::Moved(account, unit) => output.missed.push(missed(account, Some(unit))),
        }
    }
    output.other_findings = limited(output.other_findings);
    // The others are left for the next night.
    output.missed.truncate(MAX_HANDED_IN);
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn accounts_that_are_being_made_and_those_that_were_long_there_are_left_alone() {
        let now: Timestamp = "2026-11-23T03:00:00Z".parse().unwrap();
        for (joined, due) in [
            ("2026-11-23T02:00:00Z", false),
            ("2026-11-22T23:00:00Z", true),
            ("2026-11-20T03:00:00Z", true),
            ("2026-11-20T02:00:00Z", false),
            ("2026-11-23T04:00:00Z", false),
        ] {
            assert_eq!(is_due(joined.parse().unwrap(), now), due, "{joined}");
        }
    }

    #[test]
    fn an_account_that_was_missed_or_moved_is_handed_in_and_one_whose_vending_failed_is_reported() {
        let account = |id: &str| Joined {
            account_id: id.parse().unwrap(),
            name: Some("payments".to_owned()),
            at: "2026-11-22T20:00:00Z".parse().unwrap(),
        };
        let failed = FailedVend {
            what: "CreateManagedAccount".to_owned(),
            reason: "x".to_owned(),
            reported_at: "2026-11-22T21:00:00Z".to_owned(),
        };
        let output = sort(vec![
            UnreportedAccount::Joined(account("500000000001")),
            UnreportedAccount::Failed(account("500000000002"), failed),
            UnreportedAccount::Moved(account("500000000003"), "ou-abcd-12345678".to_owned()),
        ]);
        assert!(
            output.other_findings[0].contains("500000000002: CreateManagedAccount failed"),
            "{:?}",
            output.other_findings
        );
        let missed = json!([
            {"accountId": "500000000001", "accountName": "payments", "ou": null},
            {"accountId": "500000000003", "accountName": "payments", "ou": "ou-abcd-12345678"},
        ]);
        assert_eq!(json!(output.missed), missed);
    }
}
