//! The input of cross-account access, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    aws::AccountAccess,
    change::{Change, PlannedChange},
    error::{Error, ErrorName, Result},
    ids::{AccessName, BucketName, ExternalId, IamPolicyArn, IamRoleArn, SourceRole},
    request::Kept,
};

/// Lets a role in one account assume a role in another under an external ID: the input of the state machine `cross-account-access`.
///
/// A field that is null is a field that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrossAccountAccess {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name, after which policies and statements are named.
    pub name: AccessName,
    /// Who is let in: a role, or a path of roles such as those of a stack, whose own policies have to allow it.
    pub source_role_arn: SourceRole,
    /// The role that is assumed. It has to be there.
    pub target_role_arn: IamRoleArn,
    /// What has to be presented. Left out: what is in force stays, and the first time one is made up that nobody can guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The S3 buckets that the target role is to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub buckets: Option<Vec<BucketAccess>>,
    /// How to reach the account of the source role, if it is not the one the functions run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AccountAccess>,
    /// How to reach the account of the target role, if it is not the one the functions run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<AccountAccess>,
    /// What to do: `apply` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<AccessMode>,
}

/// A bucket, and what may be done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BucketAccess {
    /// Its name.
    pub name: BucketName,
    /// What may be done with it.
    #[schemars(length(min = 1, max = 3))]
    pub access: Vec<Permission>,
}

/// What may be done with a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Tell what is in it.
    List,
    /// Read what is in it.
    Read,
    /// Put something into it, or delete it.
    Write,
}

/// What an execution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessMode {
    /// Sets it up, and tries it.
    #[default]
    Apply,
    /// Says what applying would change, and changes nothing.
    Plan,
    /// Takes it down.
    Remove,
}

impl CrossAccountAccess {
    /// Refuses what no field shows by itself.
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

/// What an execution answers: the output of the state machine `cross-account-access`.
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
    /// What has to be presented.
    pub external_id: ExternalId,
    /// The managed policies that allow it.
    pub policy_arns: Vec<IamPolicyArn>,
    /// How it was verified.
    pub verified: Verified,
    /// What was done, empty on a re-run.
    pub changes: Vec<Change>,
}

/// How an access was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verified {
    /// The target role was assumed as the source role with the external ID, and could not be without.
    ByAssuming,
    /// The source role lets nobody in who could try: its policies and the target's trust policy were read and judged.
    ByPolicies,
}

/// What applying would change, in this order. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessPlanned {
    /// What would be changed.
    pub changes: Vec<PlannedChange>,
}

/// The source role can no longer assume the target role, as far as that was ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessRemoved {
    /// The role that could be assumed.
    pub target_role_arn: IamRoleArn,
    /// What was left, each with the reason.
    pub kept: Vec<Kept>,
    /// What was done, empty on a re-run.
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
