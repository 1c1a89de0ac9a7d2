//! Calls into another account, with the credentials of a role there that allows atlas-cmk to assume it with an external
//! ID.

#![expect(clippy::disallowed_methods, reason = "a session expires")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_sts::{Client, error::SdkError};
use aws_types::SdkConfig;

use super::{IamReader, IamWriter, KmsReader, KmsWriter, aws_error};
use crate::{
    error::{Error, ErrorName, Result, denial},
    ids::{AccountAccess, ExternalId, IamRoleArn, Region, SpokeRole},
};

/// Credentials are renewed this long before they expire, so that none expires on its way.
const RENEWAL_MARGIN: Duration = Duration::from_mins(5);

/// What a session's name may hold (STS API reference, `RoleSessionName`), and how long it may be.
const SESSION_NAME_LENGTH: usize = 64;

/// The shortest session there is, in seconds (STS API reference, `DurationSeconds`): enough to see that it can be had.
const SHORTEST_SESSION: i32 = 900;

/// On whose behalf a step calls: another account, if one is named, in a session that is named after the execution.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The account to go to; our own unless given.
    pub account: Option<&'a AccountAccess>,
    /// The name of the execution.
    pub execution: Option<&'a str>,
}

/// Clients for our own account and for others.
#[derive(Debug, Clone)]
pub struct Accounts {
    own: SdkConfig,
    /// The role that is assumed in other accounts.
    role: SpokeRole,
    /// The last session, for as long as the function is warm and goes to the same account.
    session: Arc<Mutex<Option<Session>>>,
}

#[derive(Debug, Clone)]
struct Session {
    access: AccountAccess,
    name: String,
    config: SdkConfig,
    renew_at: SystemTime,
}

impl Accounts {
    /// Clients that start from the credentials of `own`, and assume this role in other accounts.
    pub fn new(own: SdkConfig, role: SpokeRole) -> Self {
        Self { own, role, session: Arc::default() }
    }

    /// IAM of the caller's account.
    ///
    /// # Errors
    /// `Account.NotReady` if the other account's role cannot be assumed (yet), `Account.AccessDenied` if a service
    /// control policy forbids it; as [`aws_error`] otherwise.
    pub async fn iam_reader(&self, caller: Caller<'_>) -> Result<IamReader> {
        Ok(IamReader::new(&self.config(caller).await?))
    }

    /// IAM of the caller's account, to write to.
    ///
    /// # Errors
    /// As [`Self::iam_reader`].
    pub(crate) async fn iam_writer(&self, caller: Caller<'_>) -> Result<IamWriter> {
        Ok(IamWriter::new(&self.config(caller).await?))
    }

    /// KMS of the caller's account, in a region.
    ///
    /// # Errors
    /// As [`Self::iam_reader`].
    pub async fn kms_reader(&self, caller: Caller<'_>, region: &Region) -> Result<KmsReader> {
        Ok(KmsReader::new(&self.regional_config(caller, region).await?))
    }

    /// KMS of the caller's account, in a region, to write to.
    ///
    /// # Errors
    /// As [`Self::iam_reader`].
    pub(crate) async fn kms_writer(&self, caller: Caller<'_>, region: &Region) -> Result<KmsWriter> {
        Ok(KmsWriter::new(&self.regional_config(caller, region).await?))
    }

    /// Whether `target` can be assumed with and without an external ID, by `source`, or by ourselves if there is none.
    /// `None` if `source` does not allow the caller in.
    ///
    /// # Errors
    /// As [`Self::iam_reader`]; a refusal is an answer.
    pub async fn try_assuming(
        &self,
        caller: Caller<'_>,
        source: Option<&IamRoleArn>,
        target: &IamRoleArn,
        external_id: &ExternalId,
    ) -> Result<Option<Assumption>> {
        let mut config = self.config(caller).await?;
        if let Some(source) = source {
            let Some(credentials) = assume(&config, source, None, caller.execution).await? else { return Ok(None) };
            config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
        }
        let with = assume(&config, target, Some(external_id), caller.execution).await?;
        let without = assume(&config, target, None, caller.execution).await?;
        Ok(Some(Assumption { with_external_id: with.is_some(), without_external_id: without.is_some() }))
    }

    async fn regional_config(&self, caller: Caller<'_>, region: &Region) -> Result<SdkConfig> {
        let region = aws_types::region::Region::new(region.to_string());
        Ok(self.config(caller).await?.into_builder().region(region).build())
    }

    async fn config(&self, caller: Caller<'_>) -> Result<SdkConfig> {
        let Some(access) = caller.account else { return Ok(self.own.clone()) };
        let name = session_name(caller.execution);
        if let Some(session) = self.kept(access, &name) {
            return Ok(session.config);
        }
        let session = self.assume(access, name).await?;
        let config = session.config.clone();
        *self.session.lock().expect("nothing panics while it holds this lock") = Some(session);
        Ok(config)
    }

    fn kept(&self, access: &AccountAccess, name: &str) -> Option<Session> {
        let session = self.session.lock().expect("nothing panics while it holds this lock").clone()?;
        let usable = session.access == *access && session.name == name && SystemTime::now() < session.renew_at;
        usable.then_some(session)
    }

    async fn assume(&self, access: &AccountAccess, name: String) -> Result<Session> {
        let role = access.role(self.role)?;
        let answer = Client::new(&self.own)
            .assume_role()
            .role_arn(role.as_ref())
            .external_id(access.external_id.as_ref())
            .role_session_name(&name)
            .send()
            .await
            .map_err(|error| match &error {
                SdkError::ServiceError(_) => not_ready(&role, aws_error("sts:AssumeRole", role.as_ref(), &error)),
                _ => aws_error("sts:AssumeRole", role.as_ref(), &error),
            })?;
        let given = answer.credentials.ok_or_else(|| {
            Error::new(
                ErrorName::AwsUnavailable,
                format!("sts:AssumeRole on {role}: the response holds no credentials"),
            )
        })?;
        let expires = SystemTime::try_from(given.expiration).unwrap_or_else(|_| SystemTime::now());
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(expires),
            "sts:AssumeRole",
        );
        let config =
            self.own.clone().into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
        Ok(Session { access: access.clone(), name, config, renew_at: expires - RENEWAL_MARGIN })
    }
}

/// What came of trying to assume a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumption {
    /// Whether it can be assumed with the external ID.
    pub with_external_id: bool,
    /// Whether it can be assumed without any.
    pub without_external_id: bool,
}

/// Credentials of a role, or `None` if it cannot be assumed.
async fn assume(
    config: &SdkConfig,
    role: &IamRoleArn,
    external_id: Option<&ExternalId>,
    execution: Option<&str>,
) -> Result<Option<Credentials>> {
    let sent = Client::new(config)
        .assume_role()
        .role_arn(role.as_ref())
        .set_external_id(external_id.map(ToString::to_string))
        .role_session_name(session_name(execution))
        .duration_seconds(SHORTEST_SESSION)
        .send()
        .await;
    match sent {
        Ok(answer) => Ok(answer.credentials.map(|given| {
            Credentials::new(
                given.access_key_id,
                given.secret_access_key,
                Some(given.session_token),
                None,
                "sts:AssumeRole",
            )
        })),
        Err(error) => match aws_error("sts:AssumeRole", role.as_ref(), &error) {
            refused if refused.name() == ErrorName::AccountAccessDenied => Ok(None),
            other => Err(other),
        },
    }
}

/// A refused `AssumeRole` does not say why, and in an account that is being created it passes. A refusal by a service
/// control policy says so, and somebody has to lift it.
fn not_ready(role: &IamRoleArn, error: Error) -> Error {
    if error.name() != ErrorName::AccountAccessDenied || error.code() == Some(denial::SERVICE_CONTROL_POLICY) {
        return error;
    }
    error.restated(
        ErrorName::AccountNotReady,
        format!(
            "{role} cannot be assumed: it does not exist yet, its trust policy does not name the role of this function, \
             or it requires another external ID; deploy infra/spoke.yaml in account {}",
            role.account()
        ),
    )
}

fn session_name(execution: Option<&str>) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = execution.unwrap_or_default().chars().map(allowed).take(SESSION_NAME_LENGTH).collect();
    if name.len() < 2 { "atlas-cmk".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_its_execution_within_what_sts_takes() {
        for (execution, name) in [
            (Some("vend-444455556666"), "vend-444455556666"),
            (Some("a b:c"), "a-b-c"),
            (Some(""), "atlas-cmk"),
            (None, "atlas-cmk"),
        ] {
            assert_eq!(session_name(execution), name);
        }
        assert_eq!(session_name(Some(&"x".repeat(80))).len(), 64);
    }
}
