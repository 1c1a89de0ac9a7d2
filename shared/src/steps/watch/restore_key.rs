//! `restore-key`: a key that a project needs, brought back: its deletion cancelled, and the key enabled. It is the only
//! function that may, with a role of its own in each account. What starts it proves nothing: it reads in the registry
//! whether a project needs the key and wants it restored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, KeyState},
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, KmsKeyArn, SpokeRole},
    registry::{self, Project},
    report::{Described, Description},
    request::{Guard, GuardKey},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    steps::watch::{affected::need, reactions::access_to},
    tags,
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

/// What was found of the key.
#[derive(Debug)]
pub struct Found {
    /// Its state; `None` if it no longer exists.
    state: Option<KeyState>,
    /// Whether somebody has taken it out of use on purpose, and says so by a tag.
    is_given_up: bool,
    /// The projects that need it and want it restored.
    projects: Vec<Project>,
    /// How to reach its account, if it is another.
    account: Option<AccountAccess>,
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
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        actions::PUBLISH,
        &[
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "kms:CancelKeyDeletion",
            "kms:DescribeKey",
            "kms:EnableKey",
            "kms:ListResourceTags",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Guard;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": {
                "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
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
    type Observation = Found;
    type Change = Restoring;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let arn = &input.request.key_arn;
        let registry = readers.registry()?;
        let named = registry::find(&registry, &registry::key(arn.key_id())).await?;
        let projects = guarded(arn, registry::read_all(&registry, &named).await?)?;
        let account = access_to(arn, projects.iter()).cloned();
        let kms = readers.kms_for(arn, caller(input, account.as_ref())).await?;
        let key = kms.key(arn.as_ref()).await?;
        let is_given_up = key.is_some() && kms.tags(arn).await?.contains(&tags::guard_off());
        Ok(Found { state: key.map(|key| key.state), is_given_up, projects, account })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<Restoring>> {
        let arn = &input.request.key_arn;
        match &found.state {
            Some(KeyState::Enabled | KeyState::Creating) => Ok(Vec::new()),
            Some(_) if found.is_given_up => Err(Error::new(
                ErrorName::AwsConflict,
                format!(
                    "{arn} has the tag {}={}, so it was left as it is, and the projects that need it cannot use it; \
                     remove the tag to have the key restored",
                    tags::GUARD,
                    tags::OFF
                ),
            )),
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

    async fn act(writers: &Writers, input: &Input, found: Found, changes: &[Restoring]) -> Result<Output> {
        let kms = writers.kms_for(&input.request.key_arn, caller(input, found.account.as_ref())).await?;
        for change in changes {
            match change {
                Restoring::CancelDeletion(arn) => kms.cancel_deletion(arn).await.map_err(as_propagating)?,
                Restoring::Enable(arn) => kms.enable(arn).await.map_err(as_propagating)?,
            }
        }
        if !changes.is_empty() {
            publish(writers, input, &found.projects, changes).await?;
        }
        Ok(Output { key_arn: input.request.key_arn.clone() })
    }
}

/// The projects that need a key and want it restored. One that cannot be read hides no other.
///
/// # Errors
///
/// `Aws.Conflict` if there is none, or that of a project that cannot be read.
fn guarded(key: &KmsKeyArn, named: Vec<Result<Project>>) -> Result<Vec<Project>> {
    let wants = |project: &Project| need(key, project).is_some() && project.guard() == Guard::Restore;
    let (mut projects, mut unreadable) = (Vec::new(), None);
    for project in named {
        match project {
            Ok(project) if wants(&project) => projects.push(project),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    if projects.is_empty() {
        let message = format!(
            "no registered project needs {key} and has guard: restore, so the key was left as it is; register the \
             project so by enabling its encryption with guard: restore, or restore the key by hand"
        );
        return Err(unreadable.unwrap_or_else(|| Error::new(ErrorName::AwsConflict, message)));
    }
    Ok(projects)
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

fn caller<'a>(input: &'a Input, account: Option<&'a AccountAccess>) -> Caller<'a> {
    Caller { account, execution: input.execution.as_deref() }
}

async fn publish(writers: &Writers, input: &Input, projects: &[Project], changes: &[Restoring]) -> Result<()> {
    let request = &input.request;
    let done: Vec<String> = changes.iter().map(|change| change.description().made(RestoreKey::NAME).summary).collect();
    let subject = format!("atlas-cmk: key {} restored", request.key_arn.key_id());
    let message = json!({
        "kind": "key-restored",
        "keyArn": request.key_arn,
        "done": done,
        "cause": request.cause,
        "projectIds": projects.iter().map(|project| &project.project_id).collect::<Vec<_>>(),
        "why": "these projects are registered with guard: restore; to give up the key, disable their encryption first, \
            or register them with guard: alert",
        "execution": input.execution,
    });
    writers.topic()?.publish("key-restored", &subject, &message.to_string()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn input() -> Input {
        serde_json::from_value(json!({"request": {
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "cause": {"event": "ScheduleKeyDeletion", "resource": "the key"},
        }}))
        .unwrap()
    }

    #[test]
    fn a_key_is_enabled_after_its_deletion_was_cancelled_and_left_alone_if_it_can_be_used() {
        let found = |state| Found { state, is_given_up: false, projects: Vec::new(), account: None };
        let decide = |state| RestoreKey::decide(&input(), &found(state)).map(|changes| changes.len());
        assert_eq!(decide(Some(KeyState::PendingDeletion)), Ok(2), "cancelling leaves it disabled");
        assert_eq!(decide(Some(KeyState::Disabled)), Ok(1));
        assert_eq!(decide(Some(KeyState::Enabled)), Ok(0));
        for hopeless in [None, Some(KeyState::Other("PendingImport".to_owned()))] {
            assert_eq!(decide(hopeless).unwrap_err().name(), ErrorName::KmsKeyUnusable);
        }
    }

    #[test]
    fn a_key_that_was_taken_out_of_use_on_purpose_is_left_alone() {
        let given_up = |state| Found { state, is_given_up: true, projects: Vec::new(), account: None };
        for state in [KeyState::Disabled, KeyState::PendingDeletion] {
            let refused = RestoreKey::decide(&input(), &given_up(Some(state))).unwrap_err();
            assert_eq!(refused.name(), ErrorName::AwsConflict);
        }
        assert_eq!(RestoreKey::decide(&input(), &given_up(Some(KeyState::Enabled))), Ok(Vec::new()));
    }

    #[test]
    fn a_key_is_restored_only_for_a_registered_project_that_needs_it_and_wants_that() {
        let key = fixtures::key_arn();
        let of = |guard: &str| Ok(fixtures::registered(&json!({"desired": {"guard": guard}})));
        let unreadable = || Err(Error::new(ErrorName::AtlasConflict, "written by another version"));
        let guarded = |named| guarded(&key, named).map(|projects| projects.len()).map_err(|error| error.name());
        assert_eq!(guarded(vec![of("restore"), of("alert"), unreadable()]), Ok(1));
        assert_eq!(guarded(vec![of("alert")]), Err(ErrorName::AwsConflict));
        assert_eq!(guarded(Vec::new()), Err(ErrorName::AwsConflict));
        assert_eq!(guarded(vec![of("alert"), unreadable()]), Err(ErrorName::AtlasConflict));
        let other = "arn:aws:kms:us-east-1:999999999999:key/mrk-1".parse().unwrap();
        assert!(super::guarded(&other, vec![of("restore")]).is_err(), "a key of that id in another account");
    }
}
