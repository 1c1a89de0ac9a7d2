//! Which name of the closed list a refusal gets, and what one can do about it.

use reqwest::StatusCode;

use super::ErrorCode;
use crate::error::ErrorName;

pub(super) fn of_refusal(status: StatusCode, code: Option<&ErrorCode>, is_json: bool) -> ErrorName {
    use ErrorCode as Code;
    match code {
        Some(Code::CannotAssumeRole | Code::InvalidAwsCredentials) => ErrorName::AtlasCannotAssumeRole,
        Some(Code::CloudProviderAccessRoleNotAuthorized | Code::CloudProviderAccessRoleNotFound) => {
            ErrorName::AtlasRoleNotAuthorized
        }
        Some(Code::AwsIamRoleInUse) => ErrorName::AtlasRoleInUse,
        Some(Code::NoPermissionToEncryptDecrypt) => ErrorName::KmsAccessDenied,
        Some(
            Code::KeyNotEnabled
            | Code::KeyPendingDeletion
            | Code::KeyPendingImport
            | Code::KeyNotFound
            | Code::KmsRegionNotSupported
            | Code::EncryptionAtRestSettingsInvalid,
        ) => ErrorName::KmsKeyUnusable,
        Some(Code::CannotDisableDueToPrivateEndpoints | Code::CannotDisablePrivateNetworking) => {
            ErrorName::EndpointStillCounted
        }
        Some(Code::DeleteBlockedDuringProvisioning) => ErrorName::EndpointProvisioning,
        Some(Code::CannotDisableEncryptionAtRest) => ErrorName::ClusterStillEncrypted,
        Some(
            Code::CannotChangeEncryptionAtRestProvider
            | Code::CannotDisableWithBackupCompliancePolicy
            | Code::CannotDisableAllWithBackupCompliancePolicy,
        ) => ErrorName::AtlasConflict,
        Some(
            Code::IpAddressNotOnWhitelist
            | Code::IpAddressNotOnAccessList
            | Code::OrgRequiresWhitelist
            | Code::OrgRequiresAccessList
            | Code::ResourceRequiresWhitelist
            | Code::ResourceRequiresAccessList,
        ) => ErrorName::AtlasIpNotAllowed,
        // A refusal by status 405, and yet one that passes.
        Some(Code::WritesNotAllowedDuringAppUpgrades) => ErrorName::AtlasUnavailable,
        Some(Code::RateLimitedTokenBucket | Code::RateLimited) => ErrorName::AtlasRateLimited,
        _ => of_status(status, is_json),
    }
}

fn of_status(status: StatusCode, is_json: bool) -> ErrorName {
    match status.as_u16() {
        401 => ErrorName::AtlasUnauthorized,
        // Seen in the middle of runs that had just worked, and were to work again.
        403 if !is_json => ErrorName::AtlasUnavailable,
        403 => ErrorName::AtlasUnauthorized,
        409 => ErrorName::AtlasConflict,
        429 => ErrorName::AtlasRateLimited,
        500..=599 => ErrorName::AtlasUnavailable,
        _ => ErrorName::AtlasRejected,
    }
}

pub(super) fn of_token_refusal(status: StatusCode, error: Option<&str>) -> (ErrorName, &'static str) {
    match (status.as_u16(), error) {
        (403, Some("access_denied")) => {
            (ErrorName::AtlasRateLimited, "; wait for active tokens to expire, or use another service account")
        }
        (400 | 401 | 403, _) => {
            (ErrorName::AtlasUnauthorized, "; store the current client id and secret of the service account")
        }
        (429, _) => (ErrorName::AtlasRateLimited, ""),
        (500..=599, _) => (ErrorName::AtlasUnavailable, ""),
        _ => (ErrorName::AtlasRejected, ""),
    }
}

pub(super) fn fix(name: ErrorName, code: Option<&ErrorCode>) -> Option<&'static str> {
    use ErrorCode as Code;
    Some(match (name, code) {
        (_, Some(Code::GroupNotFound)) => "check projectId",
        (_, Some(Code::NotOrgGroupCreator)) => {
            "grant the credentials the role Organization Project Creator, or create the project yourself and give its projectId"
        }
        (_, Some(Code::CannotDisableWithBackupCompliancePolicy | Code::CannotDisableAllWithBackupCompliancePolicy)) => {
            "the project's backup compliance policy requires encryption with customer-managed keys; only MongoDB Support can lift it"
        }
        (_, Some(Code::InvalidRegion)) => "remove this region from regions",
        (_, Some(Code::AccountSuspended | Code::NoPaymentInformationFound)) => {
            "resolve the billing problem of the Atlas organization"
        }
        (_, Some(Code::InvalidVersionDate | Code::VersionGone)) => {
            "update atlas-cmk: it requests a version of the Atlas API that no longer exists"
        }
        (ErrorName::AtlasUnauthorized, _) => {
            "check the keys in the secret, and grant them the role Project Owner on this project"
        }
        (ErrorName::AtlasIpNotAllowed, _) => {
            "add the IP address that the Lambda functions call from to the access list of the API key or of the organization"
        }
        (ErrorName::AtlasCannotAssumeRole, _) => {
            "expected for some minutes after a change; otherwise check the trust policy: principal, external ID and role ARN"
        }
        (ErrorName::KmsAccessDenied, _) => {
            "expected for some minutes after a change; otherwise allow kms:Encrypt, kms:Decrypt and kms:DescribeKey in \
             the policies of the role, and also in the key policy if that does not delegate to IAM policies or if the \
             key is in another account"
        }
        (ErrorName::KmsKeyUnusable, _) => "check that the key exists in the region of its ARN and is enabled",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_named_by_their_error_code_first_and_by_their_status_otherwise() {
        for (status, code, name) in [
            (400, "CANNOT_ASSUME_ROLE", "Atlas.CannotAssumeRole"),
            (400, "INVALID_AWS_CREDENTIALS", "Atlas.CannotAssumeRole"),
            (400, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED", "Atlas.RoleNotAuthorized"),
            (400, "AWS_IAM_ROLE_IN_USE", "Atlas.RoleInUse"),
            (409, "AWS_IAM_ROLE_IN_USE", "Atlas.RoleInUse"),
            (400, "NO_PERMISSION_TO_ENCRYPT_DECRYPT", "Kms.AccessDenied"),
            (400, "AWS_KMS_CUSTOMER_MASTER_KEY_NOT_ENABLED", "Kms.KeyUnusable"),
            (404, "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND", "Kms.KeyUnusable"),
            (403, "IP_ADDRESS_NOT_ON_WHITELIST", "Atlas.IpNotAllowed"),
            (403, "ORG_REQUIRES_ACCESS_LIST", "Atlas.IpNotAllowed"),
            (401, "NOT_IN_GROUP", "Atlas.Unauthorized"),
            (401, "USER_UNAUTHORIZED", "Atlas.Unauthorized"),
            (403, "FEATURE_UNSUPPORTED", "Atlas.Unauthorized"),
            (404, "GROUP_NOT_FOUND", "Atlas.Rejected"),
            (405, "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES", "Atlas.Unavailable"),
            (406, "INVALID_VERSION_DATE", "Atlas.Rejected"),
            (409, "CANNOT_CHANGE_ENCRYPTION_AT_REST_PROVIDER", "Atlas.Conflict"),
            (409, "CANNOT_DISABLE_ENCRYPTION_AT_REST", "Cluster.StillEncrypted"),
            (400, "CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS", "Endpoint.StillCounted"),
            (
                400,
                "CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST",
                "Endpoint.StillCounted",
            ),
            (400, "ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING", "Endpoint.Provisioning"),
            (400, "CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY", "Atlas.Conflict"),
            (409, "SOMETHING_NEW", "Atlas.Conflict"),
            (429, "RATE_LIMITED_TOKEN_BUCKET", "Atlas.RateLimited"),
            (500, "UNEXPECTED_ERROR", "Atlas.Unavailable"),
            (503, "SOMETHING_NEW", "Atlas.Unavailable"),
        ] {
            let code = ErrorCode::from(code.to_owned());
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_refusal(status, Some(&code), true).as_str(), name, "{status} {code}");
        }
    }

    #[test]
    fn a_403_without_a_reason_is_taken_for_a_disturbance() {
        assert_eq!(of_refusal(StatusCode::FORBIDDEN, None, false), ErrorName::AtlasUnavailable);
        assert_eq!(of_refusal(StatusCode::FORBIDDEN, None, true), ErrorName::AtlasUnauthorized);
    }

    #[test]
    fn the_limit_of_live_tokens_is_a_rate_limit_and_a_wrong_secret_is_not() {
        assert_eq!(of_token_refusal(StatusCode::FORBIDDEN, Some("access_denied")).0, ErrorName::AtlasRateLimited);
        assert_eq!(of_token_refusal(StatusCode::UNAUTHORIZED, Some("invalid_client")).0, ErrorName::AtlasUnauthorized);
    }
}
