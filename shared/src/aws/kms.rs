//! KMS keys: describe, create, replicate, and merge into their policies. There is no call here that disables a key or
//! schedules its deletion, and there never will be.

use std::ops::Deref;

use aws_sdk_kms::{
    Client,
    config::{Builder, Config, retry::RetryConfig},
    error::SdkError,
    operation::describe_key::DescribeKeyError,
    types::{
        GrantListEntry, KeySpec, KeyState, KeyUsageType, MultiRegionConfiguration, MultiRegionKeyType, OriginType, Tag,
    },
};
use aws_types::SdkConfig;

use super::aws_error;
use crate::{
    error::{Error, ErrorName, Result},
    ids::{KeyAlias, KmsKeyArn, Region},
    policy::PolicyDocument,
};

/// Reads from KMS in one region.
#[derive(Debug, Clone)]
pub struct KmsReader(Client);

/// Writes to KMS in one region, and reads.
#[derive(Debug, Clone)]
pub struct KmsWriter(KmsReader);

impl Deref for KmsWriter {
    type Target = KmsReader;

    fn deref(&self) -> &KmsReader {
        &self.0
    }
}

/// What KMS says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key in the region that was asked.
    pub arn: KmsKeyArn,
    /// What can be done with it.
    pub state: State,
    /// Whether it is a symmetric key for encryption, which is what Atlas can use.
    pub is_symmetric: bool,
    /// Whether KMS made its key material. What was imported can be deleted at once.
    pub is_of_kms: bool,
    /// The primary of a multi-Region key: itself, or the one it is a replica of.
    pub primary: Option<KmsKeyArn>,
    /// Its replicas, in whatever region.
    pub replicas: Vec<KmsKeyArn>,
}

/// What can be done with a key (KMS developer guide, "Key states").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Everything.
    Enabled,
    /// A replica that is being made: nothing, for some seconds.
    Creating,
    /// Nothing, until somebody enables it.
    Disabled,
    /// Nothing, and soon it is gone.
    PendingDeletion,
    /// Nothing, for this reason.
    Other(String),
}

/// Whether AWS renews the key's material, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Whether it does.
    pub enabled: bool,
    /// Every how many days.
    pub days: Option<u16>,
}

impl KmsReader {
    /// Calls with the credentials of `config`, in its region.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The key of an ARN or an alias, or `None` if there is none.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn key(&self, id: &str) -> Result<Option<Key>> {
        match self.0.describe_key().key_id(id).send().await {
            Ok(answer) => answer.key_metadata.as_ref().map(|metadata| read_key(id, metadata)).transpose(),
            Err(SdkError::ServiceError(refusal)) if matches!(refusal.err(), DescribeKeyError::NotFoundException(_)) => {
                Ok(None)
            }
            Err(error) => Err(aws_error("kms:DescribeKey", id, &error)),
        }
    }

    /// The key of this region that carries all of these tags, if there is one. A key whose tags we are not allowed to
    /// read is not ours; one whose tags cannot be read for another reason may be, and is an error.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn key_with_tags(&self, wanted: &[(String, String)]) -> Result<Option<Key>> {
        let pages = self.0.list_keys().into_paginator().items().send();
        let keys: std::result::Result<Vec<_>, _> = pages.collect().await;
        for entry in keys.map_err(|error| aws_error("kms:ListKeys", "the keys of the region", &error))? {
            let arn = parse(entry.key_arn().unwrap_or_default())?;
            let tags = match self.tags(&arn).await {
                Ok(tags) => tags,
                Err(error) if error.name() == ErrorName::AccountAccessDenied => continue,
                Err(error) => return Err(error),
            };
            if wanted.iter().all(|tag| tags.contains(tag)) {
                return self.key(arn.as_ref()).await;
            }
        }
        Ok(None)
    }

    /// How the key's material is renewed.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn rotation(&self, key: &KmsKeyArn) -> Result<Rotation> {
        let answer = self
            .0
            .get_key_rotation_status()
            .key_id(key.as_ref())
            .send()
            .await
            .map_err(|error| aws_error("kms:GetKeyRotationStatus", key.as_ref(), &error))?;
        let days = answer.rotation_period_in_days.and_then(|days| u16::try_from(days).ok());
        Ok(Rotation { enabled: answer.key_rotation_enabled, days })
    }

    /// The key's policy.
    ///
    /// # Errors
    /// As [`aws_error`]; `Internal` if it cannot be read.
    pub async fn policy(&self, key: &KmsKeyArn) -> Result<PolicyDocument> {
        let answer = self
            .0
            .get_key_policy()
            .key_id(key.as_ref())
            .policy_name("default")
            .send()
            .await
            .map_err(|error| aws_error("kms:GetKeyPolicy", key.as_ref(), &error))?;
        PolicyDocument::parse(answer.policy().unwrap_or_default()).map_err(|error| {
            Error::new(ErrorName::Internal, format!("the key policy that KMS returned for {key} is {error}"))
        })
    }

    /// The principals that grants of the key name.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn grantees(&self, key: &KmsKeyArn) -> Result<Vec<String>> {
        let pages = self.0.list_grants().key_id(key.as_ref()).into_paginator().items().send();
        let grants: std::result::Result<Vec<GrantListEntry>, _> = pages.collect().await;
        let grants = grants.map_err(|error| aws_error("kms:ListGrants", key.as_ref(), &error))?;
        Ok(grants.into_iter().map(|grant| grant.grantee_principal.unwrap_or_default()).collect())
    }

    /// The key's tags.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn tags(&self, key: &KmsKeyArn) -> Result<Vec<(String, String)>> {
        let pages = self.0.list_resource_tags().key_id(key.as_ref()).into_paginator().items().send();
        let tags: std::result::Result<Vec<Tag>, _> = pages.collect().await;
        let tags = tags.map_err(|error| aws_error("kms:ListResourceTags", key.as_ref(), &error))?;
        Ok(tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect())
    }
}

impl KmsWriter {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(KmsReader::new(config))
    }

    /// Creates a symmetric multi-Region key. Sent once: KMS knows no token by which it would recognise the same call.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create_key(
        &self,
        policy: &PolicyDocument,
        description: &str,
        tags: &[(String, String)],
    ) -> Result<KmsKeyArn> {
        let answer = self
            .0
            .0
            .create_key()
            .multi_region(true)
            .key_spec(KeySpec::SymmetricDefault)
            .key_usage(KeyUsageType::EncryptDecrypt)
            .policy(policy.to_json())
            .description(description)
            .set_tags(Some(sdk_tags(tags)?))
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| aws_error("kms:CreateKey", "a new key", &error))?;
        let arn = answer.key_metadata.as_ref().and_then(|metadata| metadata.arn()).unwrap_or_default();
        parse(arn)
    }

    /// Cancels the deletion of a key, which leaves it disabled (KMS API reference, `CancelKeyDeletion`).
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn cancel_deletion(&self, key: &KmsKeyArn) -> Result<()> {
        let sent = self.0.0.cancel_key_deletion().key_id(key.as_ref()).send().await;
        sent.map(drop).map_err(|error| aws_error("kms:CancelKeyDeletion", key.as_ref(), &error))
    }

    /// Enables a key.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn enable(&self, key: &KmsKeyArn) -> Result<()> {
        let sent = self.0.0.enable_key().key_id(key.as_ref()).send().await;
        sent.map(drop).map_err(|error| aws_error("kms:EnableKey", key.as_ref(), &error))
    }

    /// Gives the key an alias.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn create_alias(&self, alias: &KeyAlias, key: &KmsKeyArn) -> Result<()> {
        self.0
            .0
            .create_alias()
            .alias_name(alias.as_ref())
            .target_key_id(key.as_ref())
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| aws_error("kms:CreateAlias", alias.as_ref(), &error))?;
        Ok(())
    }

    /// Lets AWS renew the key's material every so many days.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn rotate_every(&self, key: &KmsKeyArn, days: u16) -> Result<()> {
        self.0
            .0
            .enable_key_rotation()
            .key_id(key.as_ref())
            .rotation_period_in_days(days.into())
            .send()
            .await
            .map_err(|error| aws_error("kms:EnableKeyRotation", key.as_ref(), &error))?;
        Ok(())
    }

    /// Makes a replica of a primary key. Called in the primary's region.
    ///
    /// # Errors
    /// As [`aws_error`]; `Aws.Propagating` if there is a replica, which its region may not show yet.
    pub async fn replicate(
        &self,
        primary: &KmsKeyArn,
        region: &Region,
        policy: &PolicyDocument,
        description: &str,
        tags: &[(String, String)],
    ) -> Result<()> {
        self.0
            .0
            .replicate_key()
            .key_id(primary.as_ref())
            .replica_region(region.as_ref())
            .policy(policy.to_json())
            .description(description)
            .set_tags(Some(sdk_tags(tags)?))
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| aws_error("kms:ReplicateKey", &format!("{primary} to {region}"), &error))?;
        Ok(())
    }

    /// Replaces the key's policy. KMS refuses one that would lock us out, and that check is never bypassed.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn put_policy(&self, key: &KmsKeyArn, policy: &PolicyDocument) -> Result<()> {
        self.0
            .0
            .put_key_policy()
            .key_id(key.as_ref())
            .policy_name("default")
            .policy(policy.to_json())
            .send()
            .await
            .map_err(|error| aws_error("kms:PutKeyPolicy", key.as_ref(), &error))?;
        Ok(())
    }

    /// Adds tags to the key, or replaces their values.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn tag(&self, key: &KmsKeyArn, tags: &[(String, String)]) -> Result<()> {
        self.0
            .0
            .tag_resource()
            .key_id(key.as_ref())
            .set_tags(Some(sdk_tags(tags)?))
            .send()
            .await
            .map_err(|error| aws_error("kms:TagResource", key.as_ref(), &error))?;
        Ok(())
    }

    /// Takes a tag away from the key.
    ///
    /// # Errors
    /// As [`aws_error`].
    pub async fn untag(&self, key: &KmsKeyArn, tag: &str) -> Result<()> {
        self.0
            .0
            .untag_resource()
            .key_id(key.as_ref())
            .tag_keys(tag)
            .send()
            .await
            .map_err(|error| aws_error("kms:UntagResource", key.as_ref(), &error))?;
        Ok(())
    }
}

/// For calls that create something: whether one whose answer was lost took effect is for the step to find out, before
/// it is sent again.
fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

fn sdk_tags(tags: &[(String, String)]) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| Tag::builder().tag_key(key).tag_value(value).build())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::new(ErrorName::Internal, format!("an atlas-cmk tag is malformed: {error}")))
}

fn parse(arn: &str) -> Result<KmsKeyArn> {
    arn.parse().map_err(|error| Error::new(ErrorName::Internal, format!("KMS returned no usable ARN: {error}")))
}

fn read_key(id: &str, metadata: &aws_sdk_kms::types::KeyMetadata) -> Result<Key> {
    let topology = metadata.multi_region_configuration();
    let arn = parse(metadata.arn().unwrap_or(id))?;
    let primary = match topology.and_then(|topology| topology.multi_region_key_type()) {
        Some(MultiRegionKeyType::Primary) => Some(arn.clone()),
        Some(_) => topology.and_then(|it| it.primary_key()).and_then(|key| key.arn()).map(parse).transpose()?,
        None => None,
    };
    let replicas = topology.map(MultiRegionConfiguration::replica_keys).unwrap_or_default();
    let replicas = replicas.iter().filter_map(|replica| replica.arn()).map(parse).collect::<Result<_>>()?;
    Ok(Key {
        replicas,
        state: match metadata.key_state() {
            Some(KeyState::Enabled) | None => State::Enabled,
            Some(KeyState::Creating | KeyState::Updating) => State::Creating,
            Some(KeyState::Disabled) => State::Disabled,
            Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => State::PendingDeletion,
            Some(other) => State::Other(other.as_str().to_owned()),
        },
        is_symmetric: metadata.key_spec().is_none_or(|spec| *spec == KeySpec::SymmetricDefault)
            && metadata.key_usage().is_none_or(|usage| *usage == KeyUsageType::EncryptDecrypt),
        is_of_kms: metadata.origin().is_none_or(|origin| *origin == OriginType::AwsKms),
        primary,
        arn,
    })
}
