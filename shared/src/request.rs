//! The input of an enablement, as people and pipelines write it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    aws::AccountAccess,
    change::Change,
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, IamPolicyArn, IamRoleArn, KmsKeyArn, ProjectId, Region},
    steps::check_endpoints::Endpoint,
};

/// Gives one Atlas project its customer-managed key: the input of the state machine `enable-encryption`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnableEncryption {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The IAM role that Atlas assumes to use the key. Created if it is missing.
    pub role_arn: IamRoleArn,
    /// The key, by its full ARN. With regions, a multi-Region key.
    pub key_arn: KmsKeyArn,
    /// The regions that reach the key over a private endpoint. Leave it out to not ask for private networking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub regions: Option<Vec<Region>>,
    /// How the IAM role is created where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleOptions>,
    /// The account of role and key, if it is not the one the functions run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
}

/// How the IAM role is created where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleOptions {
    /// The permissions boundary of a role we create. It must allow the use of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<IamPolicyArn>,
}

/// How long an execution waits before it gives up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deadlines {
    /// For private endpoints to become active, in minutes; 60 unless given. It is minutes as a rule, and was three hours
    /// once. At most 720: an execution has 25,000 history events, and each look takes about ten of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub endpoint_minutes: Option<u16>,
}

/// What an enablement answers: the output of the state machine `enable-encryption`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionEnabled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Atlas's id of the access role, which other features of the project can use too.
    pub role_id: AccessRoleId,
    /// The IAM role that Atlas assumes.
    pub role_arn: IamRoleArn,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// Whether Atlas can use the key. Always true: an execution fails otherwise.
    pub valid: bool,
    /// The private endpoints of the regions asked for.
    pub endpoints: Vec<Endpoint>,
    /// What was done, empty on a re-run.
    pub changes: Vec<Change>,
}

impl EnableEncryption {
    /// Refuses what no field shows by itself.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    pub fn validate(&self) -> Result<()> {
        if let Some(regions) = &self.regions {
            if !(1..=40).contains(&regions.len()) {
                return Err(invalid(
                    "regions",
                    "name 1 to 40 regions, or leave the field out to not ask for private networking",
                ));
            }
            let mut seen = BTreeSet::new();
            for (index, region) in regions.iter().enumerate() {
                if !seen.insert(region) {
                    return Err(invalid(&format!("regions[{index}]"), &format!("{region} is named twice")));
                }
                if self.key_arn.replica_in(region).is_none() {
                    return Err(invalid(
                        &format!("regions[{index}]"),
                        &format!(
                            "{region} cannot reach {}, a single-Region key of {}; create a multi-Region key (its id starts with mrk-) and replicate it there",
                            self.key_arn,
                            self.key_arn.region()
                        ),
                    ));
                }
            }
        }
        if let Some(account) = &self.account
            && account.role_arn.account() != self.role_arn.account()
        {
            return Err(invalid(
                "account.roleArn",
                &format!(
                    "it is in account {}, but roleArn is in {}",
                    account.role_arn.account(),
                    self.role_arn.account()
                ),
            ));
        }
        if let Some(minutes) = self.deadlines.as_ref().and_then(|deadlines| deadlines.endpoint_minutes)
            && !(1..=720).contains(&minutes)
        {
            return Err(invalid("deadlines.endpointMinutes", "give 1 to 720 minutes"));
        }
        Ok(())
    }
}

fn invalid(path: &str, what: &str) -> Error {
    Error::new(ErrorName::InputInvalid, format!("{path}: {what}"))
}

/// The key in its own region and in every region of `regions`, each once: exactly what the role is to be allowed to use.
pub fn regional_keys(key: &KmsKeyArn, regions: &[Region]) -> Vec<KmsKeyArn> {
    let replicas = regions.iter().filter(|region| *region != key.region()).filter_map(|region| key.replica_in(region));
    std::iter::once(key.clone()).chain(replicas).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{step::parse, steps::CreateRole};

    fn valid() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk",
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "regions": ["us-east-1", "EU_WEST_1"]
        })
    }

    #[test]
    fn a_complete_request_and_the_smallest_one_are_taken() {
        parse::<CreateRole>(valid()).unwrap();
        let mut small = valid();
        small.as_object_mut().unwrap().remove("regions");
        parse::<CreateRole>(small).unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_with_the_path_of_the_field() {
        let single = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        for (field, value, path) in [
            ("projectId", json!("payments"), "projectId: "),
            ("projectId", json!(7), "projectId: "),
            ("projectId", Value::Null, "projectId: "),
            ("roleArn", json!("atlas-cmk"), "roleArn: "),
            ("keyArn", json!("alias/atlas"), "keyArn: "),
            ("keyArn", json!(single), "regions[1]: "),
            ("regions", json!([]), "regions: "),
            ("regions", json!(["us-east-1", "mars"]), "regions[1]: "),
            ("regions", json!(["us-east-1", "US_EAST_1"]), "regions[1]: "),
            ("region", json!("us-east-1"), "region: "),
            ("role", json!({"permissionsBoundary": "boundary"}), "role.permissionsBoundary: "),
            (
                "account",
                json!({"roleArn": "arn:aws:iam::111122223333:role/AtlasCmkSpoke", "externalId": "external-1"}),
                "account.roleArn: ",
            ),
            ("account", json!({"roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke"}), "account: "),
            ("deadlines", json!({"endpointMinutes": 0}), "deadlines.endpointMinutes: "),
        ] {
            let mut input = valid();
            input[field] = value;
            let error = parse::<CreateRole>(input).expect_err(path);
            assert_eq!(error.name(), ErrorName::InputInvalid);
            assert!(error.message().starts_with(path), "{path} {error}");
        }
        let error = parse::<CreateRole>(json!([])).unwrap_err();
        assert!(error.message().starts_with("the input: "), "{error}");
        let mut missing = valid();
        missing.as_object_mut().unwrap().remove("keyArn");
        assert!(parse::<CreateRole>(missing).unwrap_err().message().contains("missing field `keyArn`"));
    }

    #[test]
    fn the_keys_of_a_request_are_the_primary_and_one_replica_for_each_other_region() {
        let request: EnableEncryption = serde_json::from_value(valid()).unwrap();
        let keys: Vec<String> =
            regional_keys(&request.key_arn, &request.regions.unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(
            keys,
            [
                "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
                "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
            ]
        );
    }
}
