//! `replicate-key`: the replica of a multi-Region key in one region, with a policy and tags of its own: neither follows
//! the primary's by itself. Its policy is the primary's and, if it lacks them, our own statements, without which KMS
//! would refuse it: its writer has to be able to change it again. KMS creates a replica within seconds. The state machine
//! runs this step twice: once to have the replica created, and once more until it is, with retries by error name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, Key, KeyState},
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, KmsKeyArn, Region, SpokeRole},
    model::{
        enablement::{Enablement, sample},
        keys::replica_of,
    },
    policy::PolicyDocument,
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

const DESCRIPTION: &str = "Customer-managed key for MongoDB Atlas, replicated by atlas-cmk";

/// The step.
pub struct ReplicateKey;

/// The key, and where it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The key: the primary, or a replica of it.
    pub key_arn: KmsKeyArn,
    /// The region that needs a replica.
    pub region: Region,
    /// Access to the account of the key, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

impl Input {
    /// The input in an enablement, for a region.
    pub fn of(enablement: &Enablement<'_>, region: &Region) -> Self {
        Self {
            key_arn: enablement.key_arn.clone(),
            region: region.clone(),
            account: enablement.request.account.clone(),
            execution: enablement.execution.clone(),
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

/// The replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub key_arn: KmsKeyArn,
}

/// The primary and its replica, as far as they are there.
#[derive(Debug, Clone)]
pub struct Keys {
    primary: KmsKeyArn,
    replica: Option<Key>,
    /// Of the primary; read only if there is no replica.
    policy: PolicyDocument,
    tags: Vec<tags::Tag>,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReplica {
    primary: KmsKeyArn,
    replica: KmsKeyArn,
    policy: PolicyDocument,
    tags: Vec<tags::Tag>,
}

impl Described for NewReplica {
    fn description(&self) -> Description {
        let region = self.replica.region();
        Description::create(&self.replica, format!("replica of the key in {region}"))
            .consequence("AWS charges for each replica by the month")
            .after(json!({
                "region": region,
                "policy": "the key policy of the primary key, plus statements that allow the roles of atlas-cmk",
            }))
    }
}

/// The replica that is made of the primary's policy and tags.
pub(crate) fn replica(
    primary: &KmsKeyArn,
    region: &Region,
    policy: PolicyDocument,
    tags: &[tags::Tag],
) -> Result<NewReplica> {
    let kept = tags.iter().filter(|(key, _)| key.starts_with("atlas-cmk:") && key != tags::MANAGED_BY).cloned();
    Ok(NewReplica {
        primary: primary.clone(),
        replica: replica_of(primary, region)?,
        policy,
        tags: std::iter::once(tags::ours()).chain(kept).collect(),
    })
}

impl Step for ReplicateKey {
    const NAME: &'static str = "replicate-key";
    const ABOUT: &'static str = "Creates the replica of the key in one region, with the primary's policy and the tags \
        of atlas-cmk";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating, ErrorName::KmsNotReplicated]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "kms:CreateKey",
            "iam:CreateServiceLinkedRole",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "kms:ReplicateKey",
            "kms:TagResource",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Keys;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(|enablement| Input::of(enablement, &enablement.request.regions()[1]))
    }
}

impl Converge for ReplicateKey {
    type Observation = Keys;
    type Change = NewReplica;

    async fn observe(readers: &Readers, input: &Input) -> Result<Keys> {
        let wanted = replica_of(&input.key_arn, &input.region)?;
        let replica = readers.kms_for(&wanted, input.caller()).await?.key(wanted.as_ref()).await?;
        if replica.is_some() {
            return Ok(Keys {
                primary: input.key_arn.clone(),
                replica,
                policy: PolicyDocument::default(),
                tags: Vec::new(),
            });
        }
        let named = readers.kms_for(&input.key_arn, input.caller()).await?.key(input.key_arn.as_ref()).await?;
        let primary = named.and_then(|key| key.primary).ok_or_else(|| {
            Error::new(ErrorName::KmsKeyUnusable, format!("the multi-Region key {} does not exist", input.key_arn))
        })?;
        let kms = readers.kms_for(&primary, input.caller()).await?;
        Ok(Keys { policy: kms.policy(&primary).await?, tags: kms.tags(&primary).await?, primary, replica: None })
    }

    fn decide(input: &Input, keys: &Keys) -> Result<Vec<NewReplica>> {
        match &keys.replica {
            Some(_) => Ok(Vec::new()),
            None => Ok(vec![replica(&keys.primary, &input.region, keys.policy.clone(), &keys.tags)?]),
        }
    }

    async fn act(writers: &Writers, input: &Input, keys: Keys, changes: &[NewReplica]) -> Result<Output> {
        for change in changes {
            let kms = writers.kms_for(&change.primary, input.caller()).await?;
            let maintainers = writers.key_maintainers(change.primary.account(), input.caller())?;
            let policy = maintainers.add_to(&change.policy);
            kms.replicate(&change.primary, change.replica.region(), &policy, DESCRIPTION, &change.tags).await?;
        }
        match (changes, keys.replica) {
            ([made, ..], _) => Ok(Output { key_arn: made.replica.clone() }),
            ([], Some(key)) if key.state != KeyState::Creating => Ok(Output { key_arn: key.arn }),
            _ => Err(Error::new(
                ErrorName::KmsNotReplicated,
                format!("the replica of {} in {} is still being created", input.key_arn, input.region),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{KEY as PRIMARY, key};

    fn input(key: &str) -> Input {
        Input { key_arn: key.parse().unwrap(), region: "eu-west-1".parse().unwrap(), account: None, execution: None }
    }

    fn keys(replica: Option<KeyState>) -> Keys {
        Keys {
            primary: PRIMARY.parse().unwrap(),
            replica: replica.map(|state| key("eu-west-1", state)),
            policy: PolicyDocument::default(),
            tags: vec![
                ("team".to_owned(), "payments".to_owned()),
                ("atlas-cmk:project:x".to_owned(), "enabled".to_owned()),
            ],
        }
    }

    #[test]
    fn a_replica_is_made_where_there_is_none_with_our_mark_and_what_we_said_of_the_primary() {
        let [replica] = ReplicateKey::decide(&input(PRIMARY), &keys(None)).unwrap().try_into().unwrap();
        assert_eq!(replica.description().made("").resource, "arn:aws:kms:eu-west-1:444455556666:key/mrk-1");
        assert_eq!(replica.tags, [tags::ours(), ("atlas-cmk:project:x".to_owned(), "enabled".to_owned())]);
        for state in [KeyState::Enabled, KeyState::Creating] {
            assert_eq!(ReplicateKey::decide(&input(PRIMARY), &keys(Some(state))).unwrap(), []);
        }
    }

    #[test]
    fn a_single_region_key_has_no_replicas() {
        let error =
            replica_of(&"arn:aws:kms:us-east-1:444455556666:key/1".parse().unwrap(), &"eu-west-1".parse().unwrap());
        assert_eq!(error.unwrap_err().name(), ErrorName::KmsNotReplicated);
    }
}
