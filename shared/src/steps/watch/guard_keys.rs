//! `guard-keys`: makes up for events of keys that got lost: every key that a registered project or its old snapshots
//! need is checked, and one that cannot be used raises the alert that its event would have raised, and is restored
//! where that is wanted.

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, KeyState},
    error::Result,
    events::change::{Changed, Subject},
    ids::KmsKeyArn,
    registry::{self, Project, Stage},
    report::limited,
    request::regional_keys,
    settings::OwnRoles,
    step::{Actions, Converge, Readers, Step, Writers, actions},
    steps::watch::{
        affected::{Affected, Stack},
        reactions::{Reaction, access_to, guard, react},
    },
};

/// The step.
pub struct GuardKeys;

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The name of the execution. What it starts is named after it, so that a key is restored once in each of them.
    pub execution: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The keys that cannot be used, in a sentence each.
    pub other_findings: Vec<String>,
}

/// What is registered, and the keys of it that cannot be used, each with what must have happened.
#[derive(Debug)]
pub struct Keys {
    projects: Vec<Project>,
    endangered: Vec<(KmsKeyArn, &'static str)>,
    /// Keys that are gone and that only old snapshots may need. Nothing brings them back, and an alert every night
    /// would hide others.
    gone: Vec<KmsKeyArn>,
    out_of_reach: Vec<String>,
    /// When that was.
    now: Timestamp,
}

/// How many keys are checked at the same time. One that does not answer must not block the others.
const MAX_CONCURRENCY: usize = 16;

impl Step for GuardKeys {
    const NAME: &'static str = "guard-keys";
    const ABOUT: &'static str = "Publishes an alert, and starts `guard-key`, for each needed key that cannot be used, \
        as its lost event would have";
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        actions::PUBLISH,
        &["dynamodb:BatchGetItem", "dynamodb:Query", "kms:DescribeKey", "states:StartExecution"],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"execution": "sweep-2026-11-23"})
    }
}

impl Converge for GuardKeys {
    type Observation = Keys;
    type Change = Reaction;

    async fn observe(readers: &Readers, input: &Input) -> Result<Keys> {
        // What another version wrote is reported by list-projects.
        let projects: Vec<Project> = registry::list(&readers.registry()?).await?.into_iter().flatten().collect();
        let looks = needed(&projects).into_iter().map(|key| {
            let account = access_to(&key, projects.iter());
            let caller = Caller { account, execution: Some(&input.execution) };
            async move {
                let state = async { readers.kms_for(&key, caller).await?.key(key.as_ref()).await }.await;
                (key, state)
            }
        });
        let looks: Vec<_> = stream::iter(looks).buffer_unordered(MAX_CONCURRENCY).collect().await;
        let mut keys =
            Keys { projects, now: readers.now, endangered: Vec::new(), gone: Vec::new(), out_of_reach: Vec::new() };
        for (key, state) in looks {
            match state.map(|found| (lost_event(found.as_ref().map(|key| &key.state)), found.is_none())) {
                Ok((Some(_), true)) if !is_in_use(&key, &keys.projects) => keys.gone.push(key),
                Ok((what, _)) => keys.endangered.extend(what.map(|what| (key, what))),
                // One account that is out of reach hides no key of another.
                Err(error) => keys.out_of_reach.push(format!("{key} could not be checked: {}", error.message())),
            }
        }
        Ok(keys)
    }

    fn decide(input: &Input, keys: &Keys) -> Result<Vec<Reaction>> {
        let reactions = keys.endangered.iter().flat_map(|(key, what)| {
            let changed = unusable_key(key, what, &input.execution, keys.now);
            let stack = Stack { secret: None, roles: &OwnRoles::default() };
            let affected: Vec<(Project, Affected)> = keys
                .projects
                .iter()
                .filter_map(|project| Some((project.clone(), stack.affects(&changed.subject, project)?)))
                .collect();
            guard(key, &changed, &affected)
        });
        Ok(reactions.collect())
    }

    async fn act(writers: &Writers, _: &Input, keys: Keys, reactions: &[Reaction]) -> Result<Output> {
        react(writers, reactions).await?;
        let endangered = keys.endangered.iter().map(|(key, what)| {
            format!(
                "key {key} cannot be used (as after {what}) but is needed: see the message of the kind key-endangered"
            )
        });
        let gone = keys.gone.iter().map(|key| format!("key {key} no longer exists, so its snapshots are lost"));
        Ok(Output { other_findings: limited(endangered.chain(gone).chain(keys.out_of_reach)) })
    }
}

/// Whether a project that is enabled, or is being, uses a key in any of its regions.
fn is_in_use(key: &KmsKeyArn, projects: &[Project]) -> bool {
    let is = |one: &KmsKeyArn| one.account() == key.account() && one.key_id() == key.key_id();
    let uses = |project: &&Project| project.entries().any(|entry| is(&entry.key_arn));
    projects.iter().filter(uses).any(|project| project.stage() != Stage::Disabled)
}

/// Every key that a project or its old snapshots need, once, those of an account one after the other. Of a key that
/// Atlas knew by its id only, nobody knows where it is.
fn needed(projects: &[Project]) -> Vec<KmsKeyArn> {
    let of_project = |project: &Project| {
        let used = project.entries().flat_map(|entry| regional_keys(&entry.key_arn, entry.desired.regions()));
        let old = project.old_keys.iter().filter_map(|old| old.key.parse().ok());
        used.chain(old).collect::<Vec<KmsKeyArn>>()
    };
    let mut keys: Vec<KmsKeyArn> = projects.iter().flat_map(of_project).collect();
    let place = |key: &KmsKeyArn| (key.account().to_string(), key.to_string());
    keys.sort_by_key(place);
    keys.dedup_by_key(|key| place(key));
    keys
}

/// What must have happened to a key that is found like this.
fn lost_event(state: Option<&KeyState>) -> Option<&'static str> {
    match state {
        Some(KeyState::Enabled | KeyState::Creating) => None,
        Some(KeyState::Disabled) => Some("DisableKey"),
        Some(KeyState::PendingDeletion) => Some("ScheduleKeyDeletion"),
        Some(KeyState::Other(_)) => Some("KMS Imported Key Material Expiration"),
        None => Some("KMS CMK Deletion"),
    }
}

/// The event that did not come.
fn unusable_key(key: &KmsKeyArn, what: &str, execution: &str, now: Timestamp) -> Changed {
    Changed {
        subject: Subject::Key(key.clone()),
        what: what.to_owned(),
        by: Some(format!("unknown: no event reported it, found by {execution}")),
        by_role: None,
        at: Some(now),
        id: execution.to_owned(),
        pending_days: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{KEY, merged, registered_of};
    use crate::report::OldKey;

    const OLD: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-0";

    fn project(n: u32, disabled: bool, more: &Value) -> Project {
        let old = |key: &str| OldKey { key: key.to_owned(), replaced_at: "2026-01-01T00:00:00Z".to_owned() };
        let desired = merged(json!({"regions": ["us-east-1", "eu-west-1"]}), more);
        let project = registered_of(n, &json!({"desired": desired}));
        Project { disabled, old_keys: vec![old(OLD), old("1234abcd")], ..project }
    }

    #[test]
    fn each_key_is_looked_at_once_in_each_region_and_old_ones_too() {
        let projects = [project(1, false, &json!({})), project(2, true, &json!({}))];
        let keys: Vec<String> = needed(&projects).iter().map(ToString::to_string).collect();
        assert_eq!(keys, [KEY.replace("us-east-1", "eu-west-1"), OLD.to_owned(), KEY.to_owned()]);
    }

    #[test]
    fn a_key_that_cannot_be_used_raises_one_alert_for_all_its_projects_and_is_restored_once_in_each_execution() {
        let projects = vec![project(1, false, &json!({})), project(2, false, &json!({"guard": "restore"}))];
        let endangered = vec![(KEY.parse().unwrap(), "DisableKey")];
        let keys =
            Keys { projects, endangered, gone: Vec::new(), out_of_reach: Vec::new(), now: Timestamp::UNIX_EPOCH };
        let reactions = |execution: &str| GuardKeys::decide(&Input { execution: execution.to_owned() }, &keys).unwrap();
        let first = reactions("sweep-1");
        let [Reaction::Alert(_), Reaction::Restore(name, guard)] = first.as_slice() else { panic!("{first:?}") };
        assert_eq!(guard.key_arn.as_ref(), KEY);
        let again = reactions("sweep-1");
        assert!(matches!(&again[1], Reaction::Restore(again, _) if again == name));
        let next = reactions("sweep-2");
        assert!(matches!(&next[1], Reaction::Restore(next, _) if next != name));
    }

    #[test]
    fn a_key_is_in_use_by_projects_that_are_enabled_in_any_region() {
        let replica = KEY.replace("us-east-1", "eu-west-1").parse().unwrap();
        assert!(is_in_use(&replica, &[project(1, false, &json!({}))]));
        assert!(
            !is_in_use(&replica, &[project(1, true, &json!({}))]),
            "its old snapshots may need it, if they are left"
        );
        assert!(!is_in_use(&OLD.parse().unwrap(), &[project(1, false, &json!({}))]));
    }

    #[test]
    fn what_must_have_happened_follows_from_the_state() {
        assert_eq!(lost_event(Some(&KeyState::Enabled)), None);
        assert_eq!(lost_event(Some(&KeyState::PendingDeletion)), Some("ScheduleKeyDeletion"));
        assert_eq!(lost_event(None), Some("KMS CMK Deletion"));
    }
}
