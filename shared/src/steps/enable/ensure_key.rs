//! `ensure-key`: a symmetric multi-Region key under an alias, renewed every so many days, with our tags. The alias is
//! what it is found by on a re-run. A key that is found is used only if it is what atlas-cmk would have created: see
//! `model::adoption`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, Key, KeyState, Rotation},
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, IamRoleArn, KeyAlias, KmsKeyArn, Region, SpokeRole},
    model::{
        adoption::{self, Copy},
        enablement::{Enablement, sample},
        keys::until_it_is_known,
    },
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

/// The rotation period of a key that atlas-cmk creates, unless the input says otherwise.
const ROTATION_DAYS: u16 = 365;

const DESCRIPTION: &str = "Customer-managed key for MongoDB Atlas, created by atlas-cmk";

/// The step.
pub struct EnsureKey;

/// The key to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The alias to find it by.
    pub alias: KeyAlias,
    /// Where the primary is.
    pub region: Region,
    /// The role that is going to use it. Of a key that is found, the policy may name it, and roles below its path.
    pub role_arn: IamRoleArn,
    /// The rotation period in days; by default 365 for a new key, and unchanged for an existing one.
    #[serde(default)]
    pub rotation_days: Option<u16>,
    /// Access to the account of the key, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

impl Input {
    /// The input in an enablement whose key has an alias.
    pub fn of(enablement: &Enablement<'_>) -> Option<Self> {
        let request = enablement.request;
        Some(Self {
            alias: request.key_alias()?.clone(),
            region: enablement.primary_region.clone(),
            role_arn: request.role_arn.clone(),
            rotation_days: request.key.as_ref().and_then(|key| key.rotation_days),
            account: request.account.clone(),
            execution: enablement.execution.clone(),
        })
    }

    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

/// The key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub key_arn: KmsKeyArn,
}

/// The key of the alias, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    key: Key,
    /// Whether it has its alias. A key whose making was interrupted has none.
    has_alias: bool,
    /// What distinguishes it from a key that we create.
    differences: Vec<String>,
    rotation: Rotation,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// Make the key, and give it the alias.
    Create {
        /// The alias.
        alias: KeyAlias,
        /// Where.
        region: Region,
        /// How often it is renewed.
        days: u16,
    },
    /// Give a key that was made for the alias, and then left without it, the alias.
    Adopt(KmsKeyArn, KeyAlias),
    /// Renew it every so many days.
    Rotate(KmsKeyArn, Rotation, u16),
}

impl Described for KeyChange {
    fn description(&self) -> Description {
        match self {
            Self::Create { alias, region, days } => {
                Description::create(alias, format!("symmetric multi-Region key in {region}, rotated every {days} days"))
                    .consequence("AWS charges for the key and for each of its replicas by the month")
                    .after(json!({
                        "alias": alias,
                        "region": region,
                        "multiRegion": true,
                        "rotationDays": days,
                        "policy": "IAM policies of the account administer the key; only principals that the key policy \
                            names can use it, replicate it or change its policy",
                    }))
            }
            Self::Adopt(key, alias) => {
                Description::update(key, format!("{alias} assigned to the key that was created for it"))
                    .after(json!({"alias": alias}))
            }
            Self::Rotate(key, now, days) => Description::update(key, format!("key material rotated every {days} days"))
                .before(json!({"rotationEnabled": now.enabled, "rotationDays": now.days}))
                .after(json!({"rotationEnabled": true, "rotationDays": days})),
        }
    }
}

/// What matters of the key under the alias.
pub(crate) async fn with_alias(readers: &Readers, caller: Caller<'_>, role: &IamRoleArn, key: Key) -> Result<FoundKey> {
    found(readers, caller, role, key, true).await
}

/// A key that was made for the alias, and whose making was interrupted before it had it.
pub(crate) async fn left_behind(
    readers: &Readers,
    caller: Caller<'_>,
    role: &IamRoleArn,
    alias: &KeyAlias,
    region: &Region,
) -> Result<Option<FoundKey>> {
    let kms = readers.kms(caller, region).await?;
    match kms.key_with_tags(&[tags::ours(), tags::for_alias(alias)]).await? {
        // One that is on its way out is none that was left behind.
        Some(key) if key.state == KeyState::Enabled => found(readers, caller, role, key, false).await.map(Some),
        _ => Ok(None),
    }
}

async fn found(
    readers: &Readers,
    caller: Caller<'_>,
    role: &IamRoleArn,
    key: Key,
    has_alias: bool,
) -> Result<FoundKey> {
    // A replica is rotated with its primary, and only there.
    let primary = key.primary.clone().unwrap_or_else(|| key.arn.clone());
    let rotation = readers.kms_for(&primary, caller).await?.rotation(&primary).await?;
    let mut copies = Vec::new();
    for arn in std::iter::once(&primary).chain(key.replicas.iter().filter(|replica| **replica != primary)) {
        let kms = readers.kms_for(arn, caller).await?;
        let (policy, grantees) = (kms.policy(arn).await, kms.grantees(arn).await);
        copies.push(Copy {
            region: arn.region().clone(),
            policy: if_allowed(policy)?,
            grantees: if_allowed(grantees)?,
        });
    }
    let maintainers = readers.key_maintainers(key.arn.account(), caller)?;
    let differences = adoption::differences(&key, &copies, &maintainers, role);
    Ok(FoundKey { key, has_alias, differences, rotation })
}

fn if_allowed<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if error.name() == ErrorName::AccountAccessDenied => Ok(None),
        read => read.map(Some),
    }
}

impl Step for EnsureKey {
    const NAME: &'static str = "ensure-key";
    const ABOUT: &'static str = "Finds the symmetric multi-Region key under an alias, or creates it with its key \
        policy, rotation and tags";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "iam:CreateServiceLinkedRole",
            "kms:CreateAlias",
            "kms:CreateKey",
            "kms:DescribeKey",
            "kms:EnableKeyRotation",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListGrants",
            "kms:ListKeys",
            "kms:ListResourceTags",
            "kms:TagResource",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Keys;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }
}

impl Converge for EnsureKey {
    type Observation = Option<FoundKey>;
    type Change = KeyChange;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<FoundKey>> {
        let kms = readers.kms(input.caller(), &input.region).await?;
        match kms.key(input.alias.as_ref()).await? {
            Some(key) => with_alias(readers, input.caller(), &input.role_arn, key).await.map(Some),
            None => left_behind(readers, input.caller(), &input.role_arn, &input.alias, &input.region).await,
        }
    }

    fn decide(input: &Input, found: &Option<FoundKey>) -> Result<Vec<KeyChange>> {
        let Some(found) = found else {
            let days = input.rotation_days.unwrap_or(ROTATION_DAYS);
            return Ok(vec![KeyChange::Create { alias: input.alias.clone(), region: input.region.clone(), days }]);
        };
        let arn = &found.key.arn;
        if !found.differences.is_empty() {
            let (alias, what) = (&input.alias, found.differences.join("; "));
            let how = if found.has_alias { "is the alias of" } else { "is the alias that the tags name of" };
            return Err(Error::new(
                ErrorName::AwsConflict,
                format!(
                    "key.alias: {alias} {how} {arn}, which is not a key as atlas-cmk creates it: {what}; choose \
                     another alias, or give the key's ARN in keyArn if you trust it"
                ),
            ));
        }
        if found.key.state != KeyState::Enabled {
            return Err(Error::new(
                ErrorName::KmsKeyUnusable,
                format!("the key {arn} of {} is {:?}; enable it, or cancel its deletion", input.alias, found.key.state),
            ));
        }
        let primary = found.key.primary.clone().unwrap_or_else(|| arn.clone());
        let mut changes = Vec::new();
        if !found.has_alias {
            changes.push(KeyChange::Adopt(arn.clone(), input.alias.clone()));
        }
        // A key of ours that is not renewed is one whose making was interrupted.
        let wanted = input.rotation_days.or((!found.rotation.enabled).then_some(ROTATION_DAYS));
        if let Some(days) = wanted
            && (!found.rotation.enabled || found.rotation.days.is_some_and(|now| now != days))
        {
            changes.push(KeyChange::Rotate(primary, found.rotation, days));
        }
        Ok(changes)
    }

    async fn act(writers: &Writers, input: &Input, found: Option<FoundKey>, changes: &[KeyChange]) -> Result<Output> {
        let mut arn = found.map(|found| found.key.arn);
        for change in changes {
            match change {
                KeyChange::Create { alias, region, days } => {
                    let kms = writers.kms(input.caller(), region).await?;
                    let account = writers.account_of(input.caller())?;
                    let policy = writers.key_maintainers(account, input.caller())?.policy_of_new_key();
                    let made = kms.create_key(&policy, DESCRIPTION, &[tags::ours(), tags::for_alias(alias)]).await?;
                    kms.create_alias(alias, &made).await.map_err(until_it_is_known)?;
                    kms.rotate_every(&made, *days).await.map_err(until_it_is_known)?;
                    arn = Some(made);
                }
                KeyChange::Adopt(key, alias) => {
                    writers
                        .kms_for(key, input.caller())
                        .await?
                        .create_alias(alias, key)
                        .await
                        .map_err(until_it_is_known)?;
                }
                KeyChange::Rotate(primary, _, days) => {
                    let kms = writers.kms_for(primary, input.caller()).await?;
                    kms.rotate_every(primary, *days).await.map_err(until_it_is_known)?;
                }
            }
        }
        arn.map(|key_arn| Output { key_arn })
            .ok_or_else(|| Error::new(ErrorName::Internal, "a bug: there is neither a key nor a change"))
    }
}

/// A key under the alias that somebody else left there.
#[cfg(test)]
pub(crate) fn foreign_key() -> FoundKey {
    FoundKey {
        key: crate::fixtures::key("us-east-1", KeyState::Enabled),
        has_alias: true,
        differences: vec!["it has a grant for somebody".to_owned()],
        rotation: Rotation { enabled: true, days: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::key;

    fn input(rotation_days: Option<u16>) -> Input {
        Input {
            alias: "alias/atlas-cmk".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            role_arn: crate::fixtures::ROLE.parse().unwrap(),
            rotation_days,
            account: None,
            execution: None,
        }
    }

    fn found(state: KeyState, rotation: Rotation, ours: bool) -> FoundKey {
        let differences = if ours { Vec::new() } else { vec!["it has a grant".to_owned()] };
        FoundKey { key: key("us-east-1", state), has_alias: true, differences, rotation }
    }

    const YEARLY: Rotation = Rotation { enabled: true, days: Some(365) };
    const NEVER: Rotation = Rotation { enabled: false, days: None };

    #[test]
    fn a_key_is_made_once_and_found_by_its_alias_after_that() {
        for (days, found, changes) in [
            (None, None, 1),
            (None, Some(found(KeyState::Enabled, YEARLY, true)), 0),
            (Some(365), Some(found(KeyState::Enabled, YEARLY, true)), 0),
            (Some(90), Some(found(KeyState::Enabled, YEARLY, true)), 1),
            (None, Some(found(KeyState::Enabled, NEVER, true)), 1),
        ] {
            assert_eq!(EnsureKey::decide(&input(days), &found).unwrap().len(), changes, "{days:?} {found:?}");
        }
    }

    #[test]
    fn a_key_whose_making_was_interrupted_is_adopted_and_finished() {
        let left_behind = FoundKey { has_alias: false, ..found(KeyState::Enabled, NEVER, true) };
        let changes = EnsureKey::decide(&input(None), &Some(left_behind)).unwrap();
        assert!(matches!(changes.as_slice(), [KeyChange::Adopt(..), KeyChange::Rotate(..)]), "{changes:?}");
    }

    #[test]
    fn a_key_that_is_not_ours_or_not_usable_is_refused_and_never_changed() {
        for (found, name) in [
            (found(KeyState::Enabled, NEVER, false), ErrorName::AwsConflict),
            (found(KeyState::Disabled, YEARLY, true), ErrorName::KmsKeyUnusable),
            (found(KeyState::PendingDeletion, YEARLY, true), ErrorName::KmsKeyUnusable),
        ] {
            assert_eq!(EnsureKey::decide(&input(None), &Some(found)).unwrap_err().name(), name);
        }
    }
}
