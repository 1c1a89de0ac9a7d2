//! `remove-key-use`: our statement for the project, taken out of the policy of a key, and the project's tag with it.
//! Nothing else of the key is changed: it stays enabled, because snapshots need the key they were made with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, KeyState},
    error::{ErrorName, Result},
    ids::{AccountAccess, KmsKeyArn, ProjectId, SpokeRole},
    policy::{Owner, PolicyDocument},
    registry::approvals::PartOfPlan,
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

/// The step.
pub struct RemoveKeyUse;

/// The project, and the key in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project, whose id the Sid of the statement contains.
    pub project_id: ProjectId,
    /// The key in its region.
    pub key_arn: KmsKeyArn,
    /// Access to the account of the key, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
    /// The hash of the plan that was approved.
    #[serde(default)]
    pub plan_hash: Option<String>,
}

/// The key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub key_arn: KmsKeyArn,
    /// Whether it exists.
    pub exists: bool,
}

/// A key as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyMarks {
    policy: PolicyDocument,
    tags: Vec<tags::Tag>,
    /// Whether AWS lets anyone change its tags.
    can_be_untagged: bool,
    /// The same key in other regions.
    pub(crate) relatives: Vec<KmsKeyArn>,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq)]
pub enum Revocation {
    /// Replace the key policy by one without our statement, which was this.
    PutPolicy(KmsKeyArn, PolicyDocument, Value),
    /// Take the project's tag away.
    Untag(KmsKeyArn, tags::Tag),
}

impl Described for Revocation {
    fn description(&self) -> Description {
        match self {
            Self::PutPolicy(key, .., statement) => {
                let summary = format!("statement for the role removed from the key policy in {}", key.region());
                Description::update(key, summary).before(statement.clone())
            }
            Self::Untag(key, (name, value)) => {
                let summary = format!("tag of the project removed from the key in {}", key.region());
                Description::update(key, summary).before(json!({ name: value }))
            }
        }
    }
}

impl KeyMarks {
    /// Reads policy and tags of a key; `None` if there is none.
    pub(crate) async fn read(readers: &Readers, caller: Caller<'_>, arn: &KmsKeyArn) -> Result<Option<Self>> {
        let kms = readers.kms_for(arn, caller).await?;
        let Some(key) = kms.key(arn.as_ref()).await? else { return Ok(None) };
        Ok(Some(Self {
            policy: kms.policy(arn).await?,
            tags: kms.tags(arn).await?,
            // A key that waits for its deletion keeps its tags (KMS developer guide, "Key states").
            can_be_untagged: key.state != KeyState::PendingDeletion,
            relatives: key.primary.into_iter().chain(key.replicas).filter(|relative| relative != arn).collect(),
        }))
    }
}

/// What of the project is in the policy and the tags of a key.
pub(crate) fn changes(project: &ProjectId, key: &KmsKeyArn, marks: Option<&KeyMarks>) -> Vec<Revocation> {
    let Some(marks) = marks else { return Vec::new() };
    let sid = Owner::KeyUse(project).sid();
    let statement = marks
        .policy
        .statement(&sid)
        .map(|statement| Revocation::PutPolicy(key.clone(), marks.policy.remove(&sid), statement.into()));
    let tag = tags::of_project(project);
    let tagged = marks.can_be_untagged && marks.tags.contains(&tag);
    statement.into_iter().chain(tagged.then(|| Revocation::Untag(key.clone(), tag))).collect()
}

impl Step for RemoveKeyUse {
    const NAME: &'static str = "remove-key-use";
    const ABOUT: &'static str = "Removes the statement and tag of the project from the key in one region. The key \
        stays as it is";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "kms:PutKeyPolicy",
            "kms:UntagResource",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::KeyPolicies;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "execution": "manual-1"
        })
    }
}

impl Converge for RemoveKeyUse {
    type Observation = Option<KeyMarks>;
    type Change = Revocation;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<KeyMarks>> {
        KeyMarks::read(readers, input.caller(), &input.key_arn).await
    }

    fn decide(input: &Input, marks: &Option<KeyMarks>) -> Result<Vec<Revocation>> {
        Ok(changes(&input.project_id, &input.key_arn, marks.as_ref()))
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        Some(PartOfPlan { project_id: &input.project_id, execution, plan_hash })
    }

    async fn act(writers: &Writers, input: &Input, marks: Option<KeyMarks>, changes: &[Revocation]) -> Result<Output> {
        for change in changes {
            match change {
                Revocation::PutPolicy(key, policy, _) => {
                    writers.kms_for(key, input.caller()).await?.put_policy(key, policy).await?;
                }
                Revocation::Untag(key, (tag, _)) => {
                    writers.kms_for(key, input.caller()).await?.untag(key, tag).await?;
                }
            }
        }
        Ok(Output { key_arn: input.key_arn.clone(), exists: marks.is_some() })
    }
}

impl Input {
    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Statement;

    #[test]
    fn only_what_is_of_the_project_is_taken_away() {
        let project: ProjectId = "66f0a1b2c3d4e5f601234567".parse().unwrap();
        let key: KmsKeyArn = "arn:aws:kms:us-east-1:444455556666:key/mrk-1".parse().unwrap();
        let of =
            |sid: &str| Statement::allow_principal(sid, "arn:aws:iam::444455556666:role/atlas-cmk", &["kms:Decrypt"]);
        let foreign = PolicyDocument::default().merge(&of("Admins")).merge(&of("AtlasCmk66f0a1b2c3d4e5f6ffffffff"));
        let marks = |policy: PolicyDocument, tags: Vec<tags::Tag>| KeyMarks {
            policy,
            tags,
            can_be_untagged: true,
            relatives: Vec::new(),
        };
        let with_ours = foreign.merge(&of("AtlasCmk66f0a1b2c3d4e5f601234567"));
        let mut tagged = marks(with_ours, vec![tags::ours(), tags::of_project(&project)]);
        let decided = changes(&project, &key, Some(&tagged));
        let [Revocation::PutPolicy(_, without, _), Revocation::Untag(_, (tag, _))] = decided.as_slice() else {
            panic!("{decided:?}");
        };
        assert_eq!(without.to_json(), foreign.to_json(), "foreign statements stay byte for byte");
        assert_eq!(tag, "atlas-cmk:project:66f0a1b2c3d4e5f601234567");
        tagged.can_be_untagged = false;
        assert_eq!(changes(&project, &key, Some(&tagged)).len(), 1);
        assert_eq!(changes(&project, &key, Some(&marks(foreign, vec![tags::ours()]))), []);
        assert_eq!(changes(&project, &key, None), []);
    }
}
