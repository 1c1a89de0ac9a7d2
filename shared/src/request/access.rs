//! The input of cross-account access, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorName, Result},
    ids::{AccessName, AccountAccess, BucketName, ExternalId, IamPolicyArn, IamRoleArn, SourceRole},
    report::{Change, Kept, PlannedChange},
};

/// Allows a role to assume a role in another account with an external ID. Null counts as omitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossAccountAccess {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The name of the access. The names of its policies and the Sids of its statements contain it.
    pub name: AccessName,
    /// Who may assume the target role: a role, or a path of roles. Their own policies have to allow it too.
    pub source_role_arn: SourceRole,
    /// The role to assume. It must exist.
    pub target_role_arn: IamRoleArn,
    /// The external ID that the source must present, of at least 16 characters. By default that in force, or a random one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The S3 buckets that the target role may access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub buckets: Option<Vec<BucketAccess>>,
    /// Access to the account of the source role, if it is not the account in which the functions run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AccountAccess>,
    /// Access to the account of the target role, if it is not the account in which the functions run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<AccountAccess>,
    /// What to do: `apply` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<AccessMode>,
}

/// A bucket, and what the target role may do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketAccess {
    /// Its name.
    pub name: BucketName,
    /// What the target role may do with it.
    #[schemars(length(min = 1, max = 3))]
    pub access: Vec<Permission>,
}

/// What the target role may do with a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// List its objects.
    List,
    /// Read its objects.
    Read,
    /// Write and delete its objects.
    Write,
}

/// What the execution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessMode {
    /// Creates the access, and verifies it.
    #[default]
    Apply,
    /// Reports what `apply` would change, and changes nothing.
    Plan,
    /// Removes the access.
    Remove,
}

impl CrossAccountAccess {
    /// Rejects combinations of fields that are invalid together.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorName::InputInvalid, message));
        for (path, access, account) in [
            ("source.roleArn", &self.source, self.source_role_arn.account()),
            ("target.roleArn", &self.target, self.target_role_arn.account()),
        ] {
            let there = access.as_ref().map(|access| access.role_arn.account());
            if there.is_some_and(|there| there != account) {
                return invalid(format!(
                    "{path}: the role must be in account {account}, like the role that atlas-cmk changes through it"
                ));
            }
        }
        if let Some(external_id) = &self.external_id {
            check_external_id(external_id)?;
        }
        let Some(buckets) = &self.buckets else { return Ok(()) };
        if !(1..=20).contains(&buckets.len()) {
            return invalid("buckets: name 1 to 20, or omit the field".to_owned());
        }
        for (index, bucket) in buckets.iter().enumerate() {
            if bucket.access.is_empty() || bucket.access.len() > 3 {
                return invalid(format!("buckets[{index}].access: name list, read or write"));
            }
            if buckets[..index].iter().any(|before| before.name == bucket.name) {
                return invalid(format!("buckets[{index}].name: {} is named twice", bucket.name));
            }
        }
        Ok(())
    }

    /// What to do.
    pub fn mode(&self) -> AccessMode {
        self.mode.unwrap_or_default()
    }
}

/// The shortest external ID that is not guessed.
const SHORTEST_EXTERNAL_ID: usize = 16;

/// Rejects an external ID of an access that could be guessed.
///
/// # Errors
/// `Input.Invalid`.
pub(crate) fn check_external_id(external_id: &ExternalId) -> Result<()> {
    if external_id.as_ref().len() >= SHORTEST_EXTERNAL_ID {
        return Ok(());
    }
    Err(Error::new(
        ErrorName::InputInvalid,
        format!(
            "externalId: give one of at least {SHORTEST_EXTERNAL_ID} characters, or none, so that one is generated"
        ),
    ))
}

/// The result of an execution: the output of the state machine `cross-account-access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum CrossAccountAccessOutput {
    /// Of `apply`.
    Apply(AccessGranted),
    /// Of `plan`.
    Plan(AccessPlanned),
    /// Of `remove`.
    Remove(AccessRemoved),
}

/// The source role can assume the target role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessGranted {
    /// The role that can be assumed.
    pub target_role_arn: IamRoleArn,
    /// The external ID that the source must present.
    pub external_id: ExternalId,
    /// The managed policies that allow it.
    pub policy_arns: Vec<IamPolicyArn>,
    /// How it was verified.
    pub verified: Verified,
    /// The changes that were made; empty if nothing had to change.
    pub changes: Vec<Change>,
}

/// How an access was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verified {
    /// atlas-cmk assumed the target role as the source role with the external ID, and could not without it.
    ByAssuming,
    /// atlas-cmk cannot assume the source role: it evaluated the policies of both roles instead.
    ByPolicies,
}

/// What `apply` would change, in this order. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessPlanned {
    /// The changes that `apply` would make.
    pub changes: Vec<PlannedChange>,
}

/// The source role can no longer assume the target role, unless policies that atlas-cmk does not manage allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessRemoved {
    /// The role that the source role could assume.
    pub target_role_arn: IamRoleArn,
    /// What atlas-cmk left in place, each with the reason.
    pub kept: Vec<Kept>,
    /// The changes that were made; empty if nothing had to change.
    pub changes: Vec<Change>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused_with_its_path() {
        let input = |change: Value| -> CrossAccountAccess {
            let mut input = json!({
                "name": "S3Keys",
                "sourceRoleArn": "arn:aws:iam::444455556666:role/atc-node",
                "targetRoleArn": "arn:aws:iam::111122223333:role/atc-s3-access-keys",
            });
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            serde_json::from_value(input).unwrap()
        };
        input(json!({})).validate().unwrap();
        let elsewhere = json!({"roleArn": "arn:aws:iam::777788889999:role/x", "externalId": "some-id"});
        for (change, path) in [
            (json!({"source": elsewhere}), "source.roleArn:"),
            (json!({"target": elsewhere}), "target.roleArn:"),
            (json!({"externalId": "guessed"}), "externalId:"),
            (json!({"buckets": []}), "buckets:"),
            (json!({"buckets": [{"name": "data", "access": []}]}), "buckets[0].access:"),
            (
                json!({"buckets": [{"name": "data", "access": ["list"]}, {"name": "data", "access": ["read"]}]}),
                "buckets[1].name:",
            ),
        ] {
            let error = input(change.clone()).validate().unwrap_err();
            assert!(error.message().starts_with(path), "{change}: {error}");
        }
    }
}
