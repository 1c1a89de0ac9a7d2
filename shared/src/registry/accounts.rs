//! What is written down of accounts that were vended, so that the same event twice, or an older one after a newer one,
//! starts nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::Result,
    ids::{AccountId, ProfileName},
};

/// What is known of a vended account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// The account.
    pub account_id: AccountId,
    /// Its name, if it was known: not every event contains it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The name of its organizational unit, if it was known.
    #[serde(default)]
    pub ou_name: Option<String>,
    /// Its tags, if they were known.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// The profile that an event named, if one did.
    #[serde(default)]
    pub requested_profile: Option<ProfileName>,
    /// The profile that its enablement was based on.
    pub profile: ProfileName,
    /// The organizational unit that it was in, if it was known.
    pub ou: Option<String>,
    /// The region of its enablement, which stays the same whatever the next event says.
    #[serde(default)]
    pub region: Option<String>,
    /// A fingerprint of what its enablement was based on: profile, generation, organizational unit and input.
    pub fingerprint: String,
    /// How many enablements were started for it.
    pub sequence: u32,
    /// The time of the event that was handled last, ISO 8601.
    pub event_at: Option<String>,
    /// The ARN of the execution that was started last.
    pub execution_arn: String,
    /// How many times it was written: whoever writes it has to have read the last.
    pub version: u64,
}

impl AccountEntry {
    /// When the event happened that was handled last.
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_at.as_deref()?.parse().ok()
    }
}

/// A vending pipeline failed to create the account, so nothing must be started for it until one succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedVend {
    /// What failed.
    pub what: String,
    /// Why.
    pub reason: String,
    /// When the failure was reported, ISO 8601.
    pub reported_at: String,
}

/// The partition of vended accounts.
const ACCOUNTS: &str = "accounts";

/// The partition of accounts that a pipeline failed to create.
const FAILED: &str = "failed-vends";

/// What a change of an account is said to be about.
pub fn resource(account: &AccountId) -> String {
    format!("{ACCOUNTS}/{account}")
}

/// What is known of an account.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, account: &AccountId) -> Result<Option<AccountEntry>> {
    items.get(&ItemKey::new(ACCOUNTS, account.as_ref())).await
}

/// Every vended account, for a sweep: nothing else reads all of them.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn list(items: &ItemsReader) -> Result<BTreeMap<AccountId, AccountEntry>> {
    let entries: Vec<AccountEntry> = items.query(ACCOUNTS).await?;
    Ok(entries.into_iter().map(|entry| (entry.account_id.clone(), entry)).collect())
}

/// Writes an entry over the one whose version it has.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write(items: &ItemsWriter, entry: &AccountEntry) -> Result<()> {
    let key = ItemKey::new(ACCOUNTS, entry.account_id.as_ref());
    let next = AccountEntry { version: entry.version + 1, ..entry.clone() };
    items.write(vec![Write::put(key, &next, Expected::Version(entry.version))?]).await
}

/// The failure that was last reported for an account, if any.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read_failure(items: &ItemsReader, account: &AccountId) -> Result<Option<FailedVend>> {
    items.get(&ItemKey::new(FAILED, account.as_ref())).await
}

/// Records that a vending pipeline failed to create an account.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write_failure(items: &ItemsWriter, account: &AccountId, failure: &FailedVend) -> Result<()> {
    let key = ItemKey::new(FAILED, account.as_ref());
    items.write(vec![Write::put(key, failure, Expected::Anything)?]).await
}
