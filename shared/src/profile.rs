//! Profiles: what accounts get when they are vended. A profile is the template of the input of an enablement, and says
//! to which accounts it applies. `put-profile` writes profiles to the registry.

mod template;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use template::Placeholders;

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::{Error, ErrorName, Result},
    ids::ProfileName,
    request::{EnableEncryption, Mode},
};

/// The partition of profiles in the registry.
const PROFILES: &str = "profiles";

/// The profile of accounts to which no other applies.
pub const DEFAULT: &str = "default";

/// The input for vended accounts, and the accounts it applies to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The organizational units whose accounts it applies to, by id or name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<String>,
    /// The tags that an account must have, all of them. A unit takes precedence over tags, more tags over fewer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_tags: BTreeMap<String, String>,
    /// Increment it to run accounts that already ran with this profile again at their next event. 1 by default.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    #[schemars(range(min = 1))]
    pub generation: u32,
    /// The input of `enable-encryption`, with placeholders `accountId`, `accountName`, `ou` and `region`.
    pub input: serde_json::Map<String, Value>,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_first(generation: &u32) -> bool {
    *generation == first()
}

/// What is known of an account when its profile is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The profile that the event names.
    pub profile: Option<&'a str>,
    /// The id of its organizational unit.
    pub ou: Option<&'a str>,
    /// The name of its organizational unit.
    pub ou_name: Option<&'a str>,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
}

impl Profile {
    /// Rejects a template that no account could use: unknown placeholders, and input that `enable-encryption` would
    /// reject.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field below `profile`.
    pub fn validate(&self) -> Result<()> {
        if self.generation < first() {
            return Err(Error::new(ErrorName::InputInvalid, "profile.generation: give 1 or more"));
        }
        let example = self.fill(&Placeholders::example())?;
        if example.project.is_some() { self.refuse_shared_names() } else { Ok(()) }
    }

    /// Refuses a project name that two accounts would share: the second one's enablement would find the first one's
    /// project. AWS account names are not unique, so the name has to carry the account id, and no filter may destroy
    /// it.
    fn refuse_shared_names(&self) -> Result<()> {
        let path = "profile.input.project.name";
        let Some(Value::String(name)) = self.input.get("project").and_then(|project| project.get("name")) else {
            return Ok(());
        };
        let mut accounts = BTreeMap::new();
        for values in Placeholders::accounts_of_one_name(name) {
            let filled = template::fill(path, &Value::String(name.clone()), &values)?;
            if let Some(other) = accounts.insert(filled.to_string(), values.account_id.clone()) {
                let why = format!(
                    "{path}: accounts of the same name would share an Atlas project: {other} and {} would both get \
                     {filled}; put {{{{ accountId }}}} into the name, or, to share one project on purpose, give its \
                     projectId",
                    values.account_id
                );
                return Err(Error::new(ErrorName::InputInvalid, why));
            }
        }
        Ok(())
    }

    /// Whether it depends on the organizational unit of an account who gets it, or what.
    pub fn asks_for_unit(&self) -> bool {
        self.mentions("ou") || !self.organizational_units.is_empty()
    }

    /// The input of an enablement for one account.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field below `profile`.
    pub fn fill(&self, values: &Placeholders) -> Result<EnableEncryption> {
        let filled = template::fill("profile.input", &Value::Object(self.input.clone()), values)?;
        let input: EnableEncryption = serde_path_to_error::deserialize(filled).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { format!(".{path}") };
            Error::new(ErrorName::InputInvalid, format!("profile.input{path}: {}", error.into_inner()))
        })?;
        input.validate().map_err(|error| Error::new(error.name(), format!("profile.input.{}", error.message())))?;
        if input.mode() != Mode::Apply {
            let why = "profile.input.mode: a profile always enables the vended account; omit this field";
            return Err(Error::new(ErrorName::InputInvalid, why));
        }
        Ok(input)
    }

    /// Whether a text of it holds this placeholder.
    pub fn mentions(&self, placeholder: &str) -> bool {
        template::mentions(&Value::Object(self.input.clone()), placeholder)
    }

    fn is_for_unit(&self, facts: Facts<'_>) -> bool {
        let is =
            |known: Option<&str>| known.is_some_and(|known| self.organizational_units.iter().any(|it| it == known));
        is(facts.ou) || is(facts.ou_name)
    }

    fn is_for_tags(&self, facts: Facts<'_>) -> bool {
        !self.account_tags.is_empty() && self.account_tags.iter().all(|(key, value)| facts.tags.get(key) == Some(value))
    }
}

/// The profile of an account: the one it names, else by organizational unit, else by tags, else the default. `None` if
/// none applies.
///
/// # Errors
/// `Input.Invalid` if the named one is missing, or two apply equally.
pub fn choose<'a>(
    profiles: &'a BTreeMap<ProfileName, Profile>,
    facts: Facts<'_>,
) -> Result<Option<(&'a ProfileName, &'a Profile)>> {
    if let Some(wanted) = facts.profile {
        let found = profiles.iter().find(|(name, _)| name.as_ref() == wanted);
        return found.map(Some).ok_or_else(|| {
            Error::new(
                ErrorName::InputInvalid,
                format!("profile: the profile {wanted} does not exist; create it with put-profile"),
            )
        });
    }
    let by_unit: Vec<_> = profiles.iter().filter(|(_, profile)| profile.is_for_unit(facts)).collect();
    if !by_unit.is_empty() {
        return only(&by_unit);
    }
    let by_tags: Vec<_> = profiles.iter().filter(|(_, profile)| profile.is_for_tags(facts)).collect();
    let most = by_tags.iter().map(|(_, profile)| profile.account_tags.len()).max();
    let by_tags: Vec<_> = by_tags.into_iter().filter(|(_, profile)| Some(profile.account_tags.len()) == most).collect();
    if !by_tags.is_empty() {
        return only(&by_tags);
    }
    Ok(profiles.iter().find(|(name, _)| name.as_ref() == DEFAULT))
}

fn only<'a>(candidates: &[(&'a ProfileName, &'a Profile)]) -> Result<Option<(&'a ProfileName, &'a Profile)>> {
    if let [one] = candidates {
        return Ok(Some(*one));
    }
    let names: Vec<&str> = candidates.iter().map(|(name, _)| name.as_ref()).collect();
    let why = format!(
        "profile: {} apply to the account equally; give them different organizationalUnits or accountTags",
        names.join(" and ")
    );
    Err(Error::new(ErrorName::InputInvalid, why))
}

/// A profile as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name.
    pub name: ProfileName,
    /// What it says.
    pub profile: Profile,
    /// How many times it was written: whoever writes it has to have read the last.
    pub version: u64,
}

/// Every profile.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn list(items: &ItemsReader) -> Result<BTreeMap<ProfileName, Profile>> {
    let stored = read_all(items).await?.into_iter();
    Ok(stored.map(|stored| (stored.name, stored.profile)).collect())
}

/// Every profile, as it is stored.
///
/// # Errors
/// As [`ItemsReader::query`].
pub async fn read_all(items: &ItemsReader) -> Result<Vec<Stored>> {
    items.query(PROFILES).await
}

/// What a change of a profile is said to be about.
pub fn resource(name: &ProfileName) -> String {
    format!("{PROFILES}/{name}")
}

/// Writes a profile over the one whose version it has.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write(items: &ItemsWriter, stored: &Stored) -> Result<()> {
    let next = Stored { version: stored.version + 1, ..stored.clone() };
    let key = ItemKey::new(PROFILES, stored.name.as_ref());
    items.write(vec![Write::put(key, &next, Expected::Version(stored.version))?]).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(fields: &Value) -> Profile {
        let mut whole = json!({"input": {
            "project": {"name": "{{ accountName }}-{{ accountId }}", "orgId": "5f0000000000000000000001"},
            "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk",
            "key": {"alias": "alias/atlas-cmk"},
            "regions": ["{{ region }}"],
            "account": {"roleArn": "arn:aws:iam::{{ accountId }}:role/AtlasCmkSpoke", "externalId": "b0a7c1de-5f2e-4f0e"},
        }});
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn chosen(profiles: &[(&str, Value)], facts: Facts<'_>) -> Result<Option<String>> {
        let profiles = profiles.iter().map(|(name, fields)| (name.parse().unwrap(), profile(fields))).collect();
        Ok(choose(&profiles, facts)?.map(|(name, _)| name.to_string()))
    }

    #[test]
    fn a_template_is_filled_and_is_an_input() {
        let values = Placeholders {
            account_id: "444455556666".parse().unwrap(),
            account_name: Some("payments-prod".to_owned()),
            ou: Some("ou-abcd-l3zc8b3h".to_owned()),
            region: "eu-west-1".to_owned(),
        };
        let input = profile(&json!({})).fill(&values).unwrap();
        assert_eq!(input.role_arn.as_ref(), "arn:aws:iam::444455556666:role/atlas-cmk");
        assert_eq!(input.project.unwrap().name.as_ref(), "payments-prod-444455556666");
        assert_eq!(input.regions.unwrap()[0].to_string(), "eu-west-1");
    }

    #[test]
    fn what_no_account_could_use_is_refused_with_its_path() {
        let refused = |field: &str, value: Value| {
            let mut profile = profile(&json!({}));
            profile.input.insert(field.to_owned(), value);
            profile.validate().unwrap_err().message().to_owned()
        };
        assert!(profile(&json!({})).validate().is_ok());
        let unknown = refused("roleArn", json!("arn:aws:iam::{{ account }}:role/atlas-cmk"));
        assert!(unknown.starts_with("profile.input.roleArn: ") && unknown.contains("account"), "{unknown}");
        let malformed = refused("regions", json!(["{{ region"]));
        assert!(malformed.starts_with("profile.input.regions[0]: "), "{malformed}");
        let wrong = refused("roleArn", json!("atlas-cmk"));
        assert!(wrong.starts_with("profile.input.roleArn: ") && wrong.contains("ARN of an IAM role"), "{wrong}");
        assert!(refused("clusters", json!("some")).starts_with("profile.input.clusters"));
        assert!(refused("mode", json!("plan")).starts_with("profile.input.mode: "));
        assert!(refused("projectId", json!("66f0a1b2c3d4e5f601234567")).starts_with("profile.input.project: "));
    }

    #[test]
    fn a_project_name_that_two_accounts_would_share_is_refused_unless_a_project_id_is_named_on_purpose() {
        let named = |name: &str| {
            let mut profile = profile(&json!({}));
            profile.input.insert("project".to_owned(), json!({"name": name, "orgId": "5f0000000000000000000001"}));
            profile.validate()
        };
        for shared in [
            "payments",
            "{{ accountName }}",
            "{{ accountName | lower }}-{{ region }}",
            "{{ accountId | replace('1', '') }}",
            "{{ accountId | replace('5', 'x') | replace('6', 'x') }}",
            "{{ accountId | replace('13', '') }}",
            "{{ accountId | replace('123', '') }}",
            "{{ accountId | replace('000', '') }}",
            "{{ accountId | replace('00', '0') }}",
            "{{ accountId | replace('12', 'x') | replace('345', 'x') }}",
            "{{ ou }}",
        ] {
            let error = named(shared).expect_err(shared);
            assert!(error.message().starts_with("profile.input.project.name: "), "{shared}: {error}");
            assert!(
                error.message().contains("would share") && error.message().contains("projectId"),
                "{shared}: {error}"
            );
        }
        for own in ["{{ accountName }}-{{ accountId }}", "atlas-{{ accountId }}", "{{ accountId | replace('0', 'o') }}"]
        {
            assert!(named(own).is_ok(), "{own}");
        }
        let mut one_for_all = profile(&json!({}));
        one_for_all.input.remove("project");
        one_for_all.input.insert("projectId".to_owned(), json!("66f0a1b2c3d4e5f601234567"));
        assert!(one_for_all.validate().is_ok());
    }

    #[test]
    fn the_unit_goes_before_tags_and_tags_before_the_default() {
        let tags = BTreeMap::from([("env".to_owned(), "prod".to_owned()), ("team".to_owned(), "a".to_owned())]);
        let none = BTreeMap::new();
        let facts = |ou, tags| Facts { profile: None, ou, ou_name: None, tags };
        let all = [
            ("by-unit", json!({"organizationalUnits": ["ou-1", "Workloads"]})),
            ("by-tag", json!({"accountTags": {"env": "prod"}})),
            ("by-tags", json!({"accountTags": {"env": "prod", "team": "a"}})),
            ("default", json!({})),
        ];
        assert_eq!(chosen(&all, facts(Some("ou-1"), &tags)).unwrap().unwrap(), "by-unit");
        let by_name = Facts { ou_name: Some("Workloads"), ..facts(None, &none) };
        assert_eq!(chosen(&all, by_name).unwrap().unwrap(), "by-unit");
        assert_eq!(chosen(&all, facts(Some("ou-2"), &tags)).unwrap().unwrap(), "by-tags");
        assert_eq!(chosen(&all, facts(None, &none)).unwrap().unwrap(), "default");
        assert_eq!(chosen(&all[..3], facts(None, &none)).unwrap(), None);
        let wanted = Facts { profile: Some("by-tag"), ..facts(Some("ou-1"), &tags) };
        assert_eq!(chosen(&all, wanted).unwrap().unwrap(), "by-tag");
        assert!(chosen(&all, Facts { profile: Some("missing"), ..wanted }).is_err());
    }

    #[test]
    fn two_that_are_for_an_account_alike_are_nobodys_choice() {
        let none = BTreeMap::new();
        let facts = Facts { profile: None, ou: Some("ou-1"), ou_name: None, tags: &none };
        let alike = [("a", json!({"organizationalUnits": ["ou-1"]})), ("b", json!({"organizationalUnits": ["ou-1"]}))];
        let error = chosen(&alike, facts).unwrap_err();
        assert!(error.message().contains("a and b"), "{error}");
    }
}
