//! The policy of a key that atlas-cmk creates, and what it adds to the policy of a replica that it creates.
//!
//! Rights on such a key come from its own policy. The account administers it through IAM, but no identity policy and no
//! tag opens it: whoever may use the key, change its policy or replicate it (a replica gets a policy of its own, so
//! replicating opens the key too) is named here, and so is which of our roles may do what else with it. Our roles are
//! named by `aws:PrincipalArn` and not as principals, because a role that is deleted turns into its unique id there, and
//! the role of the same name that a later deployment creates is another, while conditions keep the ARN (IAM user guide,
//! "AWS JSON policy elements: Principal"). A principal of `*` is for statements that conditions limit, as here to the
//! account and to the roles (KMS developer guide, "Examining the key policy", "kms:CallerAccount"). KMS accepts a policy
//! only if it lets the caller call `PutKeyPolicy` again (KMS API reference, `CreateKey`, `ReplicateKey`, `Policy`); that
//! this check looks at conditions as any authorization does is read from these pages, and was not seen on AWS.

use serde_json::json;

use super::{KEY_RIGHTS, KeyRight, Owner, PolicyDocument, Statement};
use crate::ids::AccountId;

/// What the account's IAM policies may allow: everything but to use the key, to change its policy, to grant or to
/// replicate it.
const ADMINISTRATION: [&str; 19] = [
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
];

/// The roles of atlas-cmk that a key which it creates admits, by ARN. They are roles of the key's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMaintainers {
    /// The account of the key.
    pub account: AccountId,
    /// For each of [`KEY_RIGHTS`], who has it.
    pub roles: Vec<Vec<String>>,
}

impl KeyMaintainers {
    /// The policy of a new key.
    pub fn policy_of_new_key(&self) -> PolicyDocument {
        let partition = self.roles.iter().flatten().next().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
        let root = format!("arn:{partition}:iam::{}:root", self.account);
        self.add_to(&PolicyDocument::default().merge(&Statement::allow_principal(
            &Owner::KeyAdministration.sid(),
            &root,
            &ADMINISTRATION,
        )))
    }

    /// The policy with the statements that admit us. Every other statement stays as it is.
    #[must_use]
    pub fn add_to(&self, policy: &PolicyDocument) -> PolicyDocument {
        let rights = KEY_RIGHTS.iter().zip(&self.roles);
        rights.fold(policy.clone(), |policy, (right, roles)| policy.merge(&self.statement(*right, roles)))
    }

    fn statement(&self, right: KeyRight, roles: &[String]) -> Statement {
        Statement::from_json(json!({
            "Sid": Owner::KeyRight(right).sid(),
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": right.actions,
            "Resource": "*",
            "Condition": {
                "StringEquals": { "kms:CallerAccount": self.account },
                "ArnEquals": { "aws:PrincipalArn": roles },
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::key_maintainers;

    #[test]
    fn no_identity_policy_uses_a_new_key_changes_its_policy_or_replicates_it() {
        let policy = key_maintainers().policy_of_new_key();
        let account = "444455556666".parse().unwrap();
        for action in [
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:CreateGrant",
            "kms:PutKeyPolicy",
            "kms:ReplicateKey",
            "kms:GenerateDataKey",
        ] {
            assert!(!policy.delegates_to_iam(&account, &[action]), "{action}");
        }
        for action in ["kms:DescribeKey", "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:TagResource"] {
            assert!(policy.delegates_to_iam(&account, &[action]), "{action}");
        }
    }

    #[test]
    fn our_roles_are_named_by_conditions_and_never_as_principals() {
        let policy = key_maintainers().policy_of_new_key();
        for right in KEY_RIGHTS {
            let statement = policy.statement(&Owner::KeyRight(right).sid()).unwrap();
            assert_eq!(statement.elements()["Principal"], json!({"AWS": "*"}));
            let condition = &statement.elements()["Condition"];
            assert_eq!(condition["StringEquals"]["kms:CallerAccount"], "444455556666");
            let named = condition["ArnEquals"]["aws:PrincipalArn"].as_array().unwrap();
            assert_eq!(named.len(), right.steps.len(), "{named:?}");
        }
    }

    #[test]
    fn statements_of_others_stay_and_a_second_time_changes_nothing() {
        let theirs = Statement::allow_principal("Theirs", "arn:aws:iam::444455556666:role/admin", &["kms:*"]);
        let once = key_maintainers().add_to(&PolicyDocument::default().merge(&theirs));
        assert_eq!(once.statement("Theirs"), Some(theirs));
        assert_eq!(key_maintainers().add_to(&once), once);
    }
}
