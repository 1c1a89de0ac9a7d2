//! What is written down of accounts that were vended, so that the same event twice, or an older one after a newer one, starts nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    error::Result,
    ids::{AccountId, ProfileName},
    step::Context,
};

/// The value of `/atlas-cmk/accounts/<accountId>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntry {
    /// The account.
    pub account_id: AccountId,
    /// Its name, if it was known: not every event tells it.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The name of its organizational unit, if it was known.
    #[serde(default)]
    pub ou_name: Option<String>,
    /// Its tags, if they were known.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// The profile that an event asked for, if one did.
    #[serde(default)]
    pub requested_profile: Option<ProfileName>,
    /// The profile that its enablement was made from.
    pub profile: ProfileName,
    /// The organizational unit that it was in, if it was known.
    pub ou: Option<String>,
    /// The region that its enablement was made for, which stays the same whatever tells of it next.
    #[serde(default)]
    pub region: Option<String>,
    /// What its enablement was made from and came to, as a fingerprint: profile, generation, organizational unit and input.
    pub fingerprint: String,
    /// How many enablements were started for it.
    pub sequence: u32,
    /// When the event happened that was handled last, ISO 8601.
    pub event_at: Option<String>,
    /// The ARN of the execution that was started last.
    pub execution_arn: String,
}

impl AccountEntry {
    /// When the event happened that was handled last.
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_at.as_deref()?.parse().ok()
    }
}

/// The value of `/atlas-cmk/failed-vends/<accountId>`: a pipeline failed to make the account, so nothing must be started for it until one succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedVend {
    /// What failed.
    pub what: String,
    /// Why.
    pub reason: String,
    /// When that was told, ISO 8601.
    pub told_at: String,
}

/// Where accounts are written down.
const ACCOUNTS: &str = "/atlas-cmk/accounts";

/// Where an account is written down.
pub fn parameter(account: &AccountId) -> String {
    format!("{ACCOUNTS}/{account}")
}

fn failed_parameter(account: &AccountId) -> String {
    format!("/atlas-cmk/failed-vends/{account}")
}

/// What is written down of an account. What another version or a person wrote counts as nothing.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn read(context: &Context, account: &AccountId) -> Result<Option<AccountEntry>> {
    let text = context.parameters.read(&parameter(account)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Everything that is written down of accounts. What another version or a person wrote counts as nothing.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn list(context: &Context) -> Result<BTreeMap<AccountId, AccountEntry>> {
    let texts = context.parameters.list(ACCOUNTS).await?.into_iter();
    let entries = texts.filter_map(|(_, text)| serde_json::from_str::<AccountEntry>(&text).ok());
    Ok(entries.map(|entry| (entry.account_id.clone(), entry)).collect())
}

/// Writes an entry, in the place of any before it.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn write(context: &Context, entry: &AccountEntry) -> Result<()> {
    let value = json!(entry);
    let what = "A vended account, and what atlas-cmk started for it";
    context.parameters.write(&parameter(&entry.account_id), &value, what).await
}

/// The failure that was told last of an account, if one was.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn read_failure(context: &Context, account: &AccountId) -> Result<Option<FailedVend>> {
    let text = context.parameters.read(&failed_parameter(account)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Writes down that a pipeline failed to make an account.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn write_failure(context: &Context, account: &AccountId, failure: &FailedVend) -> Result<()> {
    let value = json!(failure);
    context
        .parameters
        .write(&failed_parameter(account), &value, "An account that a vending pipeline failed to create")
        .await
}
