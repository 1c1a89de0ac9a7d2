//! `restore-key`: a key that a project needs, brought back: its deletion cancelled, and the key enabled. It is the only
//! function that may, with a role of its own in each account.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, KeyState},
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, KmsKeyArn},
    report::{Described, Description},
    request::GuardKey,
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions, not_set},
};

/// The step.
pub struct RestoreKey;

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What was found out about the key.
    pub request: GuardKey,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// The key can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The key.
    pub key_arn: KmsKeyArn,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restoring {
    /// Cancel the deletion.
    CancelDeletion(KmsKeyArn),
    /// Enable the key.
    Enable(KmsKeyArn),
}

impl Described for Restoring {
    fn description(&self) -> Description {
        match self {
            Self::CancelDeletion(key) => {
                Description::update(key, format!("deletion of the key in {} cancelled", key.region()))
                    .before("PendingDeletion")
            }
            Self::Enable(key) => {
                Description::update(key, format!("key in {} enabled", key.region())).before("Disabled")
            }
        }
    }
}

impl Step for RestoreKey {
    const NAME: &'static str = "restore-key";
    const ABOUT: &'static str = "Cancels the deletion of a key and enables it. The only function that may, with its \
        own role in each account";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions =
        &[actions::OTHER_ACCOUNTS, actions::PUBLISH, &["kms:CancelKeyDeletion", "kms:DescribeKey", "kms:EnableKey"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": {
                "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
                "projectIds": [
                    "66f0a1b2c3d4e5f601234567"
                ],
                "cause": {
                    "event": "ScheduleKeyDeletion",
                    "resource": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
                    "by": "arn:aws:sts::444455556666:assumed-role/BreakGlass/alex",
                    "at": "2026-11-23T10:01:02Z"
                }
            },
            "execution": "guard-mrk-1234abcd12ab34cd56ef1234567890ab-0011223344556677"
        })
    }
}

impl Converge for RestoreKey {
    type Observation = Option<KeyState>;
    type Change = Restoring;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<KeyState>> {
        let account = restoring_access(input, readers.own_roles.guard.as_deref())?;
        let arn = &input.request.key_arn;
        let key = readers.kms_for(arn, caller(input, account.as_ref())).await?.key(arn.as_ref()).await?;
        Ok(key.map(|key| key.state))
    }

    fn decide(input: &Input, state: &Option<KeyState>) -> Result<Vec<Restoring>> {
        let arn = &input.request.key_arn;
        match state {
            Some(KeyState::Enabled | KeyState::Creating) => Ok(Vec::new()),
            Some(KeyState::Disabled) => Ok(vec![Restoring::Enable(arn.clone())]),
            Some(KeyState::PendingDeletion) => {
                Ok(vec![Restoring::CancelDeletion(arn.clone()), Restoring::Enable(arn.clone())])
            }
            Some(KeyState::Other(state)) => Err(Error::new(
                ErrorName::KmsKeyUnusable,
                format!("{arn} is {state}, and atlas-cmk cannot restore a key in this state"),
            )),
            None => Err(Error::new(
                ErrorName::KmsKeyUnusable,
                format!("{arn} no longer exists: the data it encrypted is lost"),
            )),
        }
    }

    async fn act(writers: &Writers, input: &Input, _: Option<KeyState>, changes: &[Restoring]) -> Result<Output> {
        let account = restoring_access(input, writers.own_roles.guard.as_deref())?;
        let kms = writers.kms_for(&input.request.key_arn, caller(input, account.as_ref())).await?;
        for change in changes {
            match change {
                Restoring::CancelDeletion(arn) => kms.cancel_deletion(arn).await.map_err(as_propagating)?,
                Restoring::Enable(arn) => kms.enable(arn).await.map_err(as_propagating)?,
            }
        }
        if !changes.is_empty() {
            publish(writers, input, changes).await?;
        }
        Ok(Output { key_arn: input.request.key_arn.clone() })
    }
}

/// A key that was changed a moment ago may be seen as it was: what was just read of it says that it can be restored
/// (KMS developer guide, "Eventual consistency").
fn as_propagating(error: Error) -> Error {
    if error.name() == ErrorName::KmsKeyUnusable {
        let what = "the key was changed a moment ago and cannot be restored yet";
        let message = format!("{}; {what}", error.message());
        return error.restated(ErrorName::AwsPropagating, message);
    }
    error
}

/// How to reach the account of the key, if it is another: as the role that restores keys there.
fn restoring_access(input: &Input, role_name: Option<&str>) -> Result<Option<AccountAccess>> {
    input.request.account.as_ref().map(|access| guard_role(access, role_name)).transpose()
}

fn caller<'a>(input: &'a Input, account: Option<&'a AccountAccess>) -> Caller<'a> {
    Caller { account, execution: input.execution.as_deref() }
}

/// The role that restores keys, in the account of the one that treats them, under the same external ID.
fn guard_role(access: &AccountAccess, name: Option<&str>) -> Result<AccountAccess> {
    let name = name.ok_or_else(|| not_set("GUARD_ROLE_NAME"))?;
    let prefix = access.role_arn.as_ref().split(":role/").next().unwrap_or_default();
    let role_arn = format!("{prefix}:role/{name}").parse().map_err(|_| not_set("GUARD_ROLE_NAME"))?;
    Ok(AccountAccess { role_arn, external_id: access.external_id.clone() })
}

async fn publish(writers: &Writers, input: &Input, changes: &[Restoring]) -> Result<()> {
    let request = &input.request;
    let done: Vec<String> = changes.iter().map(|change| change.description().made(RestoreKey::NAME).summary).collect();
    let subject = format!("atlas-cmk: key {} restored", request.key_arn.key_id());
    let message = json!({
        "kind": "key-restored",
        "keyArn": request.key_arn,
        "done": done,
        "cause": request.cause,
        "projectIds": request.project_ids,
        "why": "these projects are registered with guard: restore; to give up the key, disable their encryption first, \
            or register them with guard: alert",
        "execution": input.execution,
    });
    writers.topic()?.publish("key-restored", &subject, &message.to_string()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Input {
        serde_json::from_value(json!({"request": {
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "projectIds": ["66f0a1b2c3d4e5f601234567"],
            "cause": {"event": "ScheduleKeyDeletion", "resource": "the key"},
        }}))
        .unwrap()
    }

    #[test]
    fn a_key_is_enabled_after_its_deletion_was_cancelled_and_left_alone_if_it_can_be_used() {
        let decide = |state| RestoreKey::decide(&input(), &state).map(|changes| changes.len());
        assert_eq!(decide(Some(KeyState::PendingDeletion)), Ok(2), "cancelling leaves it disabled");
        assert_eq!(decide(Some(KeyState::Disabled)), Ok(1));
        assert_eq!(decide(Some(KeyState::Enabled)), Ok(0));
        for hopeless in [None, Some(KeyState::Other("PendingImport".to_owned()))] {
            assert_eq!(decide(hopeless).unwrap_err().name(), ErrorName::KmsKeyUnusable);
        }
    }

    #[test]
    fn the_role_that_restores_is_beside_the_one_that_treats() {
        let access =
            json!({"roleArn": "arn:aws-us-gov:iam::444455556666:role/x/AtlasCmkSpoke", "externalId": "b0a7c1de"});
        let access = serde_json::from_value(access).unwrap();
        let guard = guard_role(&access, Some("AtlasCmkGuard")).unwrap();
        assert_eq!(guard.role_arn.as_ref(), "arn:aws-us-gov:iam::444455556666:role/AtlasCmkGuard");
        assert_eq!(guard.external_id, access.external_id);
        assert!(guard_role(&access, None).is_err());
    }
}
