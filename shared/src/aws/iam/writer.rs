//! What IAM is asked to create, to replace and to delete.

use std::ops::Deref;

use aws_sdk_iam::{
    config::{Builder, Config, retry::RetryConfig},
    error::SdkError,
    operation::{
        delete_policy::DeletePolicyError, delete_role::DeleteRoleError, delete_role_policy::DeleteRolePolicyError,
    },
    types::Tag,
};
use aws_types::SdkConfig;

use super::IamReader;
use crate::{
    aws::aws_error,
    error::{Error, ErrorName, Result},
    ids::{IamPolicyArn, IamRoleArn},
    policy::PolicyDocument,
};

/// How many versions of a managed policy IAM keeps (IAM user guide, "IAM and AWS STS quotas").
const VERSIONS: usize = 5;

/// Writes to IAM, and reads.
#[derive(Debug, Clone)]
pub struct IamWriter(IamReader);

impl Deref for IamWriter {
    type Target = IamReader;

    fn deref(&self) -> &IamReader {
        &self.0
    }
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

impl IamWriter {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(IamReader::new(config))
    }

    /// Makes a managed policy.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create_policy(
        &self,
        arn: &IamPolicyArn,
        document: &PolicyDocument,
        description: &str,
        tags: &[(String, String)],
    ) -> Result<()> {
        self.0
            .0
            .create_policy()
            .policy_name(arn.name())
            .path(arn.path())
            .policy_document(document.to_json())
            .description(description)
            .set_tags(Some(sdk_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?))
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| aws_error("iam:CreatePolicy", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Replaces what a managed policy says. IAM keeps five versions of one: the oldest makes room.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn replace_policy(&self, arn: &IamPolicyArn, document: &PolicyDocument) -> Result<()> {
        let mut old = self.old_versions(arn).await?;
        if old.len() >= VERSIONS - 1 {
            self.delete_version(arn, &old.remove(0)).await?;
        }
        self.0
            .0
            .create_policy_version()
            .policy_arn(arn.as_ref())
            .policy_document(document.to_json())
            .set_as_default(true)
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| aws_error("iam:CreatePolicyVersion", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Deletes a managed policy with all its versions. IAM refuses while it is attached; one that is not there counts
    /// as deleted.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn delete_policy(&self, arn: &IamPolicyArn) -> Result<()> {
        for version in self.old_versions(arn).await? {
            self.delete_version(arn, &version).await?;
        }
        match self.0.0.delete_policy().policy_arn(arn.as_ref()).customize().config_override(once()).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeletePolicyError::NoSuchEntityException(_)) =>
            {
                Ok(())
            }
            answer => answer.map(drop).map_err(|error| aws_error("iam:DeletePolicy", arn.as_ref(), &error)),
        }
    }

    /// The versions of a policy that are not in force, the oldest first.
    async fn old_versions(&self, arn: &IamPolicyArn) -> Result<Vec<String>> {
        let pages = self.0.0.list_policy_versions().policy_arn(arn.as_ref()).into_paginator().items().send();
        let versions: std::result::Result<Vec<_>, _> = pages.collect().await;
        let versions = versions.map_err(|error| aws_error("iam:ListPolicyVersions", arn.as_ref(), &error))?;
        let mut old: Vec<_> = versions.into_iter().filter(|version| !version.is_default_version).collect();
        old.sort_by_key(|version| version.create_date);
        Ok(old.into_iter().filter_map(|version| version.version_id).collect())
    }

    async fn delete_version(&self, arn: &IamPolicyArn, version: &str) -> Result<()> {
        self.0
            .0
            .delete_policy_version()
            .policy_arn(arn.as_ref())
            .version_id(version)
            .send()
            .await
            .map_err(|error| aws_error("iam:DeletePolicyVersion", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Attaches a managed policy to a role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn attach_policy(&self, role: &IamRoleArn, policy: &IamPolicyArn) -> Result<()> {
        self.0
            .0
            .attach_role_policy()
            .role_name(role.name())
            .policy_arn(policy.as_ref())
            .send()
            .await
            .map_err(|error| aws_error("iam:AttachRolePolicy", role.as_ref(), &error))?;
        Ok(())
    }

    /// Detaches a managed policy from a role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn detach_policy(&self, role: &IamRoleArn, policy: &IamPolicyArn) -> Result<()> {
        self.0
            .0
            .detach_role_policy()
            .role_name(role.name())
            .policy_arn(policy.as_ref())
            .send()
            .await
            .map_err(|error| aws_error("iam:DetachRolePolicy", role.as_ref(), &error))?;
        Ok(())
    }

    /// Deletes an inline policy of the role. One that is not there counts as deleted.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn delete_inline_policy(&self, arn: &IamRoleArn, name: &str) -> Result<()> {
        match self.0.0.delete_role_policy().role_name(arn.name()).policy_name(name).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeleteRolePolicyError::NoSuchEntityException(_)) =>
            {
                Ok(())
            }
            answer => answer.map(drop).map_err(|error| aws_error("iam:DeleteRolePolicy", arn.as_ref(), &error)),
        }
    }

    /// Deletes the role. IAM refuses while anything is attached to it.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn delete_role(&self, arn: &IamRoleArn) -> Result<()> {
        match self.0.0.delete_role().role_name(arn.name()).customize().config_override(once()).send().await {
            Err(SdkError::ServiceError(refusal))
                if matches!(refusal.err(), DeleteRoleError::NoSuchEntityException(_)) =>
            {
                Ok(())
            }
            answer => answer.map(drop).map_err(|error| aws_error("iam:DeleteRole", arn.as_ref(), &error)),
        }
    }

    /// Takes tags away from the role.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn untag_role(&self, arn: &IamRoleArn, key: &str) -> Result<()> {
        self.0
            .0
            .untag_role()
            .role_name(arn.name())
            .tag_keys(key)
            .send()
            .await
            .map_err(|error| aws_error("iam:UntagRole", arn.as_ref(), &error))?;
        Ok(())
    }

    /// Adds tags to the role, or replaces their values.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn tag_role(&self, arn: &IamRoleArn, tags: &[(String, String)]) -> Result<()> {
        self.0
            .0
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
            .0
            .create_role()
            .role_name(role.arn.name())
            .path(role.arn.path())
            .assume_role_policy_document(role.trust_policy.to_json())
            .set_permissions_boundary(role.permissions_boundary.map(ToString::to_string))
            .description(role.description)
            .set_tags(Some(tags))
            .customize()
            .config_override(once())
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
            .0
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
            .0
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

/// For calls that create or delete something: whether one whose answer was lost took effect is for the step to find
/// out, before it is sent again.
fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

fn sdk_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>> {
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::new(ErrorName::Internal, format!("an atlas-cmk tag is malformed: {error}")))
}
