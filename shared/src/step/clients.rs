//! The clients a step works with, and what it knows of where it runs. Observing and answering get [`Readers`], which have
//! no call that writes; only acting and sending get [`Writers`], and only this module's parent makes them.

#![expect(clippy::disallowed_methods, reason = "what is random comes from here")]

use std::{ops::Deref, time::Instant};

use aws_types::SdkConfig;
use jiff::Timestamp;
use wildmatch::WildMatch;

use crate::{
    atlas::{AtlasReader, AtlasWriter, CredentialSource, RetryPolicy, TokenCache},
    aws::{
        self, Accounts, Assumption, Caller, DeadLetters, ExecutionsReader, ExecutionsWriter, IamReader, IamWriter,
        ItemsReader, ItemsWriter, KmsReader, KmsWriter, Leases, Organizations, Parameters, Secrets, TaskTokens, Topic,
    },
    error::{Error, ErrorName, Result},
    http,
    ids::{AccountId, ExternalId, IamPolicyArn, IamRoleArn, InvalidId, KmsKeyArn, Region, SecretId, SpokeRole},
    policy::{KEY_RIGHTS, KeyMaintainers},
    registry::publication::Publications,
    settings::{CrossAccount, OwnRoles, Settings, StateMachines},
};

/// The clients that read. Built once, and kept while the function is warm.
#[derive(Debug, Clone)]
pub struct Readers {
    /// The Atlas Administration API.
    pub atlas: AtlasReader,
    /// Sessions in the account the function runs in, and in others.
    accounts: Accounts,
    /// What clients of the account the function runs in are built from. Each is built where it is used, so that a
    /// function does not contain those that it does not use.
    config: SdkConfig,
    /// The topic of the stack, of functions that publish.
    topic_arn: Option<String>,
    /// The queue of what could not be handled, of functions that have one.
    dead_letter_queue_url: Option<String>,
    /// The table of the registry, of functions that read it.
    registry_table: Option<String>,
    /// The path of what is published of projects.
    published_below: Option<String>,
    /// Whether the deployment demands approvals.
    pub requires_approval: bool,
    /// Where an approver answers, of the function that asks.
    pub approval_url: Option<String>,
    /// The state machines that the function starts.
    pub state_machines: StateMachines,
    /// The roles that our own calls are made with.
    pub own_roles: OwnRoles,
    /// The secret with the Atlas credentials of the stack, if the function knows it.
    pub default_secret: Option<String>,
    /// The region the function runs in.
    pub region: Region,
    /// When the invocation began.
    pub now: Timestamp,
    /// The permissions boundary of the roles that Atlas assumes in our own account, unless the input names another.
    pub access_role_boundary: Option<IamPolicyArn>,
    /// The roles of our own account that the functions may write.
    access_role_name: Option<String>,
    /// The AWS accounts of Atlas that roles may trust, if the deployment says which.
    atlas_accounts: Vec<String>,
    /// What cross-account access may connect.
    pub cross_account: CrossAccount,
    /// Others that the deployment accepts, with wildcards.
    more_boundaries: Vec<String>,
    /// Roles of which the deployment wants none.
    unbounded_roles: Vec<String>,
    /// The account the function runs in, where it is known.
    pub own_account: Option<AccountId>,
    /// The quota for the size of a trust policy, in characters.
    pub trust_policy_size_quota: usize,
}

impl Readers {
    /// Builds the clients, which assume this role in other accounts. Nothing is sent.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the extra certificate authorities cannot be read.
    pub fn new(settings: &Settings, role: SpokeRole) -> Result<Self> {
        let http = http::client(settings.extra_ca_file.as_deref())?;
        let config = aws::sdk_config(settings, &http);
        let region = settings.aws_region.parse().map_err(|error: InvalidId| {
            Error::new(ErrorName::DeploymentInvalid, format!("the environment variable AWS_REGION is invalid: {error}"))
        })?;
        Ok(Self {
            atlas: atlas(settings, &config, http, settings.atlas_secret_id.as_deref()),
            accounts: Accounts::new(config.clone(), role),
            config,
            topic_arn: settings.topic_arn.clone(),
            dead_letter_queue_url: settings.dead_letter_queue_url.clone(),
            registry_table: settings.registry_table.clone(),
            published_below: settings.published_below.clone(),
            requires_approval: settings.requires_approval,
            approval_url: settings.approval_url.clone(),
            state_machines: settings.state_machines.clone(),
            own_roles: settings.own_roles.clone(),
            default_secret: settings.atlas_secret_id.clone(),
            region,
            now: Timestamp::UNIX_EPOCH,
            own_account: None,
            access_role_boundary: settings.access_role_boundary.clone(),
            access_role_name: settings.access_role_name.clone(),
            atlas_accounts: settings.atlas_accounts.clone(),
            cross_account: settings.cross_account.clone(),
            more_boundaries: settings.more_boundaries.clone(),
            unbounded_roles: settings.unbounded_roles.clone(),
            trust_policy_size_quota: settings.trust_policy_size_quota,
        })
    }

    /// The same clients with the credentials of another secret.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_secret(&self, settings: &Settings, secret_id: &SecretId) -> Result<Self> {
        let http = http::client(settings.extra_ca_file.as_deref())?;
        let config = aws::sdk_config(settings, &http);
        Ok(Self { atlas: atlas(settings, &config, http, Some(secret_id.as_ref())), ..self.clone() })
    }

    /// The same clients for one invocation in this account, which began at `now` and ends at `deadline`.
    #[must_use]
    pub fn for_invocation(&self, now: Timestamp, deadline: Instant, own_account: Option<AccountId>) -> Self {
        Self { atlas: self.atlas.for_invocation(deadline), now, own_account, ..self.clone() }
    }

    /// An external ID of 122 random bits, which cannot be guessed and which IAM allows.
    ///
    /// # Errors
    /// Never: IAM allows what a UUID consists of.
    pub fn new_external_id(&self) -> Result<ExternalId> {
        let id = uuid::Uuid::new_v4().to_string();
        id.parse().map_err(|error| Error::new(ErrorName::Internal, format!("a bug: {error}")))
    }

    /// From where a resource of `account` is reached: the other account if it is that one, else ours. Names of roles
    /// and ids of keys mean something in every account, so that a wrong one would not be noticed.
    ///
    /// # Errors
    /// `Input.Invalid` if the resource is in neither; `field` and `resource` say which it is.
    pub fn reach<'a>(
        &self,
        field: &str,
        resource: &str,
        account: &AccountId,
        caller: Caller<'a>,
    ) -> Result<Caller<'a>> {
        if caller.account.is_some_and(|access| access.role_arn.account() == account) {
            return Ok(caller);
        }
        if self.own_account.as_ref().is_none_or(|own| own == account) {
            return Ok(Caller { account: None, ..caller });
        }
        let looked_for = caller.account.map(|access| access.role_arn.account()).or(self.own_account.as_ref());
        Err(Error::new(
            ErrorName::InputInvalid,
            format!(
                "{field}: {resource} is not in account {}, where atlas-cmk looks for it; to use another account, name \
                 a role to assume there in account.roleArn and account.externalId",
                looked_for.map(ToString::to_string).unwrap_or_default()
            ),
        ))
    }

    /// The permissions boundary that a role Atlas assumes has to carry: that of the stack, or that of infra/spoke.yaml
    /// in the account that `caller` reaches the role in.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without one.
    pub fn boundary_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<IamPolicyArn> {
        match caller.account.filter(|access| access.role_arn.account() == role.account()) {
            Some(access) => access.access_role_boundary(),
            None => self.access_role_boundary.clone().ok_or_else(|| not_set("ACCESS_ROLE_BOUNDARY_ARN")),
        }
    }

    /// Whether the deployment lets atlas-cmk write a role, as far as that is known here: infra/spoke.yaml decides it for
    /// other accounts.
    pub fn may_write_role(&self, role: &IamRoleArn) -> bool {
        let Some(pattern) =
            self.access_role_name.as_ref().filter(|_| self.own_account.as_ref() == Some(role.account()))
        else {
            return true;
        };
        let path_and_name = role.as_ref().split_once(":role/").map_or("", |(_, rest)| rest);
        WildMatch::new(pattern).matches(path_and_name) || self.unbounded_roles.iter().any(|it| it == role.as_ref())
    }

    /// Refuses to trust a principal that Atlas names, if the deployment knows that Atlas calls from other accounts.
    ///
    /// # Errors
    /// `Atlas.Conflict`, with the principal.
    pub fn check_principal_of_atlas(&self, principal: &str) -> Result<()> {
        let account = principal.split(':').nth(4).unwrap_or_default();
        if self.atlas_accounts.is_empty() || self.atlas_accounts.iter().any(|known| known == account) {
            return Ok(());
        }
        Err(Error::new(
            ErrorName::AtlasConflict,
            format!(
                "Atlas names the principal {principal}, and AtlasAccountIds of the stack does not list its account; do \
                 not trust it before MongoDB has confirmed it"
            ),
        ))
    }

    /// Whether the deployment accepts that atlas-cmk gives Atlas trust, or rights, in a role with this permissions
    /// boundary. What an input says of it does not count: IAM asks for the boundary where rights are given, but not where
    /// trust is.
    pub fn accepts_boundary(&self, role: &IamRoleArn, boundary: Option<&str>, caller: Caller<'_>) -> bool {
        if self.unbounded_roles.iter().any(|unbounded| unbounded == role.as_ref()) {
            return true;
        }
        let Some(boundary) = boundary else { return false };
        self.boundary_for(role, caller).is_ok_and(|own| own.as_ref() == boundary)
            || self.more_boundaries.iter().any(|pattern| WildMatch::new(pattern).matches(boundary))
    }

    /// The permissions boundary that a role of cross-account access has to have: that of the stack, or that of
    /// infra/spoke.yaml in the account that `caller` reaches the role in.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without one.
    pub fn cross_account_boundary_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<String> {
        match caller.account.filter(|access| access.role_arn.account() == role.account()) {
            Some(access) => access.cross_account_boundary().map(|arn| arn.to_string()),
            None => self.cross_account.boundary.clone().ok_or_else(|| not_set("CROSS_ACCOUNT_BOUNDARY_ARN")),
        }
    }

    /// The account that a call of `caller` goes to.
    ///
    /// # Errors
    /// `Internal` if Lambda did not say which account the function runs in.
    pub fn account_of<'a>(&'a self, caller: Caller<'a>) -> Result<&'a AccountId> {
        let other = caller.account.map(|access| access.role_arn.account());
        other
            .or(self.own_account.as_ref())
            .ok_or_else(|| Error::new(ErrorName::Internal, "a bug: the account of the function is not known"))
    }

    /// The roles of ours that a key created in this account admits: those of the stack, or those that we assume in the
    /// other account.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without knowing the roles of the stack.
    pub fn key_maintainers(&self, account: &AccountId, caller: Caller<'_>) -> Result<KeyMaintainers> {
        let access = caller.account.filter(|access| access.role_arn.account() == account);
        let prefix = match access {
            Some(_) => "",
            None => self.own_roles.arn_prefix.as_ref().ok_or_else(|| not_set("OWN_ROLE_ARN_PREFIX"))?,
        };
        let roles = KEY_RIGHTS.iter().map(|right| match access {
            Some(access) => {
                right.spoke_roles.iter().map(|role| access.role(*role).map(|arn| arn.to_string())).collect()
            }
            None => Ok(right.steps.iter().map(|step| format!("{prefix}{step}")).collect()),
        });
        Ok(KeyMaintainers { account: account.clone(), roles: roles.collect::<Result<_>>()? })
    }

    /// The registry.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without one.
    pub fn registry(&self) -> Result<ItemsReader> {
        Ok(ItemsReader::new(&self.config, self.table()?))
    }

    fn table(&self) -> Result<String> {
        self.registry_table.clone().ok_or_else(|| not_set("REGISTRY_TABLE"))
    }

    /// Executions of the state machines of the stack.
    pub fn executions(&self) -> ExecutionsReader {
        ExecutionsReader::new(&self.config)
    }

    /// The organization of the account.
    pub fn organizations(&self) -> Organizations {
        Organizations::new(&self.config)
    }

    /// Whether a role can be assumed with and without an external ID; see [`Accounts::try_assuming`].
    ///
    /// # Errors
    /// As [`Accounts::try_assuming`].
    pub async fn try_assuming(
        &self,
        caller: Caller<'_>,
        source: Option<&IamRoleArn>,
        target: &IamRoleArn,
        external_id: &ExternalId,
    ) -> Result<Option<Assumption>> {
        self.accounts.try_assuming(caller, source, target, external_id).await
    }

    /// IAM of the caller's account.
    ///
    /// # Errors
    /// As [`Accounts::iam_reader`].
    pub async fn iam(&self, caller: Caller<'_>) -> Result<IamReader> {
        self.accounts.iam_reader(caller).await
    }

    /// KMS of the caller's account, in a region.
    ///
    /// # Errors
    /// As [`Accounts::iam_reader`].
    pub async fn kms(&self, caller: Caller<'_>, region: &Region) -> Result<KmsReader> {
        self.accounts.kms_reader(caller, region).await
    }

    /// IAM of the account of a role.
    ///
    /// # Errors
    /// As [`Self::reach`] and [`Self::iam`].
    pub async fn iam_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<IamReader> {
        self.iam(self.reach("roleArn", role.as_ref(), role.account(), caller)?).await
    }

    /// KMS of the account and the region of a key.
    ///
    /// # Errors
    /// As [`Self::reach`] and [`Self::kms`].
    pub async fn kms_for(&self, key: &KmsKeyArn, caller: Caller<'_>) -> Result<KmsReader> {
        self.kms(self.reach("keyArn", key.as_ref(), key.account(), caller)?, key.region()).await
    }
}

/// The clients that write. They read, too: what is written is looked at again.
#[derive(Debug, Clone)]
pub struct Writers {
    readers: Readers,
}

impl Deref for Writers {
    type Target = Readers;

    fn deref(&self) -> &Readers {
        &self.readers
    }
}

impl Writers {
    /// Of the place that `readers` read.
    pub(super) fn new(readers: &Readers) -> Self {
        Self { readers: readers.clone() }
    }

    /// The Atlas Administration API.
    pub fn atlas(&self) -> AtlasWriter {
        AtlasWriter::new(self.readers.atlas.clone())
    }

    /// The registry.
    ///
    /// # Errors
    /// As [`Readers::registry`].
    pub fn registry(&self) -> Result<ItemsWriter> {
        Ok(ItemsWriter::new(&self.readers.config, self.table()?))
    }

    /// What is published in Parameter Store of the account the function runs in.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without its path.
    pub fn publications(&self) -> Result<Publications> {
        let path = self.readers.published_below.clone().ok_or_else(|| not_set("PUBLISHED_BELOW"))?;
        Ok(Publications::new(Parameters::new(&self.readers.config), path))
    }

    /// Executions of the state machines of the stack.
    pub fn executions(&self) -> ExecutionsWriter {
        ExecutionsWriter::new(&self.readers.config)
    }

    /// Executions that wait for an answer.
    pub fn task_tokens(&self) -> TaskTokens {
        TaskTokens::new(&self.readers.config)
    }

    /// The queue of what could not be handled, of functions that have one.
    pub fn dead_letters(&self) -> Option<DeadLetters> {
        self.readers.dead_letter_queue_url.clone().map(|url| DeadLetters::new(&self.readers.config, url))
    }

    /// The topic of the stack.
    ///
    /// # Errors
    /// `Deployment.Invalid` if the function was deployed without one.
    pub fn topic(&self) -> Result<Topic> {
        let arn = self.readers.topic_arn.clone().ok_or_else(|| not_set("TOPIC_ARN"))?;
        Ok(Topic::new(&self.readers.config, arn))
    }

    /// IAM of the account of a role.
    ///
    /// # Errors
    /// As [`Readers::iam_for`].
    pub async fn iam_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<IamWriter> {
        self.accounts.iam_writer(self.reach("roleArn", role.as_ref(), role.account(), caller)?).await
    }

    /// KMS of the caller's account, in a region.
    ///
    /// # Errors
    /// As [`Readers::kms`].
    pub async fn kms(&self, caller: Caller<'_>, region: &Region) -> Result<KmsWriter> {
        self.accounts.kms_writer(caller, region).await
    }

    /// KMS of the account and the region of a key.
    ///
    /// # Errors
    /// As [`Readers::kms_for`].
    pub async fn kms_for(&self, key: &KmsKeyArn, caller: Caller<'_>) -> Result<KmsWriter> {
        self.kms(self.reach("keyArn", key.as_ref(), key.account(), caller)?, key.region()).await
    }
}

/// A function that was deployed without something it needs.
pub(crate) fn not_set(variable: &str) -> Error {
    Error::new(
        ErrorName::DeploymentInvalid,
        format!("the environment variable {variable} is not set: deploy infra/template.yaml again"),
    )
}

/// A client of Atlas with the credentials of a secret, or with none.
fn atlas(settings: &Settings, config: &SdkConfig, http: reqwest::Client, secret_id: Option<&str>) -> AtlasReader {
    let secrets = Secrets::new(config);
    let source = match secret_id {
        Some(secret_id) => {
            CredentialSource::SecretsManager { secrets: secrets.clone(), secret_id: secret_id.to_owned() }
        }
        None => CredentialSource::None,
    };
    let is_default = secret_id == settings.atlas_secret_id.as_deref();
    let tokens = if is_default { &settings.tokens_secret_id } else { &settings.more_tokens_secret_id };
    let cache = tokens.clone().zip(settings.registry_table.clone());
    let cache = cache.map(|(tokens, table)| TokenCache::new(secrets, tokens, Leases::new(config, table)));
    AtlasReader::with_token_cache(http, settings.atlas_base_url.clone(), source, RetryPolicy::default(), cache)
}
