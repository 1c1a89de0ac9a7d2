//! `register`: a project, written down where others find it: its state in the registry, and its id on the tags of its
//! role and keys. A key that was replaced by another stays on the list of those that old snapshots need.
//!
//! It runs twice. Before the first change of role and key policies it announces what is going to be done, beside what is
//! in force: whatever becomes of the execution, what it leaves behind can be found and taken down, and what was
//! registered before stays watched, guarded and repaired. When everything is verified, the new state is in force.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Caller,
    error::{ErrorName, Result},
    ids::{AccessRoleId, IamRoleArn, KmsKeyArn, ProjectId, SpokeRole},
    model::{
        enablement::{Enablement, sample},
        keys::until_it_is_known,
        owner::refuse_registered_by_another,
    },
    registry::{
        self, Entry, Project,
        obligations::{self, Obligation},
    },
    report::{Action, Change, Described, Description, OldKey, unreported},
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
    /// The changes that were planned at the beginning, when it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<Change>,
    /// The changes that the steps before have reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<Change>,
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
            planned: Vec::new(),
            reported: Vec::new(),
        }
    }
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The parameter that other tools read.
    pub parameter: String,
    /// Keys that the project used before, and that snapshots may still need.
    pub old_keys: Vec<OldKey>,
    /// The changes that attempts have made which were killed, or lost the answer.
    pub unreported: Vec<Change>,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    pub(crate) project: Option<Project>,
    /// What is owed that is done now.
    pub(crate) owed: Vec<Obligation>,
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
    /// Write what is known of the project.
    Write {
        /// What is there.
        before: Option<Box<Project>>,
        /// What is to be there.
        after: Box<Project>,
    },
    /// Close an obligation.
    Close(Box<Obligation>),
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
            Self::Close(owed) => Description::delete(obligations::resource(owed), "obligation closed: it is done"),
            Self::Write { before, after } => {
                let action = if before.is_some() { Action::Update } else { Action::Create };
                let summary = if after.intended.is_some() { "project announced" } else { "project registered" };
                Description::new(action, registry::resource(&after.project_id), summary)
                    .before(before.as_ref().map_or(Value::Null, |before| before.comparable()))
                    .after(after.comparable())
            }
        }
    }

    fn is_difference(&self) -> bool {
        !matches!(self, Self::Close(_))
    }
}

impl Registered {
    /// The project as it is going to be.
    pub(crate) fn announced(&mut self, changes: &[RegistryChange]) {
        for change in changes {
            if let RegistryChange::Write { after, .. } = change {
                self.project = Some((**after).clone());
            }
        }
    }
}

impl Step for Register {
    const NAME: &'static str = "register";
    const ABOUT: &'static str = "First announces in the registry what will be done, before role and key policies \
        change. After verification registers the project (desired state, access role, key, old keys), publishes it at \
        `/atlas-cmk/projects/<projectId>`, and tags role and keys";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "iam:GetRole",
            "iam:TagRole",
            "kms:DescribeKey",
            "kms:ListResourceTags",
            "kms:TagResource",
            "ssm:PutParameter",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Tags;
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
        let project = registry::read(&readers.registry()?, &input.project_id).await?;
        if input.announce {
            return Ok(Registered { project, now: readers.now, ..Registered::default() });
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
        let account = input.request.role_arn.account();
        let mut owed = obligations::list(&readers.registry()?, Some(account)).await?;
        let subject = obligations::subject(&input.request);
        owed.retain(|owed| owed.subject == subject || owed.project_id.as_ref() == Some(&input.project_id));
        Ok(Registered { project, owed, role, keys, now: readers.now })
    }

    fn decide(input: &Input, observed: &Registered) -> Result<Vec<RegistryChange>> {
        let after = after(input, observed);
        let write = || {
            let before = observed.project.clone().map(Box::new);
            RegistryChange::Write { before, after: Box::new(after.clone()) }
        };
        if input.announce {
            for before in observed.project.iter().flat_map(Project::entries) {
                refuse_registered_by_another(&input.request, input.key_arn.account(), &input.project_id, before)?;
            }
            let is_known = observed.project.as_ref().is_some_and(|before| knows(before, &after));
            return Ok(if is_known { Vec::new() } else { vec![write()] });
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
        let is_there = observed.project.as_ref().is_some_and(|before| before.comparable() == after.comparable());
        if !is_there {
            changes.push(write());
        }
        changes.extend(observed.owed.iter().map(|owed| RegistryChange::Close(Box::new(owed.clone()))));
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
                    tagged.map_err(|error| if is_ours { until_it_is_known(error) } else { error })?;
                }
                RegistryChange::Close(owed) => obligations::close(&writers.registry()?, owed).await?,
                RegistryChange::Write { before, after } => {
                    // First: once it is registered, nothing would publish it.
                    if let (Some(current), None) = (&after.current, &after.intended) {
                        writers.publications()?.publish(&after.project_id, current).await?;
                    }
                    registry::write(&writers.registry()?, before.as_deref(), after).await?;
                }
            }
        }
        let parameter = writers.publications()?.parameter(&input.project_id);
        let made = changes.iter().filter(|it| it.is_difference()).map(|it| it.description().made(Self::NAME));
        let reported: Vec<Change> = input.reported.iter().cloned().chain(made).collect();
        let unreported = unreported(&input.planned, &reported);
        Ok(Output { parameter, old_keys: after(input, &observed).old_keys, unreported })
    }
}

/// Whether what is announced is in force, or announced already.
fn knows(before: &Project, after: &Project) -> bool {
    let announced = after.intended.as_ref();
    let is = |known: &Option<Entry>| known.as_ref().zip(announced).is_some_and(|(known, new)| known.means(new));
    is(&before.intended) || is(&before.current) && !before.disabled
}

/// The project as it is going to be. No key that it uses, or may have used, is forgotten.
fn after(input: &Input, observed: &Registered) -> Project {
    let mut project = observed.project.clone().unwrap_or_else(|| Project::unknown(input.project_id.clone()));
    let entry = Entry {
        role_id: input.role_id.clone(),
        key_arn: input.key_arn.clone(),
        desired: desired(input),
        at: observed.now.to_string(),
        execution: input.execution.clone(),
    };
    let replaced = |entry: Option<Entry>| entry.map(|entry| entry.key_arn.to_string());
    let before = replaced(project.intended.take());
    let used = if input.announce {
        project.intended = Some(entry);
        None
    } else {
        project.disabled = false;
        replaced(project.current.replace(entry))
    };
    project.remember(used.into_iter().chain(before).chain(input.previous_key.clone()), observed.now);
    project
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
        registry::Stage,
    };

    #[test]
    fn a_project_that_was_found_by_its_name_and_that_another_account_announced_meanwhile_is_not_announced() {
        let mut by_name = Input { announce: true, ..input(ONE, None) };
        let theirs = after(&by_name, &Registered::default());
        by_name.request.role_arn = "arn:aws:iam::111122220000:role/atlas-cmk".parse().unwrap();
        let observed = Registered { project: Some(theirs), ..Registered::default() };
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

    fn written(project: &Project) -> Registered {
        Registered { project: Some(project.clone()), ..Registered::default() }
    }

    fn old_keys(project: &Project) -> Vec<&str> {
        project.old_keys.iter().map(|old| old.key.as_str()).collect()
    }

    fn registered(input: &Input, before: &Registered) -> Registered {
        let tag = tags::of_project(&input.project_id);
        Registered {
            role: vec![tag.clone()],
            keys: vec![(input.key_arn.clone(), vec![tag])],
            ..written(&after(input, before))
        }
    }

    fn nothing(key: &str) -> Registered {
        Registered { keys: vec![(key.parse().unwrap(), Vec::new())], ..Registered::default() }
    }

    #[test]
    fn a_project_is_tagged_and_registered_once() {
        let changes = Register::decide(&input(ONE, None), &nothing(ONE)).unwrap();
        assert_eq!(changes.len(), 3, "role, key and entry");
        let there = registered(&input(ONE, None), &nothing(ONE));
        assert_eq!(Register::decide(&input(ONE, None), &there).unwrap(), []);
        let later = Input { execution: Some("run-2".to_owned()), ..input(ONE, None) };
        assert_eq!(Register::decide(&later, &there).unwrap(), [], "who looked last is not worth a write");
    }

    #[test]
    fn what_is_going_to_be_done_is_announced_once_and_registered_when_it_is_done() {
        let announcing = Input { announce: true, ..input(ONE, None) };
        let changes = Register::decide(&announcing, &Registered::default()).unwrap();
        let [RegistryChange::Write { after: announced, .. }] = changes.as_slice() else {
            panic!("an announcement tags nothing");
        };
        assert_eq!(announced.stage(), Stage::Enabling);
        assert_eq!(Register::decide(&announcing, &written(announced)).unwrap(), []);
        let done = registered(&input(ONE, None), &written(announced));
        assert_eq!(done.project.as_ref().unwrap().stage(), Stage::Enabled);
        assert_eq!(Register::decide(&announcing, &done).unwrap(), [], "it is known");
        let moved = Input { announce: true, ..input(TWO, Some(ONE)) };
        assert_eq!(Register::decide(&moved, &done).unwrap().len(), 1, "another key is news");
    }

    #[test]
    fn what_is_in_force_stays_so_until_what_was_announced_is_verified() {
        let first = after(&input(ONE, None), &nothing(ONE));
        let moved = Input { announce: true, ..input(TWO, Some(ONE)) };
        let moving = after(&moved, &written(&first));
        assert_eq!(moving.current, first.current);
        assert_eq!(moving.entry().unwrap().key_arn.as_ref(), ONE);
        assert_eq!((moving.intended.as_ref().unwrap().key_arn.as_ref(), old_keys(&moving)), (TWO, vec![]));
        let done = after(&input(TWO, Some(ONE)), &written(&moving));
        assert_eq!((done.entry().unwrap().key_arn.as_ref(), &done.intended, old_keys(&done)), (TWO, &None, vec![ONE]));
    }

    #[test]
    fn a_key_that_was_replaced_stays_on_the_list_until_it_is_used_again() {
        let second = after(&input(TWO, Some(ONE)), &registered(&input(ONE, None), &nothing(ONE)));
        assert_eq!(old_keys(&second), [ONE]);
        let unregistered = after(&input(TWO, Some("1234abcd")), &nothing(TWO));
        assert_eq!(old_keys(&unregistered), ["1234abcd"], "Atlas may know the id only");
        let killed = after(&Input { announce: true, ..input(TWO, None) }, &Registered::default());
        let other = after(&input(ONE, None), &written(&killed));
        assert_eq!(old_keys(&other), [TWO], "nobody knows whether it came into use");
        let back = after(&input(ONE, Some(TWO)), &written(&second));
        assert_eq!(old_keys(&back), [TWO]);
    }

    #[test]
    fn what_was_asked_for_by_name_is_registered_as_what_it_meant() {
        let mut named = input(ONE, None);
        named.request.project_id = None;
        named.request.project =
            serde_json::from_value(json!({"name": "payments", "orgId": "5f0000000000000000000001"})).unwrap();
        named.request.key_arn = None;
        named.request.key = serde_json::from_value(json!({"alias": "alias/atlas-cmk", "rotationDays": 90})).unwrap();
        let desired = |input: &Input| after(input, &Registered::default()).current.unwrap().desired;
        assert_eq!(desired(&named), desired(&input(ONE, None)));
        assert!(desired(&named).validate().is_ok());
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
                RegistryChange::Write { after, .. } => now.project = Some((**after).clone()),
                RegistryChange::Close(closed) => now.owed.retain(|owed| owed != &**closed),
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
                before.project = Some(super::after(&there, &before));
            }
            let changes = Register::decide(&input, &before).unwrap();
            let after = applied(before, &changes);
            prop_assert_eq!(Register::decide(&input, &after).unwrap(), vec![]);
        }
    }
}
