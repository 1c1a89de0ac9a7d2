//! `find-missed-accounts`: accounts that joined the organization lately and that no event told of. Events are delivered best effort; what got lost is handed in
//! by the sweep.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoChange, told::at_most_told};
use crate::{
    aws::Joined,
    error::Result,
    ids::AccountId,
    profile,
    registry::accounts::{self, FailedVend},
    step::{Context, Step},
};

/// The step.
pub struct FindMissedAccounts;

/// Nothing has to be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The accounts that nobody told of.
    pub missed: Vec<Missed>,
    /// The accounts whose vending failed and of which nothing was heard since, in a sentence each.
    pub attention: Vec<String>,
}

/// An account that nobody told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    /// The account.
    pub account_id: AccountId,
    /// Its name.
    pub account_name: Option<String>,
}

/// What became of an account that joined lately.
#[derive(Debug)]
pub struct Unheard {
    account: Joined,
    failed: Option<FailedVend>,
}

impl Step for FindMissedAccounts {
    const NAME: &'static str = "find-missed-accounts";
    type Input = Input;
    type Output = Output;
    type Observation = Vec<Unheard>;
    type Change = NoChange;

    async fn observe(context: &Context, _: &Input) -> Result<Vec<Unheard>> {
        // Where no account is to get anything, none was missed.
        if profile::list(context).await?.is_empty() {
            return Ok(Vec::new());
        }
        let now = Timestamp::now();
        let accounts = context.organizations.accounts().await?.unwrap_or_default();
        let mut unheard = Vec::new();
        for account in accounts.into_iter().filter(|account| is_due(account.at, now)) {
            if accounts::read(context, &account.account_id).await?.is_none() {
                let failed = accounts::read_failure(context, &account.account_id).await?;
                unheard.push(Unheard { account, failed });
            }
        }
        Ok(unheard)
    }

    fn decide(_: &Input, _: &Vec<Unheard>) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(_: &Context, _: &Input, unheard: Vec<Unheard>, _: &[NoChange]) -> Result<Output> {
        Ok(sort(unheard))
    }
}

/// How long a pipeline may take to make an account. One that is being made is no business of a sweep.
const BEING_MADE: SignedDuration = SignedDuration::from_hours(4);

/// How long a sweep looks back: three nights. Accounts that were there before are not to be found with the first sweep of a new stack.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How many accounts are handed in in one night.
const AT_A_TIME: usize = 25;

fn is_due(joined: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(joined);
    BEING_MADE <= age && age <= LOOKS_BACK
}

fn sort(unheard: Vec<Unheard>) -> Output {
    let mut output = Output { missed: Vec::new(), attention: Vec::new() };
    for Unheard { account, failed } in unheard {
        match failed {
            // Nothing is started for an account that was not made; a success that got lost since then is for somebody to tell.
            Some(FailedVend { what, told_at, .. }) => output.attention.push(format!(
                "account {}: {what} failed, as was told at {told_at}, and nothing was heard of it since: if it was made after all, invoke on-account-vended with its accountId",
                account.account_id
            )),
            None => output.missed.push(Missed { account_id: account.account_id, account_name: account.name }),
        }
    }
    output.attention = at_most_told(output.attention);
    // The others are left for the next night.
    output.missed.truncate(AT_A_TIME);
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
    fn an_account_that_was_missed_is_handed_in_and_one_whose_vending_failed_is_told() {
        let account = |id: &str| Joined {
            account_id: id.parse().unwrap(),
            name: Some("payments".to_owned()),
            at: "2026-11-22T20:00:00Z".parse().unwrap(),
        };
        let failed = FailedVend {
            what: "CreateManagedAccount".to_owned(),
            reason: "x".to_owned(),
            told_at: "2026-11-22T21:00:00Z".to_owned(),
        };
        let output = sort(vec![
            Unheard { account: account("500000000001"), failed: None },
            Unheard { account: account("500000000002"), failed: Some(failed) },
        ]);
        assert!(output.attention[0].contains("500000000002: CreateManagedAccount failed"), "{:?}", output.attention);
        assert_eq!(json!(output.missed), json!([{"accountId": "500000000001", "accountName": "payments"}]));
    }
}
