//! What follows from a key in danger, or from a changed project: alerts, and executions that restore and reconcile.

use serde::Serialize;
use serde_json::json;

use crate::{
    error::Result,
    events::change::{Changed, Subject},
    fingerprint,
    ids::{AccountAccess, KmsKeyArn, ProjectId},
    registry::Project,
    report::{Described, Description},
    request::{Cause, Guard, GuardKey, ReconcileProject},
    step::{Writers, not_set},
    steps::watch::affected::{Affected, Need},
};

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
    pub(super) key_arn: KmsKeyArn,
    pub(super) event: String,
    pub(super) by: Option<String>,
    pub(super) at: Option<String>,
    pub(super) deleted_after_days: Option<u64>,
    pub(super) projects: Vec<EndangeredProject>,
    pub(super) undo: Vec<String>,
    pub(super) guard: Guard,
}

/// A project that needs the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndangeredProject {
    pub(super) project_id: ProjectId,
    pub(super) needs_it_for: &'static str,
}

impl Described for Reaction {
    fn description(&self) -> Description {
        match self {
            Self::Alert(alert) => {
                let summary = format!("alert raised: {} of a key that is in use", alert.event);
                Description::create(&alert.key_arn, summary)
            }
            Self::Restore(name, guard) => Description::create(name, format!("restore of {} started", guard.key_arn)),
            Self::Reconcile(name, project) => {
                Description::create(name, format!("reconciliation of project {} started", project.project_id))
            }
        }
    }
}

/// Publishes alerts and starts executions. Their ARNs, started now or before.
pub(super) async fn react(writers: &Writers, reactions: &[Reaction]) -> Result<Vec<String>> {
    let (mut executions, mut unpublished) = (Vec::new(), None);
    for reaction in reactions {
        match reaction {
            // A key is restored even if the alert cannot be published.
            Reaction::Alert(alert) => unpublished = publish(writers, alert).await.err().or(unpublished),
            Reaction::Restore(name, guard) => {
                let state_machine =
                    writers.state_machines.guard.as_deref().ok_or_else(|| not_set("GUARD_STATE_MACHINE_ARN"))?;
                executions.push(writers.executions().start(state_machine, name, &json!(guard)).await?.arn);
            }
            Reaction::Reconcile(name, project) => {
                let state_machine = writers
                    .state_machines
                    .reconcile
                    .as_deref()
                    .ok_or_else(|| not_set("RECONCILE_STATE_MACHINE_ARN"))?;
                executions.push(writers.executions().start(state_machine, name, &json!(project)).await?.arn);
            }
        }
    }
    unpublished.map_or(Ok(executions), Err)
}

/// How to reach the account of a key, as one of the projects there does.
pub(super) fn access_to<'a>(key: &KmsKeyArn, projects: impl Iterator<Item = &'a Project>) -> Option<&'a AccountAccess> {
    let accesses = projects.flat_map(Project::entries).filter_map(|entry| entry.desired.account.as_ref());
    accesses.into_iter().find(|access| access.role_arn.account() == key.account())
}

pub(super) fn cause(changed: &Changed) -> Cause {
    let resource = match &changed.subject {
        Subject::Key(arn) => arn.to_string(),
        Subject::Role { account, name } => format!("role {name} of account {account}"),
        Subject::Secret(arn) => arn.clone(),
    };
    let at = changed.at.map(|at| at.to_string());
    Cause { event: changed.what.clone(), resource, by: changed.by.clone(), at }
}

/// An alert, and the restoring of the key if a project that needs it wants that.
pub(super) fn guard(key: &KmsKeyArn, changed: &Changed, affected: &[(Project, Affected)]) -> Vec<Reaction> {
    let is_guarded = affected.iter().any(|(project, _)| project.guard() == Guard::Restore) && changed.can_be_undone();
    let endangered = |(project, how): &(Project, Affected)| EndangeredProject {
        project_id: project.project_id.clone(),
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
        projects: affected.iter().map(endangered).collect(),
        undo: undo(key, &changed.what),
        guard: if is_guarded { Guard::Restore } else { Guard::Alert },
    };
    let mut reactions = vec![Reaction::Alert(Box::new(alert))];
    if is_guarded {
        let name = format!("guard-{}-{}", key.key_id(), fingerprint::compute(&(key.as_ref(), &changed.id)));
        let guard = GuardKey { schema: None, key_arn: key.clone(), cause: cause(changed) };
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

async fn publish(writers: &Writers, alert: &Alert) -> Result<()> {
    let subject = format!("CRITICAL atlas-cmk: {} of key {}", alert.event, alert.key_arn.key_id());
    let mut message = json!({"kind": "key-endangered", "severity": "critical"});
    if let (Some(message), Some(fields)) = (message.as_object_mut(), json!(alert).as_object()) {
        message.extend(fields.clone());
    }
    writers.topic()?.publish("key-endangered", &subject, &message.to_string()).await
}
