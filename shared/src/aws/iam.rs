//! IAM roles: read, create, and replace the two documents we merge our statements into.

use aws_sdk_iam::{
    Client,
    error::SdkError,
    operation::{get_role::GetRoleError, get_role_policy::GetRolePolicyError},
    types::Tag,
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

    /// Creates a role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create_role(&self, role: CreateRole<'_>) -> Result<()> {
        let tags = role
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(*key).value(*value).build())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| Error::new(ErrorName::Internal, format!("a tag of ours is malformed: {error}")))?;
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

fn read_role(arn: &IamRoleArn, role: &aws_sdk_iam::types::Role) -> Result<Role> {
    let trust_policy = match role.assume_role_policy_document() {
        Some(text) => read_document(arn, text)?,
        None => PolicyDocument::default(),
    };
    Ok(Role { arn: role.arn().to_owned(), trust_policy })
}

fn read_document(arn: &IamRoleArn, text: &str) -> Result<PolicyDocument> {
    PolicyDocument::parse(text)
        .map_err(|error| Error::new(ErrorName::Internal, format!("IAM returned, for {arn}, what is {error}")))
}
