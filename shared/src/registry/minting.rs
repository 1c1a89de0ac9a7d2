//! Whose turn it is to ask Atlas for an access token. A service account may have 100 live tokens and mint 50 a minute,
//! and a state machine that fans out starts more functions than that.

use serde::{Deserialize, Serialize};

use crate::{
    aws::{Expected, ItemKey, Leases, Write},
    error::Result,
};

/// How long it is one function's turn, in seconds: a token takes a second or two. One that dies is succeeded then.
const TURN: i64 = 10;

/// The lease of the right to mint a token of a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    /// The token to be replaced, by its id; `None` if there was none.
    replaces: Option<String>,
    /// When the next one may try, in seconds since 1970. `DynamoDB` deletes the item some time after.
    expires_at: i64,
    /// How many times it was written: whoever writes it has to have read the last.
    version: u64,
}

/// Whether it is the caller's turn to replace a token. Nothing has to be released: the right to replace the next token is
/// another.
///
/// # Errors
/// As [`Leases::take`], but for a write that another was quicker with: it is not the caller's turn then.
pub async fn take_turn(leases: &Leases, client_id: &str, replaces: Option<&str>, now: i64) -> Result<bool> {
    let key = ItemKey::new(format!("minting#{client_id}"), "lease");
    let found: Option<Lease> = leases.get(&key).await?;
    if found.as_ref().is_some_and(|lease| lease.replaces.as_deref() == replaces && now < lease.expires_at) {
        return Ok(false);
    }
    let read = found.map_or(0, |lease| lease.version);
    let ours = Lease { replaces: replaces.map(str::to_owned), expires_at: now + TURN, version: read + 1 };
    match leases.take(Write::put(key, &ours, Expected::Version(read))?).await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error),
    }
}
