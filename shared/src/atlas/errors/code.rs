//! Atlas's error codes, as far as anything here depends on them.

use std::fmt;

use serde::Deserialize;

macro_rules! error_codes {
    ($($variant:ident = $name:literal,)+) => {
        /// An `errorCode` of Atlas. Half of these are in no documentation but in logs and issues of its official tools.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(from = "String")]
        #[expect(missing_docs, reason = "each is Atlas's own name")]
        pub enum ErrorCode {
            $($variant,)+
            Other(String),
        }

        impl From<String> for ErrorCode {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)+
                    _ => Self::Other(name),
                }
            }
        }

        impl ErrorCode {
            /// Atlas's name of it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }
        }
    };
}

error_codes! {
    CannotAssumeRole = "CANNOT_ASSUME_ROLE",
    InvalidAwsCredentials = "INVALID_AWS_CREDENTIALS",
    CloudProviderAccessRoleNotAuthorized = "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED",
    CloudProviderAccessRoleNotFound = "CLOUD_PROVIDER_ACCESS_ROLE_NOT_FOUND",
    AwsIamRoleInUse = "AWS_IAM_ROLE_IN_USE",
    NoPermissionToEncryptDecrypt = "NO_PERMISSION_TO_ENCRYPT_DECRYPT",
    KeyNotEnabled = "AWS_KMS_CUSTOMER_MASTER_KEY_NOT_ENABLED",
    KeyPendingDeletion = "AWS_KMS_CUSTOMER_MASTER_KEY_PENDING_DELETION",
    KeyPendingImport = "AWS_KMS_CUSTOMER_MASTER_KEY_PENDING_IMPORT",
    KeyNotFound = "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND",
    KmsRegionNotSupported = "AWS_KMS_REGION_NOT_SUPPORTED",
    EncryptionAtRestSettingsInvalid = "ENCRYPTION_AT_REST_SETTINGS_INVALID",
    CannotChangeEncryptionAtRestProvider = "CANNOT_CHANGE_ENCRYPTION_AT_REST_PROVIDER",
    CannotDisableEncryptionAtRest = "CANNOT_DISABLE_ENCRYPTION_AT_REST",
    CannotDisableDueToPrivateEndpoints = "CANNOT_DISABLE_ENCRYPTION_AT_REST_DUE_TO_PRIVATE_ENDPOINTS",
    CannotDisablePrivateNetworking =
        "CANNOT_DISABLE_ENCRYPTION_AT_REST_REQUIRE_PRIVATE_NETWORKING_WHILE_PRIVATE_ENDPOINTS_EXIST",
    CannotDisableWithBackupCompliancePolicy =
        "CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY",
    CannotDisableAllWithBackupCompliancePolicy =
        "CAN_NOT_DISABLE_ALL_ENCRYPTION_AT_REST_SETTINGS_WHILE_BACKUP_COMPLIANCE_POLICY_ENCRYPTION_ENABLED",
    DeleteBlockedDuringProvisioning =
        "ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING",
    GroupNotFound = "GROUP_NOT_FOUND",
    GroupNameNotFound = "GROUP_NAME_NOT_FOUND",
    NotOrgGroupCreator = "NOT_ORG_GROUP_CREATOR",
    SearchDeploymentDoesNotExist = "ATLAS_SEARCH_DEPLOYMENT_DOES_NOT_EXIST",
    ClusterNotFound = "CLUSTER_NOT_FOUND",
    CannotUseFlexClusterInClusterApi = "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
    NotInGroup = "NOT_IN_GROUP",
    UserCannotAccessGroup = "USER_CANNOT_ACCESS_GROUP",
    UserUnauthorized = "USER_UNAUTHORIZED",
    IpAddressNotOnWhitelist = "IP_ADDRESS_NOT_ON_WHITELIST",
    IpAddressNotOnAccessList = "IP_ADDRESS_NOT_ON_ACCESS_LIST",
    OrgRequiresWhitelist = "ORG_REQUIRES_WHITELIST",
    OrgRequiresAccessList = "ORG_REQUIRES_ACCESS_LIST",
    ResourceRequiresWhitelist = "RESOURCE_REQUIRES_WHITELIST",
    ResourceRequiresAccessList = "RESOURCE_REQUIRES_ACCESS_LIST",
    InvalidRegion = "INVALID_REGION",
    InvalidVersionDate = "INVALID_VERSION_DATE",
    VersionGone = "VERSION_GONE",
    WritesNotAllowedDuringAppUpgrades = "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES",
    RateLimitedTokenBucket = "RATE_LIMITED_TOKEN_BUCKET",
    RateLimited = "RATE_LIMITED",
    AccountSuspended = "ACCOUNT_SUSPENDED",
    NoPaymentInformationFound = "NO_PAYMENT_INFORMATION_FOUND",
    UnexpectedError = "UNEXPECTED_ERROR",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
