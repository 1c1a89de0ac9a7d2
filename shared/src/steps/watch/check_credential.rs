//! `check-credential`: when the secret of the service account expires that the functions call Atlas with. API keys do
//! not expire.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::ServiceAccount,
    error::Result,
    report::sweep::Listed,
    step::{Actions, Answer, Readers, Step, actions},
};

/// The step.
pub struct CheckCredential;

/// The secret to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// An Atlas project of the service account, and the secret.
    pub project: Listed,
}

/// When it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// When, ISO 8601; null of an API key.
    pub expires_at: Option<String>,
    /// What has to be done, in a sentence; null if there is time.
    pub warning: Option<String>,
}

impl Step for CheckCredential {
    const NAME: &'static str = "check-credential";
    const ABOUT: &'static str = "Read-only: returns when the secret of the service account expires";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"project": {"projectId": "66f0a1b2c3d4e5f601234567", "atlasSecretId": null}})
    }
}

impl Answer for CheckCredential {
    type Observation = Option<ServiceAccount>;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<ServiceAccount>> {
        Ok(readers.atlas.own_service_account(&input.project.project_id).await?)
    }

    fn answer(input: &Input, account: Option<ServiceAccount>, now: Timestamp) -> Result<Output> {
        let secret =
            input.project.atlas_secret_id.as_ref().map_or("the secret of the stack".to_owned(), ToString::to_string);
        Ok(judge(&secret, account.as_ref(), now))
    }
}

/// How many days ahead it warns.
const WARN_DAYS_AHEAD: i64 = 14;

fn judge(secret: &str, account: Option<&ServiceAccount>, now: Timestamp) -> Output {
    let Some(account) = account else { return Output { expires_at: None, warning: None } };
    let Some(expires_at) = account.secret_in_use.as_ref().map(|secret| secret.expires_at.clone()) else {
        return Output { expires_at: None, warning: None };
    };
    let days = expires_at.parse::<Timestamp>().ok().map(|then| (then.as_second() - now.as_second()).div_euclid(86_400));
    let warning = days.filter(|days| *days < WARN_DAYS_AHEAD).map(|days| {
        format!(
            "{secret}: the secret of service account {} expires at {expires_at}, in {days} days: create a new one in \
             Atlas and store it, or let Secrets Manager rotate it",
            account.client_id
        )
    });
    Output { expires_at: Some(expires_at), warning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atlas::ServiceAccountSecret;

    #[test]
    fn fourteen_days_ahead_somebody_is_warned() {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let of = |expires_at: &str| {
            let secret = ServiceAccountSecret { expires_at: expires_at.to_owned(), masked_secret_value: None };
            let account = ServiceAccount { client_id: "mdb_sa_id_1".to_owned(), secret_in_use: Some(secret) };
            judge("atlas/keys", Some(&account), now).warning
        };
        assert_eq!(of("2026-12-07T10:00:01Z"), None);
        assert!(of("2026-12-07T09:00:00Z").unwrap().contains("in 13 days"));
        assert!(of("2026-11-20T09:00:00Z").is_some(), "it has expired");
        assert_eq!(judge("atlas/keys", None, now), Output { expires_at: None, warning: None });
    }
}
