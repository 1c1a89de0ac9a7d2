//! The key in every region that needs it.

use super::{Survey, Wanted};
use crate::{
    aws::{Caller, Key, KmsReader},
    error::{Error, Result},
    ids::{KmsKeyArn, Region},
    model::statements::KEY_ACTIONS,
    policy::PolicyDocument,
    request::{EnableEncryption, ManageKey, regional_keys},
    step::Readers,
    steps::enable::allow_key_use,
    tags::Tag,
};

/// The key in a region.
#[derive(Debug)]
pub struct RegionalKey {
    /// Its ARN there.
    pub arn: KmsKeyArn,
    /// What KMS says of it; `None` if it is not there.
    pub key: Result<Option<Key>>,
    /// Its policy; `None` if there is no key, or nobody asked.
    pub policy: Result<Option<PolicyDocument>>,
    /// Its tags; none if there is no key, or nobody asked.
    pub tags: Result<Vec<Tag>>,
}

impl RegionalKey {
    /// What KMS says of the key, and nothing else.
    pub async fn describe(readers: &Readers, caller: Caller<'_>, arn: KmsKeyArn) -> Self {
        let key = async { readers.kms_for(&arn, caller).await?.key(arn.as_ref()).await };
        Self { key: key.await, policy: Ok(None), tags: Ok(Vec::new()), arn }
    }

    /// Its policy, if it is there and could be read.
    pub fn policy(&self) -> Option<&PolicyDocument> {
        self.policy.as_ref().ok()?.as_ref()
    }

    /// Why parts could not be read.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        [self.key.as_ref().err(), self.policy.as_ref().err(), self.tags.as_ref().err()].into_iter().flatten()
    }

    async fn read(readers: &Readers, wanted: &Wanted<'_>, arn: KmsKeyArn) -> Self {
        let mut read = Self::describe(readers, wanted.caller(), arn).await;
        if matches!(&read.key, Ok(Some(_)))
            && let Ok(kms) = readers.kms_for(&read.arn, wanted.caller()).await
        {
            read.policy = kms.policy(&read.arn).await.map(Some);
            read.tags = tags(&kms, wanted.request, &read.arn).await;
        }
        read
    }
}

/// The tags, where they show whose the key is or `register` adds to them.
async fn tags(kms: &KmsReader, request: &EnableEncryption, arn: &KmsKeyArn) -> Result<Vec<Tag>> {
    if request.key_alias().is_none() && request.manage_key() == ManageKey::None {
        return Ok(Vec::new());
    }
    kms.tags(arn).await
}

/// The key that the input or an earlier step names, or the one under the alias, if there is one. An alias is of one
/// region, and which that was may no longer be derived from the requested regions: all records are checked, the one of
/// atlas-cmk, and that of the key the project uses.
pub(super) async fn find(
    readers: &Readers,
    wanted: &Wanted<'_>,
    in_use: Option<&KmsKeyArn>,
) -> Result<Option<KmsKeyArn>> {
    if let Some(arn) = &wanted.key_arn {
        return Ok(Some(arn.clone()));
    }
    let Some(alias) = wanted.request.key_alias() else { return Ok(None) };
    let mut regions: Vec<&Region> = wanted.request.regions().iter().collect();
    regions.extend(in_use.map(KmsKeyArn::region));
    regions.push(&readers.region);
    let mut looked_at: Vec<&Region> = Vec::new();
    for region in regions {
        if looked_at.contains(&region) {
            continue;
        }
        looked_at.push(region);
        let kms = readers.kms(wanted.caller(), region).await?;
        if let Some(key) = kms.key(alias.as_ref()).await? {
            return Ok(Some(key.arn));
        }
    }
    Ok(None)
}

pub(super) async fn read(readers: &Readers, wanted: &Wanted<'_>, key: Option<&KmsKeyArn>) -> Vec<RegionalKey> {
    let Some(key) = key else { return Vec::new() };
    let mut keys = Vec::new();
    for arn in regional_keys(key, wanted.request.regions()) {
        keys.push(RegionalKey::read(readers, wanted, arn).await);
    }
    keys
}

pub(super) fn needs_key_statements(survey: &Survey, request: &EnableEncryption) -> bool {
    // A key that is to be created lets nobody use it whom its policy does not name.
    let Some(key) = &survey.key_arn else { return true };
    let of_another_account = key.account() != request.role_arn.account();
    let Some(project) = survey.project() else {
        return of_another_account || survey.policies().any(|(arn, policy)| must_be_named(arn, policy, request));
    };
    let lacks = |arn, policy| {
        allow_key_use::changes(&project.id, &request.role_arn, arn, policy).is_ok_and(|it| !it.is_empty())
    };
    survey.policies().any(|(arn, policy)| lacks(arn, policy))
        || (of_another_account && !survey.regions_to_replicate(request).is_empty())
}

/// Whether the role is kept out of the key unless its policy names it.
pub(in crate::answers) fn must_be_named(arn: &KmsKeyArn, policy: &PolicyDocument, request: &EnableEncryption) -> bool {
    request.role_arn.account() != arn.account() || !policy.delegates_to_iam(arn.account(), &KEY_ACTIONS)
}

impl Survey {
    /// The key policies that could be read.
    pub(in crate::answers) fn policies(&self) -> impl Iterator<Item = (&KmsKeyArn, &PolicyDocument)> {
        self.keys.iter().filter_map(|it| Some((&it.arn, it.policy()?)))
    }
}
