//! `plan-access`: the entry step of cross-account-access. It takes the whole input, reads both sides, finds or
//! generates the external ID, and returns what would be changed and what stands in the way. It writes nothing.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, ManagedPolicy},
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, ExternalId, IamPolicyArn, IamRoleArn},
    policy::Owner,
    registry::accesses::{self, ConnectedRoles},
    report::{Described, Finding, Kept, PlannedChange},
    request::{AccessMode, CrossAccountAccess, ManageRole, check_external_id},
    step::{Actions, Answer, Readers, Step, actions},
    steps::{
        access::{
            converge_access_policy::{self, ConvergeAccessPolicy, Grants},
            converge_attachment::{self, Attached, ConvergeAttachment},
            verify_access::statement_without_external_id,
        },
        disable::remove_trust::{self, RemoveTrust, RoleUse},
        enable::update_trust::{self, UpdateTrust},
    },
};

/// The step.
pub struct PlanAccess;

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: CrossAccountAccess,
    /// The name of the execution, after which sessions in other accounts are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What is to be done, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The managed policies, each with its role.
    pub policies: Vec<AccessPolicy>,
    /// The external ID to present: the given one, the one in force, or a newly generated one.
    pub external_id: ExternalId,
    /// The problems that would make the execution fail.
    pub findings: Vec<Finding>,
    /// The planned changes, in their order.
    pub plan: Vec<PlannedChange>,
    /// What atlas-cmk would leave in place, each with the reason.
    pub kept: Vec<Kept>,
}

/// A managed policy for one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessPolicy {
    /// Its ARN.
    pub policy_arn: IamPolicyArn,
    /// The role it is attached to.
    pub role_arn: IamRoleArn,
    /// What it allows.
    pub grants: Grants,
    /// How to reach its account, if it is not the one the functions run in.
    pub account: Option<AccountAccess>,
}

/// Both sides.
pub struct AccessSurvey {
    /// The policies to be, each with what is there of it and of its role.
    policies: Vec<(converge_access_policy::Input, Option<ManagedPolicy>, Attached)>,
    /// The target role.
    target: RoleUse,
    /// The roles that the name was given to.
    registered: Option<ConnectedRoles>,
    /// The external ID to be if none is given or in force.
    new_external_id: ExternalId,
}

impl Step for PlanAccess {
    const NAME: &'static str = "plan-access";
    const ABOUT: &'static str = "Read-only entry step: reads both sides, finds or generates the external ID, and \
        returns planned changes and problems";
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": {
                "name": "S3Keys",
                "sourceRoleArn": "arn:aws:iam::777788889999:role/atlas-cmk/atc-node",
                "targetRoleArn": "arn:aws:iam::444455556666:role/atlas-cmk/atc-s3-access-keys",
                "buckets": [
                    {
                        "name": "atc-data",
                        "access": [
                            "list",
                            "read"
                        ]
                    },
                    {
                        "name": "atc-drop",
                        "access": [
                            "list",
                            "write"
                        ]
                    }
                ],
                "target": {
                    "roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke",
                    "externalId": "b0a7c1de-5f2e-4f0e-9f5c-3d2c1b0a9e8d"
                }
            },
            "execution": "manual-1"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        input.request.validate()
    }
}

impl Answer for PlanAccess {
    type Observation = AccessSurvey;

    async fn observe(readers: &Readers, input: &Input) -> Result<AccessSurvey> {
        let request = &input.request;
        if request.mode() != AccessMode::Remove {
            readers.cross_account.check(&request.source_role_arn, &request.target_role_arn)?;
            let partition = request.target_role_arn.as_ref().split(':').nth(1).unwrap_or_default();
            readers.cross_account.check_buckets(partition, request.buckets.as_deref().unwrap_or_default())?;
            prove_organization(readers, input).await?;
        }
        let mut policies = Vec::new();
        for policy in wanted(input) {
            let caller = Caller { account: policy.account.as_ref(), execution: input.execution.as_deref() };
            let iam = readers.iam_for(&policy.role_arn, caller).await?;
            let there = iam.own_policy(&policy.policy_arn()?).await?;
            let attached = converge_attachment::attached(readers, caller, &policy.role_arn).await?;
            policies.push((policy, there, attached));
        }
        let caller = Caller { account: request.target.as_ref(), execution: input.execution.as_deref() };
        let target = RoleUse::read(readers, caller, &request.target_role_arn).await?;
        let registered = accesses::read(&readers.registry()?, &request.name).await?;
        Ok(AccessSurvey { policies, target, registered, new_external_id: readers.new_external_id()? })
    }

    fn answer(input: &Input, found: AccessSurvey, _: Timestamp) -> Result<Output> {
        judge(input, &found)
    }
}

/// That the source is in the account of the functions, or in one that they may enter, which they do only within their
/// organization.
async fn prove_organization(readers: &Readers, input: &Input) -> Result<()> {
    let source = &input.request.source_role_arn;
    let caller = Caller { account: input.request.source.as_ref(), execution: input.execution.as_deref() };
    if caller.account.is_none() && readers.own_account.as_ref().is_some_and(|own| own != source.account()) {
        return Err(Error::new(
            ErrorName::InputInvalid,
            format!(
                "source: atlas-cmk has to be able to enter account {}, which shows that it is of the organization: deploy \
                 infra/spoke.yaml there, and name its role and external ID",
                source.account()
            ),
        ));
    }
    readers.iam(caller).await.map(drop)
}

/// The policies of an access. If the source is a path of roles, atlas-cmk does not manage their policies. Buckets that
/// are no longer asked for are not known any more: taking an access down looks for that policy in any case.
fn wanted(input: &Input) -> Vec<converge_access_policy::Input> {
    let request = &input.request;
    let remove = request.mode() == AccessMode::Remove;
    let policy =
        |role_arn: &IamRoleArn, grants: Grants, account: &Option<AccountAccess>| converge_access_policy::Input {
            access_name: request.name.clone(),
            role_arn: role_arn.clone(),
            grants,
            remove,
            account: account.clone(),
            execution: input.execution.clone(),
        };
    let assuming = request
        .source_role_arn
        .role()
        .map(|role| policy(role, Grants::AssumeRole(request.target_role_arn.clone()), &request.source));
    let buckets = request.buckets.clone().or_else(|| remove.then(Vec::new));
    let buckets = buckets.map(|buckets| policy(&request.target_role_arn, Grants::Buckets(buckets), &request.target));
    assuming.into_iter().chain(buckets).collect()
}

fn judge(input: &Input, found: &AccessSurvey) -> Result<Output> {
    let request = &input.request;
    let remove = request.mode() == AccessMode::Remove;
    let external_id = external_id(request, found);
    let (mut plan, mut kept, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let update = update(request, &external_id)?;
    let registered = update_trust::register_access(&update, found.registered.as_ref());
    if remove {
        findings.extend(registered.err().as_ref().map(Finding::from_error));
        let (changes, left) = remove_trust::decide(&removal(request), &found.target)?;
        plan.extend(planned(RemoveTrust::NAME, &changes));
        kept.extend(left);
    } else {
        findings.extend(opened_by_others(request, found));
        for changes in [registered, update_trust::decide(&update, &found.target.policies)] {
            match changes {
                Ok(changes) => plan.extend(planned(UpdateTrust::NAME, &changes)),
                Err(error) => findings.push(Finding::from_error(&error)),
            }
        }
    }
    for (policy, there, attached) in &found.policies {
        match changes(policy, there.as_ref(), attached) {
            Ok((policies, attachments)) if remove => {
                plan.extend(planned(ConvergeAttachment::NAME, &attachments));
                plan.extend(planned(ConvergeAccessPolicy::NAME, &policies));
            }
            Ok((policies, attachments)) => {
                plan.extend(planned(ConvergeAccessPolicy::NAME, &policies));
                plan.extend(planned(ConvergeAttachment::NAME, &attachments));
            }
            Err(error) => findings.push(Finding::from_error(&error)),
        }
        findings.extend(unbounded(policy, attached).filter(|_| !remove));
    }
    let policies = found
        .policies
        .iter()
        .filter(|(_, there, _)| !remove || there.is_some())
        .map(|(policy, ..)| {
            Ok(AccessPolicy {
                policy_arn: policy.policy_arn()?,
                role_arn: policy.role_arn.clone(),
                grants: policy.grants.clone(),
                account: policy.account.clone(),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Output { policies, external_id, findings, plan, kept })
}

/// A role without the permissions boundary: IAM would refuse to let the functions attach a policy to it.
fn unbounded(policy: &converge_access_policy::Input, attached: &Attached) -> Option<Finding> {
    let carried = attached.as_ref()?;
    (!carried.is_bounded).then(|| {
        Finding::new(
            ErrorName::AccountAccessDenied,
            format!("the IAM role {} does not have the permissions boundary of cross-account access", policy.role_arn),
            "iam:GetRole returns another boundary, or none",
            "set on the role the policy that the stack of its account creates for it: output CrossAccountBoundaryArn",
        )
    })
}

/// A source that may already assume the role without an external ID need not present this one.
fn opened_by_others(request: &CrossAccountAccess, found: &AccessSurvey) -> Option<Finding> {
    let statement = statement_without_external_id(&request.source_role_arn, found.target.trust_policy()?)?;
    Some(Finding::new(
        ErrorName::AccessVerificationFailed,
        format!("{} allows the source role to assume it without an external ID", request.target_role_arn),
        format!("statement {statement} of its trust policy requires none"),
        "require an external ID in that statement, or remove the statement",
    ))
}

type Changes = (Vec<converge_access_policy::PolicyChange>, Vec<converge_attachment::Attachment>);

fn changes(
    policy: &converge_access_policy::Input,
    there: Option<&ManagedPolicy>,
    attached: &Attached,
) -> Result<Changes> {
    let attach = converge_attachment::Input {
        policy_arn: policy.policy_arn()?,
        role_arn: policy.role_arn.clone(),
        remove: policy.remove,
        account: None,
        execution: None,
    };
    Ok((converge_access_policy::decide(policy, there)?, converge_attachment::decide(&attach, attached)?))
}

fn planned<C: Described>(step: &str, changes: &[C]) -> Vec<PlannedChange> {
    changes.iter().map(|change| change.description().planned(step)).collect()
}

fn update(request: &CrossAccountAccess, external_id: &ExternalId) -> Result<update_trust::Input> {
    Ok(update_trust::Input {
        project_id: None,
        access_name: Some(request.name.clone()),
        role_arn: request.target_role_arn.clone(),
        key_arn: None,
        regions: Vec::new(),
        principal_arn: request
            .source_role_arn
            .as_ref()
            .parse()
            .map_err(|error| Error::new(ErrorName::InputInvalid, format!("sourceRoleArn: {error}")))?,
        external_id: external_id.clone(),
        permissions_boundary: None,
        manage: ManageRole::TrustOnly,
        account: None,
        execution: None,
    })
}

fn removal(request: &CrossAccountAccess) -> remove_trust::Input {
    remove_trust::Input {
        project_id: None,
        access_name: Some(request.name.clone()),
        role_arn: request.target_role_arn.clone(),
        manage: ManageRole::TrustOnly,
        used_by: Vec::new(),
        account: None,
        execution: None,
        plan_hash: None,
    }
}

/// What is given; else what is in force, unless it is too short; else a new one.
fn external_id(request: &CrossAccountAccess, found: &AccessSurvey) -> ExternalId {
    if let Some(given) = &request.external_id {
        return given.clone();
    }
    let in_force =
        found.target.trust_policy().and_then(|trust| trust.statement(&Owner::AccessTrust(&request.name).sid()));
    let in_force = in_force.as_ref().and_then(|statement| statement.external_id()).and_then(|id| id.parse().ok());
    let in_force = in_force.filter(|id| check_external_id(id).is_ok());
    in_force.unwrap_or_else(|| found.new_external_id.clone())
}
