//! What is written down of accounts that were vended, so that the same event twice, or an older one after a newer one,
//! starts nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    aws::{ParametersReader, ParametersWriter},
    error::Result,
    ids::{AccountId, ProfileName},
};

/// The value of `/atlas-cmk/accounts/<accountId>`.
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
}

impl AccountEntry {
    /// When the event happened that was handled last.
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_at.as_deref()?.parse().ok()
    }
}

/// The value of `/atlas-cmk/failed-vends/<accountId>`: a vending pipeline failed to create the account, so nothing must
/// be started for it until one succeeds.
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

/// The path of the parameters of accounts.
const ACCOUNTS: &str = "/atlas-cmk/accounts";

/// The parameter of an account.
pub fn parameter(account: &AccountId) -> String {
    format!("{ACCOUNTS}/{account}")
}

fn failed_parameter(account: &AccountId) -> String {
    format!("/atlas-cmk/failed-vends/{account}")
}

/// The entry of an account. An entry that another version or a person wrote counts as missing.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn read(parameters: &ParametersReader, account: &AccountId) -> Result<Option<AccountEntry>> {
    let text = parameters.read(&parameter(account)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// All entries of accounts. Entries that another version or a person wrote count as missing.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn list(parameters: &ParametersReader) -> Result<BTreeMap<AccountId, AccountEntry>> {
    let texts = parameters.list(ACCOUNTS).await?.into_iter();
    let entries = texts.filter_map(|(_, text)| serde_json::from_str::<AccountEntry>(&text).ok());
    Ok(entries.map(|entry| (entry.account_id.clone(), entry)).collect())
}

/// Writes an entry, in the place of any before it.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn write(parameters: &ParametersWriter, entry: &AccountEntry) -> Result<()> {
    let value = json!(entry);
    let what = "A vended account, and what atlas-cmk started for it";
    parameters.write(&parameter(&entry.account_id), &value, what).await
}

/// The failure that was last reported for an account, if any.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn read_failure(parameters: &ParametersReader, account: &AccountId) -> Result<Option<FailedVend>> {
    let text = parameters.read(&failed_parameter(account)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Records that a vending pipeline failed to create an account.
///
/// # Errors
/// As [`crate::aws::aws_error`].
pub async fn write_failure(parameters: &ParametersWriter, account: &AccountId, failure: &FailedVend) -> Result<()> {
    let value = json!(failure);
    parameters.write(&failed_parameter(account), &value, "An account that a vending pipeline failed to create").await
}
