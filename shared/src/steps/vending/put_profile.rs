//! `put-profile`: a profile, written down for accounts to come, once it is sure that it can be used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorName, Result},
    ids::ProfileName,
    profile::{self, PROFILES, Profile},
    report::{Action, Described, Description},
    step::{Actions, Converge, Readers, Step, Writers, sample_file},
};

/// The step.
pub struct PutProfile;

/// What to write down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name. `default` applies to accounts to which no other applies.
    pub name: ProfileName,
    /// The profile.
    pub profile: Profile,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The parameter.
    pub parameter: String,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    before: Option<Profile>,
    name: ProfileName,
    profile: Profile,
}

impl Described for Write {
    fn description(&self) -> Description {
        let action = if self.before.is_some() { Action::Update } else { Action::Create };
        Description::new(action, parameter(&self.name), format!("profile {} written", self.name))
            .before(json!(self.before))
            .after(json!(self.profile))
    }
}

fn parameter(name: &ProfileName) -> String {
    format!("{PROFILES}/{name}")
}

impl Step for PutProfile {
    const NAME: &'static str = "put-profile";
    const ABOUT: &'static str = "Validates a profile and writes it to `/atlas-cmk/profiles/<name>`";
    const ACTIONS: Actions = &[&["ssm:GetParametersByPath", "ssm:PutParameter"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/put-profile.json"))
    }

    fn validate(input: &Input) -> Result<()> {
        input.profile.validate()
    }
}

impl Converge for PutProfile {
    type Observation = Vec<(ProfileName, Profile)>;
    type Change = Write;

    async fn observe(readers: &Readers, input: &Input) -> Result<Self::Observation> {
        let stored = profile::read_all(&readers.parameters()).await?.into_iter();
        // This step is the one that repairs a profile that was damaged by hand.
        stored
            .filter(|(name, profile)| profile.is_ok() || *name != input.name.as_ref())
            .map(|(_, profile)| profile)
            .collect()
    }

    fn decide(input: &Input, profiles: &Self::Observation) -> Result<Vec<Write>> {
        for (name, other) in profiles.iter().filter(|(name, _)| *name != input.name) {
            let shared =
                input.profile.organizational_units.iter().find(|unit| other.organizational_units.contains(unit));
            if let Some(unit) = shared {
                return Err(conflict("organizationalUnits", &format!("profile {name} already applies to {unit}")));
            }
            if !other.account_tags.is_empty() && other.account_tags == input.profile.account_tags {
                return Err(conflict("accountTags", &format!("profile {name} applies to the same tags")));
            }
        }
        let before = profiles.iter().find(|(name, _)| *name == input.name).map(|(_, profile)| profile.clone());
        if before.as_ref() == Some(&input.profile) {
            return Ok(Vec::new());
        }
        Ok(vec![Write { before, name: input.name.clone(), profile: input.profile.clone() }])
    }

    async fn act(writers: &Writers, input: &Input, _: Self::Observation, changes: &[Write]) -> Result<Output> {
        for change in changes {
            let value = json!(change.profile);
            let what = "An atlas-cmk profile: the input of the enablement of vended accounts";
            writers.parameters().write(&parameter(&change.name), &value, what).await?;
        }
        Ok(Output { parameter: parameter(&input.name) })
    }
}

fn conflict(field: &str, what: &str) -> Error {
    Error::new(ErrorName::InputInvalid, format!("profile.{field}: {what}; only one profile may apply to an account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str, more: &Value) -> Input {
        let mut profile = json!({"input": {
            "projectId": "66f0a1b2c3d4e5f601234567",
            "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk",
            "key": {"alias": "alias/atlas-cmk"},
        }});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({"name": name, "profile": profile})).unwrap()
    }

    fn there(inputs: &[Input]) -> Vec<(ProfileName, Profile)> {
        inputs.iter().map(|input| (input.name.clone(), input.profile.clone())).collect()
    }

    #[test]
    fn a_profile_is_written_once_and_again_when_it_differs() {
        let one = input("one", &json!({}));
        assert_eq!(PutProfile::decide(&one, &Vec::new()).unwrap().len(), 1);
        assert_eq!(PutProfile::decide(&one, &there(std::slice::from_ref(&one))).unwrap(), []);
        let raised = input("one", &json!({"generation": 2}));
        let changes = PutProfile::decide(&raised, &there(&[one])).unwrap();
        assert_eq!(changes[0].description().made("").action, Action::Update);
    }

    #[test]
    fn no_two_are_for_the_same_accounts() {
        for more in [json!({"organizationalUnits": ["ou-1"]}), json!({"accountTags": {"env": "prod"}})] {
            let error = PutProfile::decide(&input("two", &more), &there(&[input("one", &more)])).unwrap_err();
            assert!(error.message().contains("profile one"), "{error}");
            assert!(PutProfile::decide(&input("one", &more), &there(&[input("one", &json!({}))])).is_ok());
        }
    }
}
