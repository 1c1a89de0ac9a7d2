//! AWS Organizations, for what events of it mask or leave out: the name of an account, its organizational unit, its
//! tags.

use std::collections::BTreeMap;

use aws_sdk_organizations::{
    Client,
    types::{Account, AccountState, AccountStatus},
};
use aws_types::SdkConfig;
use jiff::Timestamp;

use super::aws_error;
use crate::{
    error::{ErrorName, Result},
    ids::{AccountId, is_organizational_unit},
};

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its id.
    pub account_id: AccountId,
    /// Its name.
    pub name: Option<String>,
    /// When it was made, or was invited and came.
    pub at: Timestamp,
}

/// Looks up accounts of the organization. Only its management account and delegated administrators may; anybody else
/// learns nothing, which is no error.
#[derive(Debug, Clone)]
pub struct Organizations(Client);

impl Organizations {
    /// Calls with the credentials of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The name of an account.
    ///
    /// # Errors
    /// As [`aws_error`], but for a refusal.
    pub async fn name_of(&self, account: &AccountId) -> Result<Option<String>> {
        let answer = self.0.describe_account().account_id(account.as_ref()).send().await;
        let answer = answer.map_err(|error| aws_error("organizations:DescribeAccount", account.as_ref(), &error));
        Ok(allowed(answer)?.and_then(|answer| answer.account?.name))
    }

    /// The id of the organizational unit that an account is in; none if it is in the root.
    ///
    /// # Errors
    /// As [`aws_error`], but for a refusal.
    pub async fn unit_of(&self, account: &AccountId) -> Result<Option<String>> {
        let answer = self.0.list_parents().child_id(account.as_ref()).send().await;
        let answer = answer.map_err(|error| aws_error("organizations:ListParents", account.as_ref(), &error));
        let parent = allowed(answer)?.and_then(|answer| answer.parents?.into_iter().next()?.id);
        Ok(parent.filter(|parent| is_organizational_unit(parent)))
    }

    /// The name of an organizational unit. What has no id of one has none.
    ///
    /// # Errors
    /// As [`aws_error`], but for a refusal.
    pub async fn name_of_unit(&self, unit: &str) -> Result<Option<String>> {
        if !is_organizational_unit(unit) {
            return Ok(None);
        }
        let answer = self.0.describe_organizational_unit().organizational_unit_id(unit).send().await;
        let answer = answer.map_err(|error| aws_error("organizations:DescribeOrganizationalUnit", unit, &error));
        Ok(allowed(answer)?.and_then(|answer| answer.organizational_unit?.name))
    }

    /// All accounts that can be used.
    ///
    /// # Errors
    /// As [`aws_error`], but for a refusal.
    pub async fn accounts(&self) -> Result<Option<Vec<Joined>>> {
        let pages: std::result::Result<Vec<_>, _> = self.0.list_accounts().into_paginator().send().collect().await;
        let pages = pages.map_err(|error| aws_error("organizations:ListAccounts", "the organization", &error));
        Ok(allowed(pages)?.map(|pages| {
            pages.into_iter().flat_map(|page| page.accounts.unwrap_or_default()).filter_map(joined).collect()
        }))
    }

    /// The tags of an account.
    ///
    /// # Errors
    /// As [`aws_error`], but for a refusal.
    pub async fn tags_of(&self, account: &AccountId) -> Result<Option<BTreeMap<String, String>>> {
        let pages = self.0.list_tags_for_resource().resource_id(account.as_ref()).into_paginator().items().send();
        let tags: std::result::Result<Vec<_>, _> = pages.collect().await;
        let tags = tags.map_err(|error| aws_error("organizations:ListTagsForResource", account.as_ref(), &error));
        Ok(allowed(tags)?.map(|tags| tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
    }
}

/// An account that can be used. `Status` gives way to `State` (Organizations API reference, `Account`), and either may
/// be missing.
fn joined(account: Account) -> Option<Joined> {
    let usable = match (&account.state, &account.status) {
        (Some(state), _) => *state == AccountState::Active,
        (None, status) => *status == Some(AccountStatus::Active),
    };
    let at = Timestamp::from_second(account.joined_timestamp?.secs()).ok()?;
    usable.then_some(Joined { account_id: account.id?.parse().ok()?, name: account.name, at })
}

/// What we may not ask, and what there is no organization for, is not known.
fn allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.name() == ErrorName::AccountAccessDenied => Ok(None),
        Err(error)
            if matches!(
                error.code(),
                Some(
                    "AWSOrganizationsNotInUseException"
                        | "AccountNotFoundException"
                        | "ChildNotFoundException"
                        | "OrganizationalUnitNotFoundException"
                        | "TargetNotFoundException"
                )
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
