//! IAM roles and managed policies, and what its simulator says of them.

mod writer;

use aws_sdk_iam::{
    Client,
    error::SdkError,
    operation::{get_policy::GetPolicyError, get_role::GetRoleError, get_role_policy::GetRolePolicyError},
    types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType},
};
use aws_types::SdkConfig;

pub use writer::{CreateRole, IamWriter};

use super::aws_error;
use crate::{
    error::{Error, ErrorName, Result},
    ids::{IamPolicyArn, IamRoleArn},
    policy::PolicyDocument,
};

/// Reads from IAM.
#[derive(Debug, Clone)]
pub struct IamReader(Client);

/// What IAM says of a role.
#[derive(Debug, Clone)]
pub struct Role {
    /// The ARN as IAM has it. Names are found without regard to case and path, so it may differ from the one asked for.
    pub arn: String,
    /// Who may assume the role.
    pub trust_policy: PolicyDocument,
    /// What caps its permissions, by ARN.
    pub permissions_boundary: Option<String>,
    /// Its tags, as key and value.
    pub tags: Vec<(String, String)>,
}

/// What IAM says of a managed policy.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedPolicy {
    /// What is in force.
    pub document: PolicyDocument,
    /// Its tags, as key and value.
    pub tags: Vec<(String, String)>,
}

/// What IAM's simulator says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedDecision {
    /// The action, for example `kms:Decrypt`.
    pub action: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Whether a statement denies it, which no other can make up for.
    pub explicitly_denied: bool,
}

impl IamReader {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The role, or `None` if there is none of its name.
    ///
    /// # Errors
    /// As [`aws_error`]; `Internal` if IAM's trust policy cannot be read.
    pub async fn role(&self, arn: &IamRoleArn) -> Result<Option<Role>> {
        match self.0.get_role().role_name(arn.name()).send().await {
            Ok(answer) => answer.role.map(|role| read_role(arn, &role)).transpose(),
            Err(SdkError::ServiceError(refusal)) if matches!(refusal.err(), GetRoleError::NoSuchEntityException(_)) => {
                Ok(None)
            }
            Err(error) => Err(aws_error("iam:GetRole", arn.as_ref(), &error)),
        }
    }

    /// The role's inline policy of the given name, or `None` if it, or the role, is not there.
    ///
    /// # Errors
    /// As [`aws_error`]; `Internal` if the document cannot be read.
    pub async fn inline_policy(&self, arn: &IamRoleArn, name: &str) -> Result<Option<PolicyDocument>> {
        match self.0.get_role_policy().role_name(arn.name()).policy_name(name).send().await {
            Ok(answer) => read_document(arn, answer.policy_document()).map(Some),
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), GetRolePolicyError::NoSuchEntityException(_)) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error("iam:GetRolePolicy", arn.as_ref(), &error)),
        }
    }

    /// The document of a managed policy, as it is in force.
    ///
    /// # Errors
    /// As [`aws_error`]; `Internal` if the document cannot be read.
    pub async fn managed_policy(&self, arn: &str) -> Result<PolicyDocument> {
        let policy = self
            .0
            .get_policy()
            .policy_arn(arn)
            .send()
            .await
            .map_err(|error| aws_error("iam:GetPolicy", arn, &error))?;
        let version = policy.policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
        let answer = self
            .0
            .get_policy_version()
            .policy_arn(arn)
            .version_id(version)
            .send()
            .await
            .map_err(|error| aws_error("iam:GetPolicyVersion", arn, &error))?;
        let document = answer.policy_version.and_then(|version| version.document).unwrap_or_default();
        PolicyDocument::parse(&document).map_err(|error| {
            Error::new(ErrorName::Internal, format!("the policy that IAM returned for {arn} is {error}"))
        })
    }

    /// A managed policy of an account, or `None` if there is none.
    ///
    /// # Errors
    /// As [`aws_error`]; `Internal` if the document cannot be read.
    pub async fn own_policy(&self, arn: &IamPolicyArn) -> Result<Option<ManagedPolicy>> {
        let policy = match self.0.get_policy().policy_arn(arn.as_ref()).send().await {
            Ok(answer) => answer.policy,
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), GetPolicyError::NoSuchEntityException(_)) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(aws_error("iam:GetPolicy", arn.as_ref(), &error)),
        };
        let tags = policy.map(|policy| policy.tags.unwrap_or_default()).unwrap_or_default();
        Ok(Some(ManagedPolicy {
            document: self.managed_policy(arn.as_ref()).await?,
            tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        }))
    }

    /// Whether the identity policies of a principal allow the actions on all of these resources, as IAM's simulator
    /// sees it. Conditions know of the request what `context` says, by condition key (IAM API reference,
    /// `SimulatePrincipalPolicy`, `ContextEntries`).
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resources: &[&str],
        context: &[(&str, &str)],
    ) -> Result<Vec<SimulatedDecision>> {
        let entry = |(key, value): &(&str, &str)| {
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_values(*value)
                .context_key_type(ContextKeyTypeEnum::String)
                .build()
        };
        let pages = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.iter().map(ToString::to_string).collect()))
            .set_resource_arns(Some(resources.iter().map(ToString::to_string).collect()))
            .set_context_entries(Some(context.iter().map(entry).collect()))
            .into_paginator()
            .items()
            .send();
        // One result for each action and resource.
        let answer: std::result::Result<Vec<EvaluationResult>, _> = pages.collect().await;
        let answer = answer.map_err(|error| aws_error("iam:SimulatePrincipalPolicy", principal, &error))?;
        let of_action = |action: &&str| {
            let results = || answer.iter().filter(|result| result.eval_action_name() == *action);
            let is = |decision: PolicyEvaluationDecisionType| {
                move |result: &EvaluationResult| *result.eval_decision() == decision
            };
            SimulatedDecision {
                action: (*action).to_owned(),
                allowed: results().all(is(PolicyEvaluationDecisionType::Allowed)),
                explicitly_denied: results().any(is(PolicyEvaluationDecisionType::ExplicitDeny)),
            }
        };
        Ok(actions.iter().map(of_action).collect())
    }

    /// The names of the role's inline policies.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn inline_policies(&self, arn: &IamRoleArn) -> Result<Vec<String>> {
        let pages = self.0.list_role_policies().role_name(arn.name()).into_paginator().items().send();
        let names: std::result::Result<Vec<String>, _> = pages.collect().await;
        names.map_err(|error| aws_error("iam:ListRolePolicies", arn.as_ref(), &error))
    }

    /// The ARNs of the managed policies that are attached to the role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn attached_policies(&self, arn: &IamRoleArn) -> Result<Vec<String>> {
        let pages = self.0.list_attached_role_policies().role_name(arn.name()).into_paginator().items().send();
        let policies: std::result::Result<Vec<_>, _> = pages.collect().await;
        let policies = policies.map_err(|error| aws_error("iam:ListAttachedRolePolicies", arn.as_ref(), &error))?;
        Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
    }
}

fn read_role(arn: &IamRoleArn, role: &aws_sdk_iam::types::Role) -> Result<Role> {
    let trust_policy = match role.assume_role_policy_document() {
        Some(text) => read_document(arn, text)?,
        None => PolicyDocument::default(),
    };
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    Ok(Role {
        arn: role.arn().to_owned(),
        trust_policy,
        permissions_boundary: boundary.map(str::to_owned),
        tags: role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
    })
}

fn read_document(arn: &IamRoleArn, text: &str) -> Result<PolicyDocument> {
    PolicyDocument::parse(text)
        .map_err(|error| Error::new(ErrorName::Internal, format!("the policy that IAM returned for {arn} is {error}")))
}
