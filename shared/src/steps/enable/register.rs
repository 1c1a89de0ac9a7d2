//! `register`: a project, written down where others find it: its desired state in Parameter Store, and its id on the
//! tags of its role and keys. A key that was replaced by another stays on the list of those that old snapshots need.
//!
//! It runs twice. Before the first change of role and key policies it announces what is going to be done: whatever
//! becomes of the execution, what it leaves behind can be found and taken down. When everything is verified, it
//! registers what was done.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Caller,
    error::{ErrorName, Result},
    ids::{AccessRoleId, IamRoleArn, KmsKeyArn, ProjectId},
    model::{
        enablement::{Enablement, sample},
        keys::{is_same_key, until_tags_count},
        owner::refuse_registered_by_another,
    },
    registry::{self, Entry, Stage},
    report::{Action, Described, Description, OldKey},
    request::{EnableEncryption, KeyOptions, ManageKey, ManageRole, regional_keys},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

/// The step.
pub struct Register;

/// The project as it was enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: EnableEncryption,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Atlas's id of the access role.
    pub role_id: AccessRoleId,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// The key that the project used before this execution, if it was another: its ARN or id.
    #[serde(default)]
    pub previous_key: Option<String>,
    /// Only announces what is going to be done.
    #[serde(default)]
    pub announce: bool,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

impl Input {
    /// The input in an enablement: before it changes role and key policies, or when it is done.
    pub fn of(enablement: &Enablement<'_>, announce: bool) -> Self {
        Self {
            request: enablement.request.clone(),
            project_id: enablement.project_id.clone(),
            role_id: enablement.role_id.clone(),
            key_arn: enablement.key_arn.clone(),
            previous_key: enablement.previous_key.clone(),
            announce,
            execution: enablement.execution.clone(),
        }
    }
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Where.
    pub parameter: String,
    /// Keys that the project used before, and that snapshots may still need.
    pub old_keys: Vec<OldKey>,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    pub(crate) entry: Option<Entry>,
    /// The keys before this one that the entry names, whatever else of it can be read.
    pub(crate) old_keys: Vec<OldKey>,
    /// The tags of the role.
    pub(crate) role: Vec<tags::Tag>,
    /// The tags of the keys.
    pub(crate) keys: Vec<(KmsKeyArn, Vec<tags::Tag>)>,
    /// When that was.
    pub(crate) now: Timestamp,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryChange {
    /// Tag the role.
    TagRole(IamRoleArn, tags::Tag),
    /// Tag a key.
    TagKey(KmsKeyArn, tags::Tag),
    /// Write the entry.
    Write {
        /// What is there.
        before: Option<Box<Entry>>,
        /// What is to be there.
        entry: Box<Entry>,
    },
}

impl Described for RegistryChange {
    fn description(&self) -> Description {
        match self {
            Self::TagRole(arn, (key, value)) => {
                Description::update(arn, "role tagged with the project").after(json!({ key: value }))
            }
            Self::TagKey(arn, (key, value)) => {
                let summary = format!("key tagged with the project in {}", arn.region());
                Description::update(arn, summary).after(json!({ key: value }))
            }
            Self::Write { before, entry } => {
                let action = if before.is_some() { Action::Update } else { Action::Create };
                let summary = match entry.stage {
                    Stage::Enabling => "project announced",
                    _ => "project registered",
                };
                Description::new(action, registry::parameter(&entry.project_id), summary)
                    .before(before.as_ref().map_or(Value::Null, |before| before.comparable()))
                    .after(entry.comparable())
            }
        }
    }
}

impl Registered {
    /// The entry as it is going to be.
    pub(crate) fn announced(&mut self, changes: &[RegistryChange]) {
        for change in changes {
            if let RegistryChange::Write { entry, .. } = change {
                self.old_keys.clone_from(&entry.old_keys);
                self.entry = Some((**entry).clone());
            }
        }
    }
}

impl Step for Register {
    const NAME: &'static str = "register";
    const ABOUT: &'static str = "First announces in Parameter Store what will be done, before role and key policies \
        change. After verification registers the project at `/atlas-cmk/projects/<projectId>` (desired state, access \
        role, key, old keys) and tags role and keys";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "iam:GetRole",
            "iam:TagRole",
            "kms:DescribeKey",
            "kms:ListResourceTags",
            "kms:TagResource",
            "ssm:GetParameter",
            "ssm:PutParameter",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(|enablement| Input::of(enablement, false))
    }
}

impl Converge for Register {
    type Observation = Registered;
    type Change = RegistryChange;

    async fn observe(readers: &Readers, input: &Input) -> Result<Registered> {
        let caller = Caller { account: input.request.account.as_ref(), execution: input.execution.as_deref() };
        let (entry, old_keys) = registry::read(&readers.parameters(), &input.project_id, readers.now).await?;
        if input.announce {
            return Ok(Registered { entry, old_keys, now: readers.now, ..Registered::default() });
        }
        let role = match input.request.manage_role() {
            ManageRole::Full => {
                let iam = readers.iam_for(&input.request.role_arn, caller).await?;
                iam.role(&input.request.role_arn).await?.map(|role| role.tags).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let mut keys = Vec::new();
        if input.request.manage_key() == ManageKey::Full {
            for key in regional_keys(&input.key_arn, input.request.regions()) {
                let kms = readers.kms_for(&key, caller).await?;
                let there = kms.key(key.as_ref()).await?.is_some();
                let tags = if there { kms.tags(&key).await? } else { Vec::new() };
                keys.push((key, tags));
            }
        }
        Ok(Registered { entry, old_keys, role, keys, now: readers.now })
    }

    fn decide(input: &Input, observed: &Registered) -> Result<Vec<RegistryChange>> {
        let entry = entry(input, observed);
        if input.announce {
            if let Some(before) = &observed.entry {
                refuse_registered_by_another(&input.request, input.key_arn.account(), &input.project_id, before)?;
            }
            let is_known = observed.entry.as_ref().is_some_and(|before| before.announces(&entry));
            let before = observed.entry.clone().map(Box::new);
            return Ok(if is_known {
                Vec::new()
            } else {
                vec![RegistryChange::Write { before, entry: Box::new(entry) }]
            });
        }
        let tag = tags::of_project(&input.project_id);
        let mut changes = Vec::new();
        let request = &input.request;
        if request.manage_role() == ManageRole::Full && !observed.role.contains(&tag) {
            changes.push(RegistryChange::TagRole(request.role_arn.clone(), tag.clone()));
        }
        // In the order of the regions, whichever of the keys were there before.
        for key in regional_keys(&input.key_arn, request.regions()) {
            let tags = observed.keys.iter().find(|(arn, _)| *arn == key).map(|(_, tags)| tags);
            if tags.is_some_and(|tags| !tags.contains(&tag)) {
                changes.push(RegistryChange::TagKey(key, tag.clone()));
            }
        }
        let is_there = observed.entry.as_ref().is_some_and(|before| before.comparable() == entry.comparable());
        if !is_there {
            let before = observed.entry.clone().map(Box::new);
            changes.push(RegistryChange::Write { before, entry: Box::new(entry) });
        }
        Ok(changes)
    }

    async fn act(writers: &Writers, input: &Input, observed: Registered, changes: &[RegistryChange]) -> Result<Output> {
        let caller = Caller { account: input.request.account.as_ref(), execution: input.execution.as_deref() };
        for change in changes {
            match change {
                RegistryChange::TagRole(arn, tag) => {
                    writers.iam_for(arn, caller).await?.tag_role(arn, std::slice::from_ref(tag)).await?;
                }
                RegistryChange::TagKey(arn, tag) => {
                    let tagged = writers.kms_for(arn, caller).await?.tag(arn, std::slice::from_ref(tag)).await;
                    // A replica that was made a moment ago.
                    let is_ours = observed.keys.iter().any(|(key, tags)| key == arn && tags::are_ours(tags));
                    tagged.map_err(|error| if is_ours { until_tags_count(error) } else { error })?;
                }
                RegistryChange::Write { entry, .. } => registry::write(&writers.parameters(), entry).await?,
            }
        }
        Ok(Output { parameter: registry::parameter(&input.project_id), old_keys: entry(input, &observed).old_keys })
    }
}

fn entry(input: &Input, observed: &Registered) -> Entry {
    let now = observed.now.to_string();
    let mut old_keys = observed.old_keys.clone();
    let current = |key: &str| is_same_key(key, &input.key_arn);
    let previous = input.previous_key.clone().filter(|key| !old_keys.iter().any(|old| old.key == *key));
    old_keys.extend(previous.map(|key| OldKey { key, replaced_at: now.clone() }));
    // A key that is in use again is no old key.
    old_keys.retain(|old| !current(&old.key));
    Entry {
        project_id: input.project_id.clone(),
        role_id: input.role_id.clone(),
        key_arn: input.key_arn.clone(),
        stage: if input.announce { Stage::Enabling } else { Stage::Enabled },
        desired: desired(input),
        old_keys,
        registered_at: now,
        execution: input.execution.clone(),
    }
}

/// The input that brings this state about, of this project and this key: whatever a name or an alias means by the time
/// it is run again, nobody is to be given another project, or another key, without having asked for it.
fn desired(input: &Input) -> EnableEncryption {
    let key = input.request.key.as_ref().and_then(|key| key.manage);
    EnableEncryption {
        mode: None,
        schema: None,
        project_id: Some(input.project_id.clone()),
        project: None,
        key_arn: Some(input.key_arn.clone()),
        key: key.map(|manage| KeyOptions { manage: Some(manage), ..KeyOptions::default() }),
        ..input.request.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        error::ErrorName,
        fixtures::{KEY as ONE, enablement, request},
    };

    #[test]
    fn a_project_that_was_found_by_its_name_and_that_another_account_announced_meanwhile_is_not_announced() {
        let mut by_name = Input { announce: true, ..input(ONE, None) };
        let theirs = entry(&by_name, &Registered::default());
        by_name.request.role_arn = "arn:aws:iam::111122220000:role/atlas-cmk".parse().unwrap();
        let observed = Registered { entry: Some(theirs), ..Registered::default() };
        assert_eq!(Register::decide(&by_name, &observed).unwrap().len(), 1, "its id was named: it is moved on purpose");

        by_name.request.project_id = None;
        by_name.request.project =
            Some(serde_json::from_value(json!({"name": "payments", "orgId": "5f0000000000000000000001"})).unwrap());
        let error = Register::decide(&by_name, &observed).unwrap_err();
        assert_eq!(error.name(), ErrorName::AtlasConflict);
        assert!(
            error.message().contains("belongs to account 444455556666") && error.message().contains("projectId"),
            "{error}"
        );
    }

    const TWO: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-2";

    fn input(key: &str, previous: Option<&str>) -> Input {
        let request = request(&json!({"keyArn": key, "mode": "apply"}));
        let known = Enablement {
            key_arn: key.parse().unwrap(),
            previous_key: previous.map(str::to_owned),
            ..enablement(&request)
        };
        Input::of(&known, false)
    }

    fn written(entry: &Entry) -> Registered {
        let text = serde_json::to_string(entry).unwrap();
        let (entry, old_keys) = registry::parse(&text, Timestamp::UNIX_EPOCH);
        Registered { entry, old_keys, ..Registered::default() }
    }

    fn after(input: &Input, before: &Registered) -> Registered {
        let tag = tags::of_project(&input.project_id);
        Registered {
            role: vec![tag.clone()],
            keys: vec![(input.key_arn.clone(), vec![tag])],
            ..written(&entry(input, before))
        }
    }

    fn nothing(key: &str) -> Registered {
        Registered { keys: vec![(key.parse().unwrap(), Vec::new())], ..Registered::default() }
    }

    #[test]
    fn a_project_is_tagged_and_registered_once() {
        let changes = Register::decide(&input(ONE, None), &nothing(ONE)).unwrap();
        assert_eq!(changes.len(), 3, "role, key and entry");
        let there = after(&input(ONE, None), &nothing(ONE));
        assert_eq!(Register::decide(&input(ONE, None), &there).unwrap(), []);
        let later = Input { execution: Some("run-2".to_owned()), ..input(ONE, None) };
        assert_eq!(Register::decide(&later, &there).unwrap(), [], "who looked last is not worth a write");
    }

    #[test]
    fn what_is_going_to_be_done_is_announced_once_and_registered_when_it_is_done() {
        let announcing = Input { announce: true, ..input(ONE, None) };
        let nobody = Registered::default();
        let changes = Register::decide(&announcing, &nobody).unwrap();
        let [RegistryChange::Write { entry: announced, .. }] = changes.as_slice() else {
            panic!("an announcement tags nothing");
        };
        assert_eq!(announced.stage, Stage::Enabling);
        assert_eq!(Register::decide(&announcing, &written(announced)).unwrap(), []);
        let registered = after(&input(ONE, None), &written(announced));
        assert_eq!(registered.entry.as_ref().unwrap().stage, Stage::Enabled);
        assert_eq!(Register::decide(&announcing, &registered).unwrap(), [], "it is known");
        let moved = Input { announce: true, ..input(TWO, Some(ONE)) };
        assert_eq!(Register::decide(&moved, &registered).unwrap().len(), 1, "another key is news");
    }

    #[test]
    fn a_key_that_was_replaced_stays_on_the_list_until_it_is_used_again() {
        let first = after(&input(ONE, None), &nothing(ONE));
        let second = entry(&input(TWO, Some(ONE)), &first);
        assert_eq!(second.old_keys.iter().map(|old| old.key.as_str()).collect::<Vec<_>>(), [ONE]);
        let unregistered = entry(&input(TWO, Some("1234abcd")), &nothing(TWO));
        assert_eq!(unregistered.old_keys[0].key, "1234abcd", "Atlas may know the id only");
        let by_hand =
            json!({"keyArn": ONE, "oldKeys": [{"key": "other", "replacedAt": "2026-01-01T00:00:00Z"}], "x": 1});
        let (unreadable, keys) = registry::parse(&by_hand.to_string(), Timestamp::UNIX_EPOCH);
        assert!(unreadable.is_none() && keys.len() == 2, "no key is forgotten: {keys:?}");
        let back = entry(&input(ONE, Some(TWO)), &written(&second));
        assert_eq!(back.old_keys.iter().map(|old| old.key.as_str()).collect::<Vec<_>>(), [TWO]);
    }

    #[test]
    fn what_was_asked_for_by_name_is_registered_as_what_it_meant() {
        let mut named = input(ONE, None);
        named.request.project_id = None;
        named.request.project =
            serde_json::from_value(json!({"name": "payments", "orgId": "5f0000000000000000000001"})).unwrap();
        named.request.key_arn = None;
        named.request.key = serde_json::from_value(json!({"alias": "alias/atlas-cmk", "rotationDays": 90})).unwrap();
        let registered = entry(&named, &Registered::default()).desired;
        assert_eq!(registered, entry(&input(ONE, None), &Registered::default()).desired);
        assert!(registered.validate().is_ok());
    }

    #[test]
    fn what_is_not_ours_to_write_is_not_tagged() {
        let mut input = input(ONE, None);
        input.request.role = Some(serde_json::from_value(json!({"manage": "trust-only"})).unwrap());
        input.request.key = Some(serde_json::from_value(json!({"manage": "none"})).unwrap());
        let observed = Registered::default();
        let changes = Register::decide(&input, &observed).unwrap();
        assert!(matches!(changes.as_slice(), [RegistryChange::Write { .. }]), "{changes:?}");
    }

    /// What is there after the changes were made.
    fn applied(mut now: Registered, changes: &[RegistryChange]) -> Registered {
        for change in changes {
            match change {
                RegistryChange::TagRole(_, tag) => now.role.push(tag.clone()),
                RegistryChange::TagKey(arn, tag) => {
                    now.keys.iter_mut().filter(|(key, _)| key == arn).for_each(|(_, tags)| tags.push(tag.clone()));
                }
                RegistryChange::Write { entry, .. } => {
                    now.old_keys.clone_from(&entry.old_keys);
                    now.entry = Some((**entry).clone());
                }
            }
        }
        now
    }

    proptest! {
        #[test]
        fn after_the_changes_nothing_is_left_to_decide(
            announce in any::<bool>(),
            previous in prop::option::of(prop::sample::select(vec![ONE, TWO, "1234abcd"])),
            tagged in any::<bool>(),
            stored in prop::option::of((prop::sample::select(vec![ONE, TWO]), any::<bool>())),
        ) {
            let input = Input { announce, ..input(ONE, previous) };
            let tags = if tagged { vec![tags::of_project(&input.project_id)] } else { Vec::new() };
            let key: KmsKeyArn = ONE.parse().unwrap();
            let mut before = Registered { role: tags.clone(), keys: vec![(key, tags)], ..Registered::default() };
            if let Some((key, announced)) = stored {
                let there = Input { announce: announced, ..self::input(key, None) };
                before.entry = Some(entry(&there, &before));
            }
            let changes = Register::decide(&input, &before).unwrap();
            let after = applied(before, &changes);
            prop_assert_eq!(Register::decide(&input, &after).unwrap(), vec![]);
        }
    }
}
