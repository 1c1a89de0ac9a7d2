//! How to reach another account.

use super::{ExternalId, IamPolicyArn, IamRoleArn, InvalidId};
use crate::error::{Error, ErrorName, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The roles that infra/spoke.yaml creates in another account. Each may do one kind of thing and admits only the functions
/// that do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpokeRole {
    /// Reads roles and keys, and writes nothing.
    Read,
    /// Writes the IAM roles that Atlas assumes.
    Iam,
    /// Creates keys and replicas.
    Keys,
    /// Changes key policies.
    KeyPolicies,
    /// Tags roles and keys with the projects that use them.
    Tags,
    /// Writes and attaches the managed policies of cross-account access.
    Access,
    /// Restores keys.
    Guard,
}

impl SpokeRole {
    const ALL: [Self; 7] =
        [Self::Read, Self::Iam, Self::Keys, Self::KeyPolicies, Self::Tags, Self::Access, Self::Guard];

    /// Whether a role has the name of one of these, if the one that reads has the name `read`. IAM compares names
    /// without regard to case.
    pub fn is(name: &str, read: &str) -> bool {
        Self::ALL.iter().any(|role| name.eq_ignore_ascii_case(&format!("{read}{}", role.suffix())))
    }

    /// What its name has behind the name of the role that reads.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Read => "",
            Self::Iam => "-iam",
            Self::Keys => "-keys",
            Self::KeyPolicies => "-key-policies",
            Self::Tags => "-tags",
            Self::Access => "-access",
            Self::Guard => "-guard",
        }
    }
}

/// How to reach another account: the roles of infra/spoke.yaml, which atlas-cmk assumes for every call of IAM and KMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountAccess {
    /// The role that reads in the account of the IAM role and the key: output `SpokeRoleArn` of infra/spoke.yaml.
    pub role_arn: IamRoleArn,
    /// The external ID that their trust policies require.
    pub external_id: ExternalId,
}

impl AccountAccess {
    /// One of the roles of infra/spoke.yaml.
    ///
    /// # Errors
    /// `Input.Invalid` if no role can have that name.
    pub fn role(&self, role: SpokeRole) -> Result<IamRoleArn> {
        format!("{}{}", self.role_arn, role.suffix())
            .parse()
            .map_err(|error: InvalidId| Error::new(ErrorName::InputInvalid, format!("account.roleArn: {error}")))
    }

    /// The permissions boundary that infra/spoke.yaml creates for the roles that Atlas assumes: it is named after the role
    /// that reads.
    ///
    /// # Errors
    /// `Input.Invalid` if no policy can have that name.
    pub fn access_role_boundary(&self) -> Result<IamPolicyArn> {
        self.boundary("access-role-boundary")
    }

    /// The one that it creates for the roles of cross-account access.
    ///
    /// # Errors
    /// As [`Self::access_role_boundary`].
    pub fn cross_account_boundary(&self) -> Result<IamPolicyArn> {
        self.boundary("cross-account-boundary")
    }

    fn boundary(&self, suffix: &str) -> Result<IamPolicyArn> {
        let partition = self.role_arn.as_ref().split(':').nth(1).unwrap_or_default();
        let (account, name) = (self.role_arn.account(), self.role_arn.name());
        format!("arn:{partition}:iam::{account}:policy/{name}-{suffix}")
            .parse()
            .map_err(|error: InvalidId| Error::new(ErrorName::InputInvalid, format!("account.roleArn: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_roles_of_a_spoke_are_named_after_the_one_that_reads() {
        let role_arn = "arn:aws-us-gov:iam::444455556666:role/AtlasCmkSpoke";
        let access = json!({"roleArn": role_arn, "externalId": "b0a7c1de"});
        let access: AccountAccess = serde_json::from_value(access).unwrap();
        assert_eq!(access.role(SpokeRole::Read).unwrap().as_ref(), role_arn);
        assert_eq!(access.role(SpokeRole::Guard).unwrap().as_ref(), format!("{role_arn}-guard"));
        assert!(SpokeRole::is("ATLASCMKSPOKE-key-policies", "AtlasCmkSpoke"));
        assert!(!SpokeRole::is("AtlasCmkSpoke-other", "AtlasCmkSpoke"));
    }
}
