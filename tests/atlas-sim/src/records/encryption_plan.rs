//! What a PATCH of the encryption-at-rest configuration means.

use axum::http::StatusCode;

use crate::aws;
use crate::error::ApiError;
use crate::regions;

use super::backup_compliance_policy;
use super::encryption_at_rest::{AwsKms, EncryptionAtRest};

/// The `awsKms` block of a PATCH. What is `None` is not to change.
#[derive(Debug, Clone, Default)]
pub(crate) struct AwsKmsChange {
    pub(crate) enabled: Option<bool>,
    pub(crate) role_id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) require_private_networking: Option<bool>,
    /// Whether access keys were sent, which Atlas no longer takes.
    pub(crate) has_access_keys: bool,
}

/// What in the project stands against a change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// The regions that have a private endpoint in whatever state, or still count as having one, in order and
    /// without repeats.
    pub(crate) endpoint_regions: Vec<String>,
    /// Whether a cluster uses the key, or still counts as using it.
    pub(crate) has_encrypted_cluster: bool,
    /// Whether such a cluster spans several AWS regions.
    pub(crate) has_multi_region_encrypted_cluster: bool,
    /// Whether the backup compliance policy demands encryption at rest.
    pub(crate) policy_demands_encryption: bool,
}

/// What a PATCH leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// `awsKms` stays as it is.
    Keep,
    /// The configuration is removed.
    Disable,
    /// The configuration becomes this one, if the access check passes.
    Configure {
        wanted: AwsKms,
        /// The current configuration, when it has to be accessible for the key to be changed.
        first_check: Option<AwsKms>,
    },
}

impl EncryptionAtRest {
    /// Decides what a change of `awsKms` leads to, or why it is refused.
    pub(crate) fn plan(&self, change: AwsKmsChange, around: &Surroundings) -> Result<Plan, ApiError> {
        if change.has_access_keys {
            return Err(ApiError::bad_request(
                "AWS_KMS_CREDENTIALS_AUTH_DEPRECATED",
                "Credentials based authentication is no longer supported for AWS KMS.",
            ));
        }
        match (&self.aws, change.enabled) {
            (None, Some(false)) => Ok(Plan::Keep),
            (Some(_), Some(false)) => disable(around),
            (current, _) => configure(current.as_ref(), change, around),
        }
    }
}

fn disable(around: &Surroundings) -> Result<Plan, ApiError> {
    // Which of several reasons Atlas names is not known; here the one that lasts longest comes first (inference).
    if around.policy_demands_encryption {
        return Err(backup_compliance_policy::demands_encryption());
    }
    if around.has_encrypted_cluster {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "CANNOT_DISABLE_ENCRYPTION_AT_REST",
            "Cannot disable Encryption at Rest because it is still enabled on at least one cluster.",
        ));
    }
    // Wording and the empty parameters as in Terraform provider test logs.
    if !around.endpoint_regions.is_empty() {
        return Err(ApiError::bad_request(
            "CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS",
            "Encryption at Rest cannot be disabled when private endpoints are present.",
        ));
    }
    Ok(Plan::Disable)
}

fn configure(current: Option<&AwsKms>, change: AwsKmsChange, around: &Surroundings) -> Result<Plan, ApiError> {
    // The first time every field is required; later only what changes (Atlas API spec).
    if current.is_none() && change.enabled.is_none() {
        return Err(ApiError::missing_attribute("enabled"));
    }
    let pick = |new: Option<String>, old: fn(&AwsKms) -> &String, name| {
        new.or_else(|| current.map(|kms| old(kms).clone())).ok_or_else(|| ApiError::missing_attribute(name))
    };
    let role_id = pick(change.role_id, |kms| &kms.role_id, "roleId")?;
    let key = pick(change.key, |kms| &kms.key, "customerMasterKeyID")?;
    let region = pick(change.region, |kms| &kms.region, "region")?;
    let require_private_networking =
        change.require_private_networking.unwrap_or_else(|| current.is_some_and(|kms| kms.require_private_networking));

    if key.is_empty() || key.len() > 2048 {
        return Err(ApiError::invalid_attribute("customerMasterKeyID"));
    }
    if !regions::is_known(&region) {
        return Err(ApiError::invalid_region(&region));
    }
    // KMS knows no ARN of another region, so neither does Atlas (inference).
    if aws::region_of_arn(&key).is_some_and(|of_key| of_key != regions::to_aws(&region)) {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND",
            format!("The AWS customer master key was not found in {region}."),
        ));
    }
    // MongoDB's documentation forbids it; the code of the refusal is our inference.
    let changes_region = current.is_some_and(|kms| kms.region != region);
    if changes_region && !aws::is_multi_region(&key) {
        return Err(ApiError::invalid_attribute("region"));
    }
    refuse_public_networking(current, require_private_networking, around)?;
    // Documented as not allowed; the code is our inference.
    if require_private_networking && around.has_multi_region_encrypted_cluster && !aws::is_multi_region(&key) {
        return Err(ApiError::invalid_attribute("requirePrivateNetworking"));
    }
    let first_check = current.filter(|kms| kms.key != key || kms.region != region).cloned();
    let wanted = AwsKms { role_id, key, region, require_private_networking, valid: false };
    Ok(Plan::Configure { wanted, first_check })
}

/// Wording and parameters as in Terraform provider test logs, which only ever had one region.
fn refuse_public_networking(
    current: Option<&AwsKms>,
    require_private_networking: bool,
    around: &Surroundings,
) -> Result<(), ApiError> {
    let turns_off = !require_private_networking && current.is_some_and(|kms| kms.require_private_networking);
    if !turns_off || around.endpoint_regions.is_empty() {
        return Ok(());
    }
    let regions = around.endpoint_regions.join(", ");
    Err(ApiError::bad_request(
        "CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST",
        format!(
            "Cannot disable requirePrivateNetworking field when there are private endpoints. Remove private endpoints \
             in region(s) {regions} to disable requirePrivateNetworking."
        ),
    )
    .with(regions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const KEY: &str = "arn:aws:kms:eu-west-1:444455556666:key/0123";

    fn kms() -> AwsKms {
        AwsKms {
            role_id: "a".repeat(24),
            key: KEY.to_owned(),
            region: "EU_WEST_1".to_owned(),
            require_private_networking: true,
            valid: true,
        }
    }

    fn enabled() -> EncryptionAtRest {
        EncryptionAtRest { aws: Some(kms()), ..EncryptionAtRest::default() }
    }

    fn everything() -> AwsKmsChange {
        AwsKmsChange {
            enabled: Some(true),
            role_id: Some("a".repeat(24)),
            key: Some(KEY.to_owned()),
            region: Some("EU_WEST_1".to_owned()),
            ..AwsKmsChange::default()
        }
    }

    fn with_endpoint() -> Surroundings {
        Surroundings { endpoint_regions: vec!["US_EAST_1".to_owned()], ..Surroundings::default() }
    }

    fn code(plan: Result<Plan, ApiError>) -> String {
        plan.map_or_else(|error| error.code, |plan| format!("{plan:?}"))
    }

    #[test]
    fn the_first_time_every_field_is_required() {
        let off = EncryptionAtRest::default();
        let missing: [fn(&mut AwsKmsChange); 4] = [
            |change| change.enabled = None,
            |change| change.role_id = None,
            |change| change.key = None,
            |change| change.region = None,
        ];
        for forget in missing {
            let mut change = everything();
            forget(&mut change);
            assert_eq!(code(off.plan(change, &Surroundings::default())), "MISSING_ATTRIBUTE");
        }
    }

    #[test]
    fn later_only_what_changes_is_needed() -> Result<(), ApiError> {
        let change = AwsKmsChange { require_private_networking: Some(false), ..AwsKmsChange::default() };
        let expected = AwsKms { require_private_networking: false, valid: false, ..kms() };
        assert_eq!(
            enabled().plan(change, &Surroundings::default())?,
            Plan::Configure { wanted: expected, first_check: None }
        );
        Ok(())
    }

    #[test]
    fn disabling_is_refused_while_something_needs_the_key() {
        let off = || AwsKmsChange { enabled: Some(false), ..AwsKmsChange::default() };
        let encrypted = Surroundings { has_encrypted_cluster: true, ..Surroundings::default() };
        let policy = Surroundings { policy_demands_encryption: true, ..with_endpoint() };
        let table = [
            (Surroundings::default(), "Disable"),
            (policy, "CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY"),
            (with_endpoint(), "CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS"),
            (encrypted, "CANNOT_DISABLE_ENCRYPTION_AT_REST"),
        ];
        for (around, expected) in table {
            assert_eq!(code(enabled().plan(off(), &around)), expected);
        }
        let never_on = EncryptionAtRest::default();
        assert_eq!(code(never_on.plan(off(), &Surroundings::default())), "Keep");
    }

    #[test]
    fn public_networking_is_refused_while_endpoints_exist() {
        let change = AwsKmsChange { require_private_networking: Some(false), ..AwsKmsChange::default() };
        let error = enabled().plan(change, &with_endpoint()).expect_err("a refusal");
        assert_eq!(error.parameters, [Value::from("US_EAST_1")]);
    }

    #[test]
    fn what_cannot_work_is_refused_before_aws_is_asked() {
        let change = |edit: fn(&mut AwsKmsChange)| {
            let mut change = everything();
            edit(&mut change);
            change
        };
        let table = [
            (change(|c| c.has_access_keys = true), "AWS_KMS_CREDENTIALS_AUTH_DEPRECATED"),
            (change(|c| c.region = Some("eu-west-1".to_owned())), "INVALID_REGION"),
            (change(|c| c.region = Some("US_EAST_1".to_owned())), "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND"),
            (change(|c| c.key = Some(String::new())), "INVALID_ATTRIBUTE"),
        ];
        for (change, expected) in table {
            let off = EncryptionAtRest::default();
            assert_eq!(code(off.plan(change, &Surroundings::default())), expected);
        }
    }

    #[test]
    fn the_region_changes_only_with_a_multi_region_key() {
        let move_to = |key: &str| AwsKmsChange {
            key: Some(key.to_owned()),
            region: Some("US_EAST_1".to_owned()),
            ..AwsKmsChange::default()
        };
        let plan = |key| enabled().plan(move_to(key), &Surroundings::default());
        assert_eq!(code(plan("arn:aws:kms:us-east-1:444455556666:key/0123")), "INVALID_ATTRIBUTE");
        assert!(plan("arn:aws:kms:us-east-1:444455556666:key/mrk-1").is_ok());
    }

    #[test]
    fn another_key_needs_the_current_one_to_be_accessible() -> Result<(), ApiError> {
        let change = AwsKmsChange {
            key: Some("arn:aws:kms:eu-west-1:444455556666:key/4567".to_owned()),
            ..AwsKmsChange::default()
        };
        match enabled().plan(change, &Surroundings::default())? {
            Plan::Configure { first_check, .. } => assert_eq!(first_check, Some(kms())),
            other => unreachable!("{other:?}"),
        }
        Ok(())
    }
}
