//! IAM roles: read, create, and replace the two documents we merge our statements into.

use aws_sdk_iam::{
    Client,
    error::SdkError,
    operation::{get_role::GetRoleError, get_role_policy::GetRolePolicyError},
    types::{EvaluationResult, PolicyEvaluationDecisionType, Tag},
};
use aws_types::SdkConfig;

use super::aws_error;
use crate::{
    error::{Error, ErrorName, Result},
    ids::{IamPolicyArn, IamRoleArn},
    policy::PolicyDocument,
};

/// The IAM calls of the steps.
#[derive(Debug, Clone)]
pub struct Iam(Client);

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

/// What IAM's simulator says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The action, for example `kms:Decrypt`.
    pub action: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Whether a statement denies it, which no other can make up for.
    pub explicitly_denied: bool,
}

/// A role to be created.
#[derive(Debug, Clone)]
pub struct CreateRole<'a> {
    /// Its ARN, which names path and name.
    pub arn: &'a IamRoleArn,
    /// Who may assume it.
    pub trust_policy: &'a PolicyDocument,
    /// What caps its permissions, where the platform demands one.
    pub permissions_boundary: Option<&'a IamPolicyArn>,
    /// One sentence for whoever finds it in the console.
    pub description: &'a str,
    /// Its tags, as key and value.
    pub tags: &'a [(&'a str, &'a str)],
}

impl Iam {
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
        PolicyDocument::parse(&document)
            .map_err(|error| Error::new(ErrorName::Internal, format!("IAM returned, for {arn}, what is {error}")))
    }

    /// Whether the identity policies of a principal allow the actions on all of these resources, as IAM's simulator sees it.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn simulate(&self, principal: &str, actions: &[&str], resources: &[&str]) -> Result<Vec<Decision>> {
        let answer = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.iter().map(ToString::to_string).collect()))
            .set_resource_arns(Some(resources.iter().map(ToString::to_string).collect()))
            .send()
            .await
            .map_err(|error| aws_error("iam:SimulatePrincipalPolicy", principal, &error))?;
        // One result for each action and resource.
        let of_action = |action: &&str| {
            let results = || answer.evaluation_results().iter().filter(|result| result.eval_action_name() == *action);
            let is = |decision: PolicyEvaluationDecisionType| {
                move |result: &EvaluationResult| *result.eval_decision() == decision
            };
            Decision {
                action: (*action).to_owned(),
                allowed: results().all(is(PolicyEvaluationDecisionType::Allowed)),
                explicitly_denied: results().any(is(PolicyEvaluationDecisionType::ExplicitDeny)),
            }
        };
        Ok(actions.iter().map(of_action).collect())
    }

    /// Adds tags to the role, or replaces their values.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn tag_role(&self, arn: &IamRoleArn, tags: &[(String, String)]) -> Result<()> {
        self.0
            .tag_role()
            .role_name(arn.name())
            .set_tags(Some(sdk_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?))
            .send()
            .await
            .map_err(|error| aws_error("iam:TagRole", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Creates a role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create_role(&self, role: CreateRole<'_>) -> Result<()> {
        let tags = sdk_tags(role.tags.iter().copied())?;
        self.0
            .create_role()
            .role_name(role.arn.name())
            .path(role.arn.path())
            .assume_role_policy_document(role.trust_policy.to_json())
            .set_permissions_boundary(role.permissions_boundary.map(ToString::to_string))
            .description(role.description)
            .set_tags(Some(tags))
            .send()
            .await
            .map_err(|error| aws_error("iam:CreateRole", role.arn.as_ref(), &error))?;
        Ok(())
    }

    /// Replaces the role's trust policy.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn put_trust_policy(&self, arn: &IamRoleArn, document: &PolicyDocument) -> Result<()> {
        self.0
            .update_assume_role_policy()
            .role_name(arn.name())
            .policy_document(document.to_json())
            .send()
            .await
            .map_err(|error| aws_error("iam:UpdateAssumeRolePolicy", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Creates or replaces an inline policy of the role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn put_inline_policy(&self, arn: &IamRoleArn, name: &str, document: &PolicyDocument) -> Result<()> {
        self.0
            .put_role_policy()
            .role_name(arn.name())
            .policy_name(name)
            .policy_document(document.to_json())
            .send()
            .await
            .map_err(|error| aws_error("iam:PutRolePolicy", arn.as_ref(), &error))?;
        Ok(())
    }
}

fn sdk_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::new(ErrorName::Internal, format!("a tag of ours is malformed: {error}")))
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
        .map_err(|error| Error::new(ErrorName::Internal, format!("IAM returned, for {arn}, what is {error}")))
}
