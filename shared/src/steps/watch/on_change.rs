//! `on-change`: what follows from a change to a key, a role or a secret. The projects that it affects are found in the
//! registry, by one query, and each is looked at; a key that was disabled, or is going to be deleted, although a project
//! or its old snapshots need it, raises an alert.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::Result,
    events::{
        Reading,
        change::{self, Changed, Subject},
    },
    fingerprint,
    ids::{AccountId, ProjectId, SpokeRole},
    registry::{self, Project, Stage},
    request::ReconcileProject,
    settings::OwnRoles,
    step::{Actions, Converge, Readers, Step, Writers, actions},
    steps::watch::{
        affected::{Affected, Stack},
        reactions::{Reaction, cause, guard, react},
    },
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
        affected: Vec<(Project, Affected)>,
    },
}

impl Step for OnChange {
    const NAME: &'static str = "on-change";
    const ABOUT: &'static str = "Finds the projects that an AWS event affects, starts `reconcile-project` for each, \
        publishes an alert for an endangered key, and starts `guard-key` where the registry asks for it";
    const ACTIONS: Actions =
        &[actions::PUBLISH, &["dynamodb:BatchGetItem", "dynamodb:Query", "sqs:SendMessage", "states:StartExecution"]];
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

    async fn observe(readers: &Readers, input: &Input) -> Result<Observed> {
        let changed = match change::read(&input.0) {
            Reading::Of(changed) => changed,
            Reading::Unknown(why) => return Ok(Observed::Nobody(why)),
        };
        // None of ours can take a key away: a call that does was made by somebody else, whatever the role is called.
        if let Some(role) =
            own_role(&changed, &readers.own_roles, readers.own_account.as_ref()).filter(|_| !changed.endangers_a_key())
        {
            return Ok(Observed::Nobody(format!("{} was made by atlas-cmk itself, with {role}", changed.what)));
        }
        let stack = Stack { secret: readers.default_secret.as_deref(), roles: &readers.own_roles };
        let registry = readers.registry()?;
        let mut named: Vec<ProjectId> = Vec::new();
        for index in stack.indexes(&changed.subject) {
            named.extend(registry::find(&registry, &index).await?);
        }
        let mut affected = Vec::new();
        for project in registry::read_all(&registry, &named).await? {
            let project = project?;
            if let Some(how) = stack.affects(&changed.subject, &project) {
                affected.push((project, how));
            }
        }
        affected.sort_by(|(one, _), (other, _)| one.project_id.cmp(&other.project_id));
        Ok(Observed::Change { changed: Box::new(changed), affected })
    }

    fn decide(_: &Input, observed: &Observed) -> Result<Vec<Reaction>> {
        let Observed::Change { changed, affected } = observed else { return Ok(Vec::new()) };
        let mut reactions = Vec::new();
        if let Subject::Key(key) = &changed.subject
            && changed.endangers_a_key()
            && !affected.is_empty()
        {
            reactions.extend(guard(key, changed, affected));
        }
        for (affected, _) in affected.iter().filter(|(project, _)| project.stage() == Stage::Enabled) {
            let project = ReconcileProject {
                schema: None,
                project_id: affected.project_id.clone(),
                repair: None,
                verify_first: None,
                quiet: None,
                cause: Some(cause(changed)),
            };
            let name = format!("change-{}-{}", affected.project_id, fingerprint::compute(&changed.id));
            reactions.push(Reaction::Reconcile(name, Box::new(project)));
        }
        Ok(reactions)
    }

    async fn act(writers: &Writers, _: &Input, observed: Observed, reactions: &[Reaction]) -> Result<Output> {
        let executions = react(writers, reactions).await?;
        let (projects, ignored) = match observed {
            Observed::Nobody(why) => (Vec::new(), Some(why)),
            Observed::Change { affected, .. } if affected.is_empty() => {
                (Vec::new(), Some("no registered project is affected".to_owned()))
            }
            Observed::Change { affected, .. } => {
                (affected.into_iter().map(|(project, _)| project.project_id).collect(), None)
            }
        };
        Ok(Output { projects, executions, ignored })
    }
}

/// The role of ours that made a call, if one did: of the stack, by its path, or of infra/spoke.yaml in the account of what
/// it changed. What we do ourselves must not make us do anything.
fn own_role<'a>(changed: &'a Changed, own: &OwnRoles, hub: Option<&AccountId>) -> Option<&'a str> {
    let role = changed.by_role.as_deref()?;
    let (prefix, path_and_name) = role.split_once(":role")?;
    let account = prefix.rsplit(':').next()?;
    let is_of_stack = || {
        let path = own.path.as_deref();
        hub.is_some_and(|hub| account == hub.as_ref()) && path.is_some_and(|path| path_and_name.starts_with(path))
    };
    let is_of_spoke = || {
        let name = path_and_name.strip_prefix('/').filter(|name| !name.contains('/'))?;
        let its_own = changed.subject.account()?.as_ref() == account;
        (its_own && SpokeRole::is(name, own.spoke.as_deref()?)).then_some(())
    };
    (is_of_stack() || is_of_spoke().is_some()).then_some(role)
}

#[cfg(test)]
mod tests;
