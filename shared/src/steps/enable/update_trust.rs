//! `update-trust`: the IAM role that Atlas assumes. It is created if it is missing, trusts Atlas under the external ID
//! of this project's record, and may use exactly the regional keys, besides those it was given before.
//!
//! A role may serve several projects, and others than Atlas: each project has one statement in the trust policy and one
//! in the inline policy, both under a Sid of its own, and nothing else in either document is touched. IAM has no
//! conditional write, so what is there is read right before it is replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, CreateRole},
    error::{Error, ErrorName, Result},
    ids::{
        AccessName, AccountAccess, ExternalId, IamPolicyArn, IamRoleArn, KmsKeyArn, ProjectId, Region, SpokeRole,
        TrustedArn,
    },
    model::{
        enablement::{Enablement, sample},
        role_policies::RolePolicies,
        statements::{INLINE_POLICY, kms_statement, trust},
    },
    policy::{Merged, Owner, PolicyDocument, Statement},
    registry::accesses::{self, ConnectedRoles},
    report::{Action, Described, Description},
    request::{ManageRole, check_external_id, regional_keys},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// IAM's quota for all inline policies of a role together (IAM user guide, "IAM and AWS STS quotas"). It cannot be
/// raised. Only ours is measured here; what others take of it, IAM counts when it is written.
const INLINE_POLICY_SIZE_QUOTA: usize = 10_240;

/// The step.
pub struct UpdateTrust;

/// The role, whom it is to trust, and what it is to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {
        "required": ["projectId", "keyArn"],
        "properties": {"projectId": {"type": "string"}, "keyArn": {"type": "string"}, "accessName": {"type": "null"}},
    },
    {
        "required": ["accessName"],
        "properties": {"accessName": {"type": "string"}, "projectId": {"type": "null"}, "keyArn": {"type": "null"}},
    },
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
    /// The key in its own region; with `projectId`.
    #[serde(default)]
    pub key_arn: Option<KmsKeyArn>,
    /// The other regions in which the key is used.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Who assumes the role: the principal in Atlas's record, or a role or a path of roles in another account.
    pub principal_arn: TrustedArn,
    /// The external ID it presents: that of Atlas's record, or that of the access.
    pub external_id: ExternalId,
    /// The permissions boundary of a role that has to be created.
    #[serde(default)]
    pub permissions_boundary: Option<IamPolicyArn>,
    /// Which parts of the role atlas-cmk may write.
    #[serde(default)]
    pub manage: ManageRole,
    /// Access to the account of the role, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

impl Input {
    /// The input in an enablement.
    pub fn of(enablement: &Enablement<'_>) -> Self {
        let request = enablement.request;
        Self {
            project_id: Some(enablement.project_id.clone()),
            access_name: None,
            role_arn: request.role_arn.clone(),
            key_arn: Some(enablement.key_arn.clone()),
            regions: request.regions().to_vec(),
            principal_arn: TrustedArn::Principal(enablement.principal_arn.clone()),
            external_id: enablement.external_id.clone(),
            permissions_boundary: request.role.as_ref().and_then(|role| role.permissions_boundary.clone()),
            manage: request.manage_role(),
            account: request.account.clone(),
            execution: enablement.execution.clone(),
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }

    /// The statement that the trust policy is to have. Atlas is of no organization of ours; the source of an access is.
    pub(crate) fn trust_statement(&self, organization: Option<&str>) -> Statement {
        match (&self.project_id, &self.access_name) {
            (Some(project), _) => trust(&Owner::ProjectTrust(project).sid(), &self.principal_arn, &self.external_id),
            (None, Some(name)) => trust(&Owner::AccessTrust(name).sid(), &self.principal_arn, &self.external_id)
                .within(organization.unwrap_or_default()),
            (None, None) => unreachable!("validated: one of the two is there"),
        }
    }

    /// The access, and the roles that it connects.
    fn access(&self) -> Result<Option<(&AccessName, ConnectedRoles)>> {
        let Some(name) = &self.access_name else { return Ok(None) };
        let source_role_arn = self
            .principal_arn
            .as_ref()
            .parse()
            .map_err(|error| Error::new(ErrorName::InputInvalid, format!("principalArn: {error}")))?;
        Ok(Some((name, ConnectedRoles { source_role_arn, target_role_arn: self.role_arn.clone() })))
    }

    /// The statement that our inline policy is to have, if a key is to be used.
    pub(crate) fn kms_statement(&self, document: Option<&PolicyDocument>) -> Option<Statement> {
        let (project, key) = self.project_id.as_ref().zip(self.key_arn.as_ref())?;
        Some(kms_statement(project, &regional_keys(key, &self.regions), document))
    }
}

/// The role as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The IAM role.
    pub role_arn: IamRoleArn,
}

/// The role, and the roles that the name of an access was given to.
#[derive(Debug, Clone)]
pub struct Found {
    policies: RolePolicies,
    registered: Option<ConnectedRoles>,
}

/// What this step may do, in the order in which it does it.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleChange {
    /// Give the name of an access to its roles.
    RegisterAccess(AccessName, ConnectedRoles),
    /// Create the role with this trust policy.
    CreateRole(IamRoleArn, PolicyDocument),
    /// Replace the trust policy by this one.
    PutTrustPolicy(IamRoleArn, PolicyDocument, Merged),
    /// Create or replace our inline policy.
    PutInlinePolicy(IamRoleArn, PolicyDocument, Action, Merged),
}

impl Described for RoleChange {
    fn description(&self) -> Description {
        match self {
            Self::RegisterAccess(name, roles) => {
                Description::create(accesses::resource(name), "name given to these roles for ever").after(json!(roles))
            }
            Self::CreateRole(arn, trust_policy) => {
                Description::create(arn, "IAM role that trusts Atlas under its external ID")
                    .after(trust_policy.statements().into_iter().map(Value::from).collect::<Value>())
            }
            Self::PutTrustPolicy(arn, _, merged) => {
                Description::update(arn, "trust statement merged").before(merged.before()).after(merged.after())
            }
            Self::PutInlinePolicy(arn, _, action, merged) => {
                let summary = format!("statement for the regional keys merged into inline policy {INLINE_POLICY}");
                Description::new(*action, arn, summary).before(merged.before()).after(merged.after())
            }
        }
    }
}

impl Step for UpdateTrust {
    const NAME: &'static str = "update-trust";
    const ABOUT: &'static str = "Creates the IAM role if missing; merges the trust statement for Atlas's principal and \
        external ID, and the inline policy statement for exactly the regional keys of this and earlier runs. Also \
        writes the trust statement of a cross-account access";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "iam:CreateRole",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Iam;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }

    fn validate(input: &Input) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(ErrorName::InputInvalid, message));
        match (&input.project_id, &input.access_name, &input.key_arn) {
            (Some(_), None, Some(_)) => Ok(()),
            (None, Some(_), None) => {
                input.access()?;
                check_external_id(&input.external_id)
            }
            (Some(_), None, None) => invalid("keyArn: missing; projectId requires it"),
            (None, Some(_), Some(_)) => invalid("keyArn: allowed only with projectId"),
            _ => invalid("projectId: give either this or accessName, not both"),
        }
    }
}

impl Converge for UpdateTrust {
    type Observation = Found;
    type Change = RoleChange;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let registered = match input.access()? {
            Some((name, roles)) => {
                readers.cross_account.check(&roles.source_role_arn, &roles.target_role_arn)?;
                accesses::read(&readers.registry()?, name).await?
            }
            None => {
                readers.check_principal_of_atlas(input.principal_arn.as_ref())?;
                None
            }
        };
        Ok(Found { policies: RolePolicies::read(readers, input.caller(), &input.role_arn).await?, registered })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<RoleChange>> {
        let mut changes = register_access(input, found.registered.as_ref())?;
        changes.extend(decide(input, &found.policies)?);
        Ok(changes)
    }

    async fn act(writers: &Writers, input: &Input, _: Found, changes: &[RoleChange]) -> Result<Output> {
        let iam = writers.iam_for(&input.role_arn, input.caller()).await?;
        for change in changes {
            match change {
                RoleChange::RegisterAccess(name, roles) => {
                    accesses::register(&writers.registry()?, name, roles).await?;
                }
                RoleChange::CreateRole(arn, trust_policy) => {
                    let boundary = match &input.permissions_boundary {
                        Some(asked) => asked.clone(),
                        None => writers.boundary_for(arn, input.caller())?,
                    };
                    let role = CreateRole {
                        arn,
                        trust_policy,
                        permissions_boundary: Some(&boundary),
                        description: "Lets MongoDB Atlas use the customer-managed keys of its projects",
                        tags: &[("atlas-cmk:managed-by", "atlas-cmk")],
                    };
                    iam.create_role(role).await?;
                }
                RoleChange::PutTrustPolicy(arn, trust, _) => iam.put_trust_policy(arn, trust).await?,
                RoleChange::PutInlinePolicy(arn, policy, ..) => {
                    iam.put_inline_policy(arn, INLINE_POLICY, policy).await?;
                }
            }
        }
        Ok(Output { role_arn: input.role_arn.clone() })
    }
}

/// The registration of an access, unless its name was given to these roles already.
pub(crate) fn register_access(input: &Input, registered: Option<&ConnectedRoles>) -> Result<Vec<RoleChange>> {
    let Some((name, roles)) = input.access()? else { return Ok(Vec::new()) };
    roles.check(name, registered)?;
    Ok(if registered.is_some() { Vec::new() } else { vec![RoleChange::RegisterAccess(name.clone(), roles)] })
}

/// What has to change about the role, within what of it is ours to write.
pub(crate) fn decide(input: &Input, observed: &RolePolicies) -> Result<Vec<RoleChange>> {
    let arn = &input.role_arn;
    let mut changes = Vec::new();
    match &observed.role {
        None if input.manage != ManageRole::Full => {
            let why = match input.access_name {
                Some(_) => "atlas-cmk does not create it",
                None => "role.manage forbids atlas-cmk to create it",
            };
            return Err(conflict(format!("roleArn: the IAM role {arn} does not exist, and {why}")));
        }
        None => {
            let trust = PolicyDocument::default().merge(&input.trust_statement(observed.organization.as_deref()));
            check_size(arn, "trust policy", &trust, observed.trust_policy_size_quota)?;
            changes.push(RoleChange::CreateRole(arn.clone(), trust));
        }
        Some(role) if role.arn != arn.as_ref() => {
            return Err(conflict(format!(
                "roleArn: the account has a role of this name with another path or spelling, {}; give its ARN",
                role.arn
            )));
        }
        Some(role) => {
            let ours = input.trust_statement(observed.organization.as_deref());
            let trust = role.trust_policy.remove(&Owner::Nobody.sid()).merge(&ours);
            // Where somebody else writes the role, the statement may have any Sid.
            let by_others = input.manage == ManageRole::None && role.trust_policy.has_meaning_of(&ours);
            if trust != role.trust_policy && !by_others {
                check_size(arn, "trust policy", &trust, observed.trust_policy_size_quota)?;
                let merged = Merged::new(&role.trust_policy, ours);
                changes.push(RoleChange::PutTrustPolicy(arn.clone(), trust, merged));
            }
        }
    }
    let inline = observed.inline_policy.clone().unwrap_or_default();
    let ours = input.kms_statement(observed.inline_policy.as_ref()).filter(|_| input.manage == ManageRole::Full);
    if let Some(ours) = ours
        && let with_ours = inline.merge(&ours)
        && with_ours != inline
    {
        check_size(arn, "inline policy", &with_ours, INLINE_POLICY_SIZE_QUOTA)?;
        let action = if observed.inline_policy.is_some() { Action::Update } else { Action::Create };
        changes.push(RoleChange::PutInlinePolicy(arn.clone(), with_ours, action, Merged::new(&inline, ours)));
    }
    let is_bounded = if input.access_name.is_some() { observed.is_bounded_for_access } else { observed.is_bounded };
    match (input.manage, changes.as_slice()) {
        (
            ManageRole::Full | ManageRole::TrustOnly,
            [RoleChange::PutTrustPolicy(..) | RoleChange::PutInlinePolicy(..), ..],
        ) if !is_bounded => Err(unbounded(arn, observed)),
        (ManageRole::None, [change, ..]) => Err(conflict(format!(
            "role.manage is none, and the trust policy of {arn} lacks this statement: {}; add it and run again",
            change.description().planned(UpdateTrust::NAME).after
        ))),
        _ => Ok(changes),
    }
}

/// A role that is there already, and may do more than we would ever let it.
fn unbounded(arn: &IamRoleArn, observed: &RolePolicies) -> Error {
    let carried = observed.role.as_ref().and_then(|role| role.permissions_boundary.as_deref());
    let carried = carried.map_or_else(|| "no permissions boundary".to_owned(), |it| format!("the boundary {it}"));
    Error::new(
        ErrorName::AccountAccessDenied,
        format!(
            "the IAM role {arn} has {carried}, so atlas-cmk gives it neither trust nor rights; set the boundary of the \
             stack, or name the role in UnboundedRoleArns of the stack"
        ),
    )
}

fn conflict(message: String) -> Error {
    Error::new(ErrorName::AwsConflict, message)
}

fn check_size(arn: &IamRoleArn, what: &str, document: &PolicyDocument, quota: usize) -> Result<()> {
    let size = document.size();
    if size <= quota {
        return Ok(());
    }
    Err(Error::new(
        ErrorName::IamQuotaExceeded,
        format!(
            "the {what} of {arn} would be {size} characters long, {} more than its quota of {quota}; remove statements \
             that are no longer used, give this project a role of its own, or, for a trust policy, raise the quota and \
             set TrustPolicySizeQuota of the stack to it",
            size - quota
        ),
    ))
}

#[cfg(test)]
mod tests;
