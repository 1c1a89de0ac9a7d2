//! What is asked of a project's encryption at rest.

use crate::{
    atlas::AwsKms,
    ids::{AccessRoleId, KmsKeyArn},
};

/// What the block for AWS KMS is to say.
pub(crate) struct Asked<'a> {
    pub(crate) role_id: &'a AccessRoleId,
    pub(crate) key_arn: &'a KmsKeyArn,
    /// Whether private networking is requested. If not, the setting of the project does not matter.
    pub(crate) private_networking: bool,
}

impl Asked<'_> {
    /// Whether the project already has what is asked for. Whether the key works is another question.
    pub(crate) fn is_met_by(&self, now: &AwsKms) -> bool {
        now.enabled == Some(true)
            && now.role_id.as_deref() == Some(self.role_id.as_ref())
            && now.customer_master_key_id.as_deref() == Some(self.key_arn.as_ref())
            && now.region.as_deref() == Some(self.key_arn.region().to_atlas().as_str())
            && (!self.private_networking || now.require_private_networking == Some(true))
    }
}
