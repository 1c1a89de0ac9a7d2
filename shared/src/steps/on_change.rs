//! `on-change`: what follows from a change to a key, a role or a secret. The projects that it affects are found in the
//! registry and by tags, and each is looked at; a key that was disabled, or is going to be deleted, although a project
//! or its old snapshots need it, raises an alert.

mod affected;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use affected::Affected;
use affected::Need;

use crate::{
    aws::{AccountAccess, Caller},
    change::{Action, Describe},
    error::Result,
    events::{
        Reading,
        change::{self, Changed, Subject},
    },
    fingerprint,
    ids::{AccountId, KmsKeyArn, ProjectId},
    registry::{self, Entry, Stage},
    request::{Cause, Guard, GuardKey, ReconcileProject},
    settings::OwnRoles,
    step::{Actions, Context, Converge, Step, actions, not_set},
    tags,
};

/// The step.
pub struct OnChange;

/// An event of EventBridge: of KMS or Secrets Manager, or a call of KMS or IAM as CloudTrail records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Input(pub Value);

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The registered projects that it affects.
    pub projects: Vec<ProjectId>,
    /// The executions that reconcile them, started now or before.
    pub executions: Vec<String>,
    /// Why nothing follows from it; null if something does.
    pub ignored: Option<String>,
}

/// What was changed, and whom it affects.
#[derive(Debug)]
pub enum Observed {
    /// It affects no project, and why not.
    Nobody(String),
    /// A change.
    Change {
        /// What was changed.
        changed: Box<Changed>,
        /// The projects of the registry that it affects.
        affected: Vec<(Entry, Affected)>,
        /// The projects that only tags name.
        unregistered: Vec<String>,
    },
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Alert at once that a key is in danger.
    Alert(Box<Alert>),
    /// Restore the key.
    Restore(String, Box<GuardKey>),
    /// Reconcile a project.
    Reconcile(String, Box<ReconcileProject>),
}

/// A key in danger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    key_arn: KmsKeyArn,
    event: String,
    by: Option<String>,
    at: Option<String>,
    deleted_after_days: Option<u64>,
    projects: Vec<InDanger>,
    unregistered_projects: Vec<String>,
    undo: Vec<String>,
    guard: Guard,
}

/// A project that needs the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct InDanger {
    project_id: ProjectId,
    needs_it_for: &'static str,
}

impl Describe for Reaction {
    fn action(&self) -> Action {
        Action::Create
    }

    fn resource(&self) -> String {
        match self {
            Self::Alert(alert) => alert.key_arn.to_string(),
            Self::Restore(name, _) | Self::Reconcile(name, _) => name.clone(),
        }
    }

    fn summary(&self) -> String {
        match self {
            Self::Alert(alert) => format!("alert raised: {} of a key that is in use", alert.event),
            Self::Restore(_, guard) => format!("restore of {} started", guard.key_arn),
            Self::Reconcile(_, project) => format!("reconciliation of project {} started", project.project_id),
        }
    }
}

impl Step for OnChange {
    const NAME: &'static str = "on-change";
    const ABOUT: &'static str = "Finds the projects that an AWS event affects, starts `reconcile-project` for each, \
        publishes an alert for an endangered key, and starts `guard-key` where the registry asks for it";
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        actions::PUBLISH,
        &["kms:ListResourceTags", "sqs:SendMessage", "ssm:GetParametersByPath", "states:StartExecution"],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "version": "0",
            "id": "a1f0c0de-0000-4000-8000-000000000018",
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.kms",
            "account": "444455556666",
            "time": "2026-11-23T10:01:02Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {
                "eventVersion": "1.11",
                "userIdentity": {
                    "type": "AssumedRole",
                    "principalId": "AROAEXAMPLE00000001:alex",
                    "arn": "arn:aws:sts::444455556666:assumed-role/BreakGlass/alex",
                    "accountId": "444455556666",
                    "accessKeyId": "ASIAEXAMPLE000000001",
                    "sessionContext": {
                        "sessionIssuer": {
                            "type": "Role",
                            "principalId": "AROAEXAMPLE00000001",
                            "arn": "arn:aws:iam::444455556666:role/BreakGlass",
                            "accountId": "444455556666",
                            "userName": "BreakGlass"
                        },
                        "attributes": {
                            "creationDate": "2026-11-23T08:55:02Z",
                            "mfaAuthenticated": "true"
                        }
                    }
                },
                "eventTime": "2026-11-23T10:01:02Z",
                "eventSource": "kms.amazonaws.com",
                "eventName": "DisableKey",
                "awsRegion": "us-east-1",
                "sourceIPAddress": "192.0.2.10",
                "userAgent": "aws-cli/2.31.0",
                "requestParameters": {
                    "keyId": "mrk-1234abcd12ab34cd56ef1234567890ab"
                },
                "responseElements": null,
                "requestID": "c3f0c0de-0000-4000-8000-000000000018",
                "eventID": "b2f0c0de-0000-4000-8000-000000000018",
                "readOnly": false,
                "resources": [
                    {
                        "accountId": "444455556666",
                        "type": "AWS::KMS::Key",
                        "ARN": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
                    }
                ],
                "eventType": "AwsApiCall",
                "managementEvent": true,
                "recipientAccountId": "444455556666",
                "eventCategory": "Management"
            }
        })
    }
}

impl Converge for OnChange {
    type Observation = Observed;
    type Change = Reaction;

    async fn observe(context: &Context, input: &Input) -> Result<Observed> {
        let changed = match change::read(&input.0) {
            Reading::Of(changed) => changed,
            Reading::Unknown(why) => return Ok(Observed::Nobody(why)),
        };
        // None of ours can take a key away: a call that does was made by somebody else, whatever the role is called.
        if let Some(role) =
            own_role(&changed, &context.own_roles, context.own_account.as_ref()).filter(|_| !changed.endangers_a_key())
        {
            return Ok(Observed::Nobody(format!("{} was made by atlas-cmk itself, with {role}", changed.what)));
        }
        let entries = registry::list(context).await?.entries;
        let mut named = changed.tagged_projects.clone();
        if let Subject::Key(key) = &changed.subject
            && changed.endangers_a_key()
        {
            named.extend(tagged_on(context, key, &entries).await);
        }
        let mut affected = Vec::new();
        for entry in entries {
            let by_tag = named.iter().any(|project| project == entry.project_id.as_ref());
            if let Some(how) = Affected::by(&changed.subject, &entry, context.default_secret.as_deref(), by_tag) {
                affected.push((entry, how));
            }
        }
        named.sort();
        named.dedup();
        named.retain(|project| !affected.iter().any(|(entry, _)| entry.project_id.as_ref() == project));
        Ok(Observed::Change { changed: Box::new(changed), affected, unregistered: named })
    }

    fn decide(_: &Input, observed: &Observed) -> Result<Vec<Reaction>> {
        let Observed::Change { changed, affected, unregistered } = observed else { return Ok(Vec::new()) };
        let mut reactions = Vec::new();
        if let Subject::Key(key) = &changed.subject
            && changed.endangers_a_key()
            && !(affected.is_empty() && unregistered.is_empty())
        {
            reactions.extend(guard(key, changed, affected, unregistered));
        }
        for (entry, _) in affected.iter().filter(|(entry, _)| entry.stage != Stage::Disabled) {
            let project = ReconcileProject {
                schema: None,
                project_id: entry.project_id.clone(),
                repair: None,
                verify_first: None,
                quiet: None,
                cause: Some(cause(changed)),
            };
            let name = format!("change-{}-{}", entry.project_id, fingerprint::of(&changed.id));
            reactions.push(Reaction::Reconcile(name, Box::new(project)));
        }
        Ok(reactions)
    }

    async fn act(context: &Context, _: &Input, observed: Observed, reactions: &[Reaction]) -> Result<Output> {
        let executions = react(context, reactions).await?;
        let (projects, ignored) = match observed {
            Observed::Nobody(why) => (Vec::new(), Some(why)),
            Observed::Change { affected, .. } if affected.is_empty() => {
                (Vec::new(), Some("no registered project is affected".to_owned()))
            }
            Observed::Change { affected, .. } => {
                (affected.into_iter().map(|(entry, _)| entry.project_id).collect(), None)
            }
        };
        Ok(Output { projects, executions, ignored })
    }
}

/// Publishes alerts and starts executions. Their ARNs, started now or before.
pub(super) async fn react(context: &Context, reactions: &[Reaction]) -> Result<Vec<String>> {
    let (mut executions, mut unpublished) = (Vec::new(), None);
    for reaction in reactions {
        match reaction {
            // A key is restored even if the alert cannot be published.
            Reaction::Alert(alert) => unpublished = publish(context, alert).await.err().or(unpublished),
            Reaction::Restore(name, guard) => {
                let machine = context.machines.guard.as_deref().ok_or_else(|| not_set("GUARD_MACHINE_ARN"))?;
                executions.push(context.executions().start(machine, name, &json!(guard)).await?.arn);
            }
            Reaction::Reconcile(name, project) => {
                let machine = context.machines.reconcile.as_deref().ok_or_else(|| not_set("RECONCILE_MACHINE_ARN"))?;
                executions.push(context.executions().start(machine, name, &json!(project)).await?.arn);
            }
        }
    }
    unpublished.map_or(Ok(executions), Err)
}

/// The role of ours that made a call, if one did. What we do ourselves must not make us do anything.
fn own_role<'a>(changed: &'a Changed, own: &OwnRoles, hub: Option<&AccountId>) -> Option<&'a str> {
    let role = changed.by_role.as_deref()?;
    let (_, path_and_name) = role.split_once(":role")?;
    let name = path_and_name.rsplit('/').next()?;
    let is = |known: &Option<String>| known.as_deref().is_some_and(|known| known.rsplit('/').next() == Some(name));
    // The path is that of the stack in its own account only.
    let in_hub = hub.is_some_and(|hub| role.split(':').nth(4) == Some(hub.as_ref()));
    let by_path = in_hub && own.path.as_deref().is_some_and(|path| path_and_name.starts_with(path));
    (by_path || is(&own.spoke) || is(&own.guard)).then_some(role)
}

/// The projects that the tags of a key name, if they can be read: our own account is, and another if a project there
/// has the access to it.
async fn tagged_on(context: &Context, key: &KmsKeyArn, entries: &[Entry]) -> Vec<String> {
    let account = access_to(key, entries.iter());
    let tags = async {
        let kms = context.kms_for(key, Caller { account, execution: None }).await?;
        kms.tags(key).await
    };
    // The registry has most of it; what cannot be read of the rest must not delay an alert.
    let tags = tags.await.unwrap_or_default();
    tags.into_iter().filter_map(|(key, _)| key.strip_prefix(tags::PROJECT).map(str::to_owned)).collect()
}

/// How to reach the account of a key, as one of the projects there does.
pub(super) fn access_to<'a>(
    key: &KmsKeyArn,
    mut entries: impl Iterator<Item = &'a Entry>,
) -> Option<&'a AccountAccess> {
    entries.find_map(|entry| entry.desired.account.as_ref().filter(|access| access.role_arn.account() == key.account()))
}

fn cause(changed: &Changed) -> Cause {
    let resource = match &changed.subject {
        Subject::Key(arn) => arn.to_string(),
        Subject::Role { account, name } => format!("role {name} of account {account}"),
        Subject::Secret(arn) => arn.clone(),
    };
    let at = changed.at.map(|at| at.to_string());
    Cause { event: changed.what.clone(), resource, by: changed.by.clone(), at }
}

/// An alert, and the restoring of the key if a project that needs it wants that.
pub(super) fn guard(
    key: &KmsKeyArn,
    changed: &Changed,
    affected: &[(Entry, Affected)],
    unregistered: &[String],
) -> Vec<Reaction> {
    let wants = |entry: &&Entry| entry.desired.guard() == Guard::Restore && changed.can_be_undone();
    let guarded: Vec<&Entry> = affected.iter().map(|(entry, _)| entry).filter(wants).collect();
    let in_danger = |(entry, how): &(Entry, Affected)| InDanger {
        project_id: entry.project_id.clone(),
        needs_it_for: match how.need {
            Some(Need::OldSnapshots) => "its old snapshots",
            _ => "its clusters and its snapshots",
        },
    };
    let alert = Alert {
        key_arn: key.clone(),
        event: changed.what.clone(),
        by: changed.by.clone(),
        at: changed.at.map(|at| at.to_string()),
        deleted_after_days: changed.pending_days,
        projects: affected.iter().map(in_danger).collect(),
        unregistered_projects: unregistered.to_vec(),
        undo: undo(key, &changed.what),
        guard: if guarded.is_empty() { Guard::Alert } else { Guard::Restore },
    };
    let mut reactions = vec![Reaction::Alert(Box::new(alert))];
    if !guarded.is_empty() {
        let name = format!("guard-{}-{}", key.key_id(), fingerprint::of(&(key.as_ref(), &changed.id)));
        let guard = GuardKey {
            schema: None,
            key_arn: key.clone(),
            project_ids: guarded.iter().map(|entry| entry.project_id.clone()).collect(),
            account: access_to(key, guarded.into_iter()).cloned(),
            cause: cause(changed),
        };
        reactions.push(Reaction::Restore(name, Box::new(guard)));
    }
    reactions
}

/// The commands that undo it, or what else to do. A key whose deletion was cancelled is disabled (KMS API reference,
/// `CancelKeyDeletion`).
fn undo(key: &KmsKeyArn, what: &str) -> Vec<String> {
    let command = |call: &str| format!("aws kms {call} --key-id {key} --region {}", key.region());
    match what {
        "ScheduleKeyDeletion" => vec![command("cancel-key-deletion"), command("enable-key")],
        "DisableKey" => vec![command("enable-key")],
        "DeleteKey" | "KMS CMK Deletion" => {
            vec!["nothing: the key cannot be restored, and the data it encrypted is lost".to_owned()]
        }
        _ => vec![format!("import the same key material into {key} again")],
    }
}

async fn publish(context: &Context, alert: &Alert) -> Result<()> {
    let subject = format!("CRITICAL atlas-cmk: {} of key {}", alert.event, alert.key_arn.key_id());
    let mut message = json!({"kind": "key-endangered", "severity": "critical"});
    if let (Some(message), Some(fields)) = (message.as_object_mut(), json!(alert).as_object()) {
        message.extend(fields.clone());
    }
    context.topic()?.publish("key-endangered", &subject, &message.to_string()).await
}

#[cfg(test)]
mod tests;
