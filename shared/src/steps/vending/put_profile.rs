//! `put-profile`: a profile, written down for accounts to come, once it is sure that it can be used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorName, Result},
    ids::ProfileName,
    profile::{self, Profile, Stored},
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
    /// The item of the registry.
    pub item: String,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    before: Option<Stored>,
    after: Stored,
}

impl Described for Write {
    fn description(&self) -> Description {
        let action = if self.before.is_some() { Action::Update } else { Action::Create };
        let name = &self.after.name;
        Description::new(action, profile::resource(name), format!("profile {name} written"))
            .before(json!(self.before.as_ref().map(|stored| &stored.profile)))
            .after(json!(self.after.profile))
    }
}

impl Step for PutProfile {
    const NAME: &'static str = "put-profile";
    const ABOUT: &'static str = "Validates a profile and writes it to the registry";
    const ACTIONS: Actions = &[&["dynamodb:PutItem", "dynamodb:Query"]];
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
    type Observation = Vec<Stored>;
    type Change = Write;

    async fn observe(readers: &Readers, _: &Input) -> Result<Self::Observation> {
        profile::read_all(&readers.registry()?).await
    }

    fn decide(input: &Input, profiles: &Self::Observation) -> Result<Vec<Write>> {
        for Stored { name, profile: other, .. } in profiles.iter().filter(|stored| stored.name != input.name) {
            let shared =
                input.profile.organizational_units.iter().find(|unit| other.organizational_units.contains(unit));
            if let Some(unit) = shared {
                return Err(conflict("organizationalUnits", &format!("profile {name} already applies to {unit}")));
            }
            if !other.account_tags.is_empty() && other.account_tags == input.profile.account_tags {
                return Err(conflict("accountTags", &format!("profile {name} applies to the same tags")));
            }
        }
        let before = profiles.iter().find(|stored| stored.name == input.name).cloned();
        if before.as_ref().is_some_and(|stored| stored.profile == input.profile) {
            return Ok(Vec::new());
        }
        let version = before.as_ref().map_or(0, |stored| stored.version);
        Ok(vec![Write { before, after: Stored { name: input.name.clone(), profile: input.profile.clone(), version } }])
    }

    async fn act(writers: &Writers, input: &Input, _: Self::Observation, changes: &[Write]) -> Result<Output> {
        for change in changes {
            profile::write(&writers.registry()?, &change.after).await?;
        }
        Ok(Output { item: profile::resource(&input.name) })
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

    fn there(inputs: &[Input]) -> Vec<Stored> {
        let stored = |input: &Input| Stored { name: input.name.clone(), profile: input.profile.clone(), version: 1 };
        inputs.iter().map(stored).collect()
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
