//! How to reach another account.

use super::{ExternalId, IamPolicyArn, IamRoleArn, InvalidId};
use crate::error::{Error, ErrorName, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role in another account that atlas-cmk assumes for every call of IAM and KMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountAccess {
    /// The role in the account of the IAM role and the key; infra/spoke.yaml creates it.
    pub role_arn: IamRoleArn,
    /// The external ID that its trust policy requires.
    pub external_id: ExternalId,
}

impl AccountAccess {
    /// The permissions boundary that infra/spoke.yaml creates beside the role: it is named after it.
    ///
    /// # Errors
    /// `Input.Invalid` if no policy can have that name.
    pub fn access_role_boundary(&self) -> Result<IamPolicyArn> {
        let partition = self.role_arn.as_ref().split(':').nth(1).unwrap_or_default();
        let (account, name) = (self.role_arn.account(), self.role_arn.name());
        format!("arn:{partition}:iam::{account}:policy/{name}-access-role-boundary")
            .parse()
            .map_err(|error: InvalidId| Error::new(ErrorName::InputInvalid, format!("account.roleArn: {error}")))
    }
}
