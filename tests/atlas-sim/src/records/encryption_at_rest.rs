//! The encryption-at-rest configuration of a project.

use serde_json::{Value, json};

/// An enabled AWS KMS configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsKms {
    pub(crate) role_id: String,
    /// A key id or ARN.
    pub(crate) key: String,
    /// The region of the key, in the spelling of Atlas.
    pub(crate) region: String,
    pub(crate) require_private_networking: bool,
    /// What the latest access check found.
    pub(crate) valid: bool,
}

/// The configuration of a project. Only AWS can be enabled here.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncryptionAtRest {
    pub(crate) aws: Option<AwsKms>,
    pub(crate) enabled_for_search_nodes: bool,
    /// Of a project from before roles: what it uses until it is configured with a role.
    pub(crate) access_key: Option<OldAccess>,
}

/// An access key that Atlas took before there were roles, and the key it is for. Its secret part is never returned
/// (Atlas Administration API, `AWSKMSConfiguration`).
#[derive(Debug, Clone)]
pub(crate) struct OldAccess {
    pub(crate) access_key_id: String,
    pub(crate) key: String,
    /// In the spelling of Atlas.
    pub(crate) region: String,
}

impl EncryptionAtRest {
    /// The answer to a GET. A disabled block keeps its keys, all null (Terraform provider test logs).
    pub(crate) fn to_json(&self) -> Value {
        let aws = self.aws.as_ref();
        // Once a project has a role it never goes back to access keys.
        let old = self.access_key.as_ref().filter(|_| aws.is_none());
        json!({
            "awsKms": {
                "accessKeyID": old.map(|old| &old.access_key_id),
                "customerMasterKeyID": aws.map(|kms| &kms.key).or(old.map(|old| &old.key)),
                "enabled": aws.is_some() || old.is_some(),
                "region": aws.map(|kms| &kms.region).or(old.map(|old| &old.region)),
                "requirePrivateNetworking": aws.is_some_and(|kms| kms.require_private_networking),
                "roleId": aws.map(|kms| &kms.role_id),
                "valid": aws.is_some_and(|kms| kms.valid) || old.is_some(),
            },
            "azureKeyVault": {
                "azureEnvironment": null,
                "clientID": null,
                "enabled": false,
                "keyIdentifier": null,
                "keyVaultName": null,
                "requirePrivateNetworking": false,
                "resourceGroupName": null,
                "roleId": null,
                "subscriptionID": null,
                "tenantID": null,
                "valid": false,
            },
            "enabledForSearchNodes": self.enabled_for_search_nodes,
            "googleCloudKms": {
                "enabled": false,
                "keyVersionResourceID": null,
                "roleId": null,
                "valid": false,
            },
        })
    }

    /// Whether a role record is used by the configuration.
    pub(crate) fn uses_role(&self, role_id: &str) -> bool {
        self.aws.as_ref().is_some_and(|kms| kms.role_id == role_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_configuration_shows_its_nulls() {
        let body = EncryptionAtRest::default().to_json();
        assert_eq!(
            body["awsKms"].to_string(),
            concat!(
                r#"{"accessKeyID":null,"customerMasterKeyID":null,"enabled":false,"region":null,"#,
                r#""requirePrivateNetworking":false,"roleId":null,"valid":false}"#,
            )
        );
    }
}
