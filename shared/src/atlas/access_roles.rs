//! Cloud provider access: the records with which Atlas assumes IAM roles of its customers.

use serde::{Deserialize, Serialize};

use super::{
    AtlasError, AtlasReader, AtlasWriter, ErrorCode,
    transport::{Call, V2023_01_01},
};
use crate::ids::{AccessRoleId, IamRoleArn, ProjectId};

/// An access role record. It is pending while it has no `authorizedDate`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessRole {
    /// Atlas's id of the record.
    pub role_id: AccessRoleId,
    /// The principal that will assume the IAM role. It differs between Atlas environments.
    #[serde(rename = "atlasAWSAccountArn")]
    pub atlas_aws_account_arn: Option<String>,
    /// The external ID that it will present. It belongs to this record.
    #[serde(rename = "atlasAssumedRoleExternalId")]
    pub external_id: Option<String>,
    /// The IAM role the record was authorized for.
    pub iam_assumed_role_arn: Option<String>,
    /// When it was authorized, ISO 8601.
    pub authorized_date: Option<String>,
    /// When it was created, ISO 8601.
    pub created_date: Option<String>,
    /// The features of the project that use it.
    #[serde(default)]
    pub feature_usages: Option<Vec<FeatureUsage>>,
}

/// A feature of the project that uses an access role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureUsage {
    /// Atlas's name of it, such as `ENCRYPTION_AT_REST` or `EXPORT_SNAPSHOT`.
    pub feature_type: Option<String>,
}

/// The feature this project is about.
const ENCRYPTION_AT_REST: &str = "ENCRYPTION_AT_REST";

impl AccessRole {
    /// Whether the record is authorized, and for this IAM role.
    pub fn is_authorized_for(&self, arn: &IamRoleArn) -> bool {
        self.authorized_date.is_some() && self.iam_assumed_role_arn.as_deref() == Some(arn.as_ref())
    }

    /// The names of the features that use it.
    pub fn features(&self) -> Vec<&str> {
        let usages = self.feature_usages.iter().flatten();
        let mut names: Vec<&str> = usages.filter_map(|usage| usage.feature_type.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The names of the features other than encryption at rest that use it.
    pub fn other_features(&self) -> Vec<&str> {
        self.features().into_iter().filter(|name| *name != ENCRYPTION_AT_REST).collect()
    }

    /// Whether the record was created but never authorized for any role.
    pub fn is_pending(&self) -> bool {
        self.authorized_date.is_none() && self.iam_assumed_role_arn.is_none()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessRoles {
    #[serde(default)]
    aws_iam_roles: Option<Vec<AccessRole>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    provider_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizeBody<'a> {
    provider_name: &'static str,
    iam_assumed_role_arn: &'a IamRoleArn,
}

impl AtlasReader {
    /// Every AWS access role record of the project. The list has no pages.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn access_roles(&self, project: &ProjectId) -> Result<Vec<AccessRole>, AtlasError> {
        let roles: AccessRoles = self.call(Call::get(V2023_01_01, path(project))).await?;
        Ok(roles.aws_iam_roles.unwrap_or_default())
    }
}

impl AtlasWriter {
    /// Makes one more pending record. Not idempotent: look at [`AtlasReader::access_roles`] first.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn create_access_role(&self, project: &ProjectId) -> Result<AccessRole, AtlasError> {
        self.call(Call::post(V2023_01_01, path(project), &CreateBody { provider_name: "AWS" })).await
    }

    /// Authorizes the record for an IAM role. Atlas assumes the role at this moment to see that it can.
    ///
    /// # Errors
    /// Any [`AtlasError`], `CANNOT_ASSUME_ROLE` among them.
    pub async fn authorize_access_role(
        &self,
        project: &ProjectId,
        role: &AccessRoleId,
        arn: &IamRoleArn,
    ) -> Result<AccessRole, AtlasError> {
        let body = AuthorizeBody { provider_name: "AWS", iam_assumed_role_arn: arn };
        self.call(Call::patch(V2023_01_01, format!("{}/{role}", path(project)), &body)).await
    }

    /// Removes a record; nothing takes the authorization alone away. One that is not there any more counts as removed.
    ///
    /// # Errors
    /// Any [`AtlasError`], `AWS_IAM_ROLE_IN_USE` among them.
    pub async fn remove_access_role(&self, project: &ProjectId, role: &AccessRoleId) -> Result<(), AtlasError> {
        match self.call(Call::delete(V2023_01_01, format!("{}/AWS/{role}", path(project)))).await {
            // Which status an unknown record has is in no documentation.
            Err(error) if error.is_not_found() || error.code() == Some(&ErrorCode::CloudProviderAccessRoleNotFound) => {
                Ok(())
            }
            other => other,
        }
    }
}

fn path(project: &ProjectId) -> String {
    format!("/groups/{project}/cloudProviderAccess")
}
