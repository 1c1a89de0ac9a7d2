//! `remove-trust`: what `update-trust` did to the IAM role, undone: our statements in the inline policy and the trust
//! policy, the project's tag, and the role itself if atlas-cmk created it and nothing else is left of it. Statements,
//! policies and tags of others stay as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Caller,
    error::{Error, ErrorName, Result},
    ids::{AccessName, AccountAccess, IamRoleArn, ProjectId, SpokeRole},
    model::{role_policies::RolePolicies, statements::INLINE_POLICY},
    policy::{Owner, PolicyDocument, Statement},
    registry::approvals::PartOfPlan,
    report::{Described, Description, Kept},
    request::ManageRole,
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

/// The step.
pub struct RemoveTrust;

/// The role, and what of it is to stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["projectId"], "properties": {"projectId": {"type": "string"}, "accessName": {"type": "null"}}},
    {"required": ["accessName"], "properties": {"accessName": {"type": "string"}, "projectId": {"type": "null"}}},
]))]
pub struct Input {
    /// The Atlas project, after which the statements are named. Give either this or `accessName`.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// The cross-account access, after which the statement is named. Give either this or `projectId`.
    #[serde(default)]
    pub access_name: Option<AccessName>,
    /// The IAM role.
    pub role_arn: IamRoleArn,
    /// Which parts of the role atlas-cmk may write.
    #[serde(default)]
    pub manage: ManageRole,
    /// The features of Atlas that still assume the role, for which our trust statement stays.
    #[serde(default)]
    pub used_by: Vec<String>,
    /// Access to the account of the role, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
    /// The hash of the plan that was approved.
    #[serde(default)]
    pub plan_hash: Option<String>,
}

/// The role as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The IAM role.
    pub role_arn: IamRoleArn,
    /// What of it was left, and why.
    pub kept: Vec<Kept>,
}

/// The role, and what else hangs on it.
#[derive(Debug, Clone)]
pub struct RoleUse {
    pub(crate) policies: RolePolicies,
    /// The names of inline policies that are not ours.
    other_inline: Vec<String>,
    /// The ARNs of the managed policies that are attached.
    attached: Vec<String>,
}

/// What this step may do, in the order in which it does it.
#[derive(Debug, Clone, PartialEq)]
pub enum Removal {
    /// Replace our inline policy by one without the project's statement, which was this.
    PutInlinePolicy(PolicyDocument, Value),
    /// Delete our inline policy, whose last statement was this.
    DeleteInlinePolicy(Value),
    /// Replace the trust policy by one without the project's statement, which was this.
    PutTrustPolicy(PolicyDocument, Value),
    /// Take the project's tag away.
    Untag(tags::Tag),
    /// Delete the role, of which this trust statement is the last that was left.
    DeleteRole(Value),
}

/// A removal, with the role it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleRemoval(IamRoleArn, Removal);

impl Described for RoleRemoval {
    fn description(&self) -> Description {
        let Self(arn, removal) = self;
        match removal {
            Removal::PutInlinePolicy(_, statement) => {
                Description::update(arn, format!("statement removed from inline policy {INLINE_POLICY}"))
                    .before(statement.clone())
            }
            Removal::DeleteInlinePolicy(statement) => {
                Description::delete(arn, format!("inline policy {INLINE_POLICY} deleted")).before(statement.clone())
            }
            Removal::PutTrustPolicy(_, statement) => {
                Description::update(arn, "trust statement removed").before(statement.clone())
            }
            Removal::Untag((key, value)) => {
                Description::update(arn, "tag of the project removed from the role").before(json!({ key: value }))
            }
            Removal::DeleteRole(statement) => {
                Description::delete(arn, "IAM role deleted, which atlas-cmk created and nothing else uses")
                    .before(statement.clone())
            }
        }
    }
}

impl RoleUse {
    /// Reads a role and what hangs on it.
    pub(crate) async fn read(readers: &Readers, caller: Caller<'_>, arn: &IamRoleArn) -> Result<Self> {
        let policies = RolePolicies::read(readers, caller, arn).await?;
        if policies.role.is_none() {
            return Ok(Self { policies, other_inline: Vec::new(), attached: Vec::new() });
        }
        let iam = readers.iam_for(arn, caller).await?;
        let mut other_inline = iam.inline_policies(arn).await?;
        other_inline.retain(|name| name != INLINE_POLICY);
        Ok(Self { policies, other_inline, attached: iam.attached_policies(arn).await? })
    }

    /// The trust policy of the role, if that is there.
    pub(crate) fn trust_policy(&self) -> Option<&PolicyDocument> {
        self.policies.role.as_ref().map(|role| &role.trust_policy)
    }

    /// The keys that our statement of the project allows: all that the project ever used.
    pub(crate) fn keys(&self, project: &ProjectId) -> Vec<String> {
        let statement = self
            .policies
            .inline_policy
            .as_ref()
            .and_then(|policy| policy.statement(&Owner::ProjectKeys(project).sid()));
        statement.iter().flat_map(|it| it.resources()).map(str::to_owned).collect()
    }

    /// Why the role has to stay although atlas-cmk created it, if it has to.
    fn other_use(
        &self,
        project: Option<&ProjectId>,
        trust: &PolicyDocument,
        inline: Option<&PolicyDocument>,
    ) -> Option<String> {
        let role = self.policies.role.as_ref()?;
        let Some(project) = project else {
            return Some("it is the target of an access and existed before".to_owned());
        };
        let of_this = tags::of_project(project).0;
        let other_project = role.tags.iter().find(|(key, _)| key.starts_with(tags::PROJECT) && *key != of_this);
        if !tags::are_ours(&role.tags) {
            Some("atlas-cmk did not create it".to_owned())
        } else if !trust.is_empty() {
            Some("its trust policy has other statements".to_owned())
        } else if let Some((key, _)) = other_project {
            Some(format!("it has the tag {key}"))
        } else if inline.is_some() || !self.other_inline.is_empty() || !self.attached.is_empty() {
            Some("it has other policies".to_owned())
        } else {
            None
        }
    }
}

/// What of the project is in the role, and what of the role has to stay.
pub(crate) fn decide(input: &Input, found: &RoleUse) -> Result<(Vec<RoleRemoval>, Vec<Kept>)> {
    let arn = &input.role_arn;
    let Some(role) = &found.policies.role else { return Ok((Vec::new(), Vec::new())) };
    let keep = |reason: String| Kept { resource: arn.to_string(), reason };
    if role.arn != arn.as_ref() {
        return Err(Error::new(
            ErrorName::AwsConflict,
            format!(
                "the account has a role of this name with another path or spelling, {}, which is not {arn}",
                role.arn
            ),
        ));
    }
    let sid = match (&input.project_id, &input.access_name) {
        (Some(project), _) => Owner::ProjectTrust(project).sid(),
        (None, Some(name)) => Owner::AccessTrust(name).sid(),
        (None, None) => unreachable!("validated: one of the two is there"),
    };
    let ours = role.trust_policy.statement(&sid);
    if input.manage == ManageRole::None {
        let reason =
            "role.manage is none: remove by hand the statements that trust Atlas and allow the use of the keys";
        return Ok((Vec::new(), vec![keep(reason.to_owned())]));
    }
    let (mut changes, mut kept) = (Vec::new(), Vec::new());
    let mut change = |removal: Removal| changes.push(RoleRemoval(arn.clone(), removal));

    let inline = found.policies.inline_policy.as_ref();
    let rest = inline.map(|policy| policy.remove(&sid)).filter(|policy| !policy.is_empty());
    if let Some(statement) = inline.and_then(|policy| policy.statement(&sid)) {
        change(match &rest {
            Some(rest) => Removal::PutInlinePolicy(rest.clone(), statement.into()),
            None => Removal::DeleteInlinePolicy(statement.into()),
        });
    }
    let tag = input.project_id.as_ref().map(tags::of_project).filter(|tag| role.tags.contains(tag));
    if !input.used_by.is_empty() {
        kept.push(keep(format!(
            "the trust statement of atlas-cmk stays: {} of Atlas still assume the role",
            input.used_by.join(", ")
        )));
        return Ok((changes, kept));
    }
    let trust = role.trust_policy.remove(&sid);
    let others = trust.remove(&Owner::Nobody.sid());
    match (ours, found.other_use(input.project_id.as_ref(), &others, rest.as_ref())) {
        (Some(statement), None) => {
            change(Removal::DeleteRole(statement.into()));
            return Ok((changes, kept));
        }
        (Some(statement), Some(reason)) => {
            let trust = if others.is_empty() { trust.merge(&Statement::nobody()) } else { trust };
            if others.is_empty() {
                kept.push(keep(format!(
                    "the role stays, because {reason}; its trust policy no longer allows anyone to assume it"
                )));
            } else if tags::are_ours(&role.tags) {
                kept.push(keep(format!("the role stays, because {reason}")));
            }
            change(Removal::PutTrustPolicy(trust, statement.into()));
        }
        (None, _) => {}
    }
    if let Some(tag) = tag.filter(|_| input.manage == ManageRole::Full) {
        change(Removal::Untag(tag));
    }
    Ok((changes, kept))
}

impl Step for RemoveTrust {
    const NAME: &'static str = "remove-trust";
    const ABOUT: &'static str = "Removes the statements of atlas-cmk from the IAM role, and the role itself if \
        atlas-cmk created it and nothing else uses it. Also used by cross-account access";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Iam;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk",
            "manage": "full",
            "usedBy": [],
            "execution": "manual-1"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        if input.project_id.is_some() == input.access_name.is_some() {
            let message = "projectId: give either this or accessName, not both";
            return Err(Error::new(ErrorName::InputInvalid, message));
        }
        Ok(())
    }
}

impl Converge for RemoveTrust {
    type Observation = RoleUse;
    type Change = RoleRemoval;

    async fn observe(readers: &Readers, input: &Input) -> Result<RoleUse> {
        RoleUse::read(readers, input.caller(), &input.role_arn).await
    }

    fn decide(input: &Input, found: &RoleUse) -> Result<Vec<RoleRemoval>> {
        Ok(decide(input, found)?.0)
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        input.project_id.as_ref().map(|project_id| PartOfPlan { project_id, execution, plan_hash })
    }

    async fn act(writers: &Writers, input: &Input, found: RoleUse, changes: &[RoleRemoval]) -> Result<Output> {
        let iam = writers.iam_for(&input.role_arn, input.caller()).await?;
        for RoleRemoval(arn, removal) in changes {
            match removal {
                Removal::PutInlinePolicy(policy, _) => iam.put_inline_policy(arn, INLINE_POLICY, policy).await?,
                Removal::DeleteInlinePolicy(_) => iam.delete_inline_policy(arn, INLINE_POLICY).await?,
                Removal::PutTrustPolicy(trust, _) => iam.put_trust_policy(arn, trust).await?,
                Removal::Untag((key, _)) => iam.untag_role(arn, key).await?,
                Removal::DeleteRole(_) => iam.delete_role(arn).await?,
            }
        }
        Ok(Output { role_arn: input.role_arn.clone(), kept: decide(input, &found)?.1 })
    }
}

impl Input {
    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

#[cfg(test)]
mod tests;
