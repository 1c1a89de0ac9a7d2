//! Encryption at rest of a project. Only the AWS block is ever sent: other providers' blocks are not ours.

use serde::{Deserialize, Serialize};

use super::{
    AtlasError, AtlasReader, AtlasWriter,
    transport::{Call, V2023_01_01},
};
use crate::ids::{AccessRoleId, KmsKeyArn, ProjectId};

/// The encryption at rest of a project, as Atlas returns it. A provider that is off has a block of empty fields or
/// none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EncryptionAtRest {
    /// AWS KMS.
    pub aws_kms: Option<AwsKms>,
    /// Azure Key Vault.
    pub azure_key_vault: Option<OtherProvider>,
    /// Google Cloud KMS.
    pub google_cloud_kms: Option<OtherProvider>,
    /// Whether search nodes use the key too.
    pub enabled_for_search_nodes: Option<bool>,
}

/// What is configured for AWS KMS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AwsKms {
    /// Whether customer-managed keys are on.
    pub enabled: Option<bool>,
    /// The access role record, an id of Atlas.
    pub role_id: Option<String>,
    /// Of projects from before roles: the access key they still use. Atlas never returns its secret part, and atlas-cmk
    /// never sends either.
    #[serde(rename = "accessKeyID")]
    pub access_key_id: Option<String>,
    /// The key's id or ARN.
    #[serde(rename = "customerMasterKeyID")]
    pub customer_master_key_id: Option<String>,
    /// The key's region in Atlas's spelling.
    pub region: Option<String>,
    /// Whether the key is reached over private endpoints only.
    pub require_private_networking: Option<bool>,
    /// Whether Atlas can use the key. It checks on every change, every 15 minutes, and whenever this is read.
    pub valid: Option<bool>,
}

impl AwsKms {
    /// Whether the project still uses an access key, which Atlas no longer takes from anyone.
    pub fn uses_access_key(&self) -> bool {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.enabled == Some(true) && given(&self.access_key_id) && !given(&self.role_id)
    }
}

/// All we need to know of a provider that is not AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OtherProvider {
    /// Whether customer-managed keys are on.
    pub enabled: Option<bool>,
}

/// A complete configuration for AWS KMS, which is what the first enabling demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsKmsUpdate {
    /// Whether customer-managed keys are to be on.
    pub enabled: bool,
    /// The access role record.
    pub role_id: AccessRoleId,
    /// The full ARN: a mere id does not work for a key of another account.
    #[serde(rename = "customerMasterKeyID")]
    pub customer_master_key_id: KmsKeyArn,
    /// The key's region in Atlas's spelling.
    pub region: String,
    /// Whether the key is to be reached over private endpoints only.
    pub require_private_networking: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateBody<'a> {
    aws_kms: &'a AwsKmsUpdate,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled_for_search_nodes: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialBody {
    aws_kms: PartialAwsKms,
}

/// What is not named stays as it is.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialAwsKms {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_private_networking: Option<bool>,
}

impl AtlasReader {
    /// The project's encryption at rest. Reading it makes Atlas check the key.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn encryption_at_rest(&self, project: &ProjectId) -> Result<EncryptionAtRest, AtlasError> {
        self.call(Call::get(V2023_01_01, path(project))).await
    }
}

impl AtlasWriter {
    /// Changes the AWS block of the project's encryption at rest, whether search nodes use the key if that is given,
    /// and nothing else.
    ///
    /// # Errors
    /// Any [`AtlasError`], `CANNOT_ASSUME_ROLE` and those of the key among them.
    pub async fn update_aws_kms(
        &self,
        project: &ProjectId,
        update: &AwsKmsUpdate,
        search_nodes: Option<bool>,
    ) -> Result<EncryptionAtRest, AtlasError> {
        self.call(Call::patch(
            V2023_01_01,
            path(project),
            &UpdateBody { aws_kms: update, enabled_for_search_nodes: search_nodes },
        ))
        .await
    }

    /// Lets the project reach its key over the public network again.
    ///
    /// # Errors
    /// Any [`AtlasError`]; Atlas refuses while there are private endpoints, and for a while after.
    pub async fn stop_private_networking(&self, project: &ProjectId) -> Result<EncryptionAtRest, AtlasError> {
        let aws_kms = PartialAwsKms { require_private_networking: Some(false), ..PartialAwsKms::default() };
        self.call(Call::patch(V2023_01_01, path(project), &PartialBody { aws_kms })).await
    }

    /// Switches customer-managed keys of AWS KMS off. Atlas then forgets what was configured for them.
    ///
    /// # Errors
    /// Any [`AtlasError`]; Atlas refuses while a cluster uses the key or there are private endpoints, and for a while
    /// after.
    pub async fn disable_aws_kms(&self, project: &ProjectId) -> Result<EncryptionAtRest, AtlasError> {
        let aws_kms = PartialAwsKms { enabled: Some(false), ..PartialAwsKms::default() };
        self.call(Call::patch(V2023_01_01, path(project), &PartialBody { aws_kms })).await
    }
}

fn path(project: &ProjectId) -> String {
    format!("/groups/{project}/encryptionAtRest")
}
