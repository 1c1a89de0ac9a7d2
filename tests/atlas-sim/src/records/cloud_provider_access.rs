//! IAM role records of a project.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::ApiError;
use crate::identifier::{new_object_id, now_utc};
use crate::moment::Moment;

use super::feature_usages::FeatureUsage;

/// A role record: first created, then authorized.
#[derive(Debug, Clone)]
pub(crate) struct AwsRole {
    pub(crate) role_id: String,
    pub(crate) external_id: String,
    created: String,
    authorized: Option<String>,
    pub(crate) iam_role_arn: Option<String>,
    /// The next PATCH of encryptionAtRest shall fail: success is not monotonic.
    fails_once_more: bool,
    /// Features other than encryption at rest that use it.
    usages: Vec<FeatureUsage>,
    /// When encryption at rest last ceased to use it.
    left_by_encryption: Option<Duration>,
}

/// The role records of a project.
#[derive(Debug, Default)]
pub(crate) struct CloudProviderAccess {
    roles: Vec<AwsRole>,
}

impl CloudProviderAccess {
    /// Creates a record. There is no natural key: every call makes one more.
    pub(crate) fn create(&mut self) -> AwsRole {
        let role = AwsRole {
            role_id: new_object_id(),
            external_id: Uuid::new_v4().to_string(),
            created: now_utc(),
            authorized: None,
            iam_role_arn: None,
            fails_once_more: false,
            usages: Vec::new(),
            left_by_encryption: None,
        };
        self.roles.push(role.clone());
        role
    }

    /// All records, oldest first.
    pub(crate) fn roles(&self) -> &[AwsRole] {
        &self.roles
    }

    /// A record. The status of the error is our inference: the code is known from MongoDB's own tests only.
    pub(crate) fn get(&self, role_id: &str) -> Result<&AwsRole, ApiError> {
        self.roles.iter().find(|role| role.role_id == role_id).ok_or_else(|| not_found(role_id))
    }

    /// Writes down that Atlas could assume `arn`. A record may be authorized again with another role.
    pub(crate) fn authorize(&mut self, role_id: &str, arn: &str, fails_once_more: bool) -> Result<AwsRole, ApiError> {
        let role = self.get_mut(role_id)?;
        role.authorized = Some(now_utc());
        role.iam_role_arn = Some(arn.to_owned());
        role.fails_once_more = fails_once_more;
        Ok(role.clone())
    }

    /// An authorized record.
    pub(crate) fn authorized(&self, role_id: &str) -> Result<&AwsRole, ApiError> {
        let role = self.get(role_id)?;
        if role.authorized.is_some() {
            return Ok(role);
        }
        Err(ApiError::bad_request(
            "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED",
            format!("The specified Cloud Provider Access role ({role_id}) has not been authorized."),
        )
        .with(role_id))
    }

    /// Whether this use of a role fails once more although it had worked; it will not fail again.
    pub(crate) fn take_failure(&mut self, role_id: &str) -> bool {
        self.get_mut(role_id).is_ok_and(|role| std::mem::take(&mut role.fails_once_more))
    }

    /// Lets a feature use a record.
    pub(crate) fn add_usage(&mut self, role_id: &str, usage: FeatureUsage) -> Result<(), ApiError> {
        self.get_mut(role_id)?.usages.push(usage);
        Ok(())
    }

    /// Ends every use that was added.
    pub(crate) fn clear_usages(&mut self) {
        for role in &mut self.roles {
            role.usages.clear();
        }
    }

    /// Writes down that encryption at rest no longer uses a record.
    pub(super) fn leave(&mut self, role_id: &str, now: Duration) {
        if let Ok(role) = self.get_mut(role_id) {
            role.left_by_encryption = Some(now);
        }
    }

    /// Deletes a record that nothing uses. Wording as in Terraform provider test logs.
    pub(crate) fn remove(&mut self, role_id: &str, used_for_encryption: bool) -> Result<(), ApiError> {
        let has_usages = !self.get(role_id)?.usages.is_empty();
        if used_for_encryption || has_usages {
            return Err(ApiError::bad_request(
                "AWS_IAM_ROLE_IN_USE",
                "Cannot remove the AWS IAM role because it is still in use.",
            )
            .with(format!("Cannot remove the AWS IAM role ({role_id}) because it is still in use.")));
        }
        self.roles.retain(|role| role.role_id != role_id);
        Ok(())
    }

    fn get_mut(&mut self, role_id: &str) -> Result<&mut AwsRole, ApiError> {
        self.roles.iter_mut().find(|role| role.role_id == role_id).ok_or_else(|| not_found(role_id))
    }
}

impl AwsRole {
    /// Whether encryption at rest used the record until so lately that it still counts as using it.
    pub(super) fn was_just_left(&self, moment: Moment) -> bool {
        self.left_by_encryption.is_some_and(|left| moment.counts_role(left))
    }

    /// The record as recorded answers have it: nulls are explicit.
    pub(crate) fn to_json(&self, atlas_account: &str, used_for_encryption: bool) -> Value {
        let mut usages = Vec::new();
        if used_for_encryption {
            // Atlas API spec: for this feature the id is always null.
            usages.push(json!({"featureId": null, "featureType": "ENCRYPTION_AT_REST"}));
        }
        usages.extend(self.usages.iter().map(FeatureUsage::to_json));
        json!({
            "atlasAWSAccountArn": format!("arn:aws:iam::{atlas_account}:root"),
            "atlasAssumedRoleExternalId": self.external_id,
            "authorizedDate": self.authorized,
            "createdDate": self.created,
            "featureUsages": usages,
            "iamAssumedRoleArn": self.iam_role_arn,
            "providerName": "AWS",
            "roleId": self.role_id,
        })
    }
}

fn not_found(role_id: &str) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "CLOUD_PROVIDER_ACCESS_ROLE_NOT_FOUND",
        format!("The specified Cloud Provider Access role ({role_id}) was not found."),
    )
    .with(role_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::feature_usages::Feature;

    #[test]
    fn every_create_makes_one_more_pending_record() {
        let mut access = CloudProviderAccess::default();
        let first = access.create();
        let second = access.create();
        assert_ne!(first.role_id, second.role_id);
        assert_ne!(first.external_id, second.external_id);
        let body = first.to_json("299602853325", false);
        assert_eq!(body["authorizedDate"], Value::Null);
        assert_eq!(body["iamAssumedRoleArn"], Value::Null);
        assert_eq!(body["featureUsages"], json!([]));
    }

    #[test]
    fn only_an_authorized_record_can_be_used() -> Result<(), ApiError> {
        let mut access = CloudProviderAccess::default();
        let id = access.create().role_id;
        let refused = access.authorized(&id).map(|_| ()).map_err(|error| error.code);
        assert_eq!(refused, Err("CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED".to_owned()));
        access.authorize(&id, "arn:aws:iam::444455556666:role/a", false)?;
        access.authorize(&id, "arn:aws:iam::444455556666:role/b", false)?;
        assert_eq!(access.authorized(&id)?.iam_role_arn.as_deref(), Some("arn:aws:iam::444455556666:role/b"));
        Ok(())
    }

    #[test]
    fn a_failure_after_authorize_happens_once() -> Result<(), ApiError> {
        let mut access = CloudProviderAccess::default();
        let id = access.create().role_id;
        access.authorize(&id, "arn:aws:iam::444455556666:role/a", true)?;
        assert!(access.take_failure(&id));
        assert!(!access.take_failure(&id));
        Ok(())
    }

    #[test]
    fn a_record_in_use_stays() -> Result<(), ApiError> {
        let mut access = CloudProviderAccess::default();
        let id = access.create().role_id;
        assert!(access.remove(&id, true).is_err());
        access.remove(&id, false)?;
        assert!(access.get(&id).is_err());
        Ok(())
    }

    #[test]
    fn another_feature_keeps_its_record_until_its_use_ends() -> Result<(), ApiError> {
        let mut access = CloudProviderAccess::default();
        let id = access.create().role_id;
        access.add_usage(&id, FeatureUsage { feature: Feature::ExportSnapshot, id: json!({"groupId": "g"}) })?;
        let usages = access.get(&id)?.to_json("299602853325", true)["featureUsages"].clone();
        let expected = [
            json!({"featureId": null, "featureType": "ENCRYPTION_AT_REST"}),
            json!({"featureId": {"groupId": "g"}, "featureType": "EXPORT_SNAPSHOT"}),
        ];
        assert_eq!(usages, json!(expected));
        let refused = access.remove(&id, false).map_err(|error| error.code);
        assert_eq!(refused, Err("AWS_IAM_ROLE_IN_USE".to_owned()));
        access.clear_usages();
        access.remove(&id, false)
    }
}
