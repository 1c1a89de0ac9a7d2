//! A step converges one thing, and can be run any number of times.

mod declaration;

use std::time::Instant;

use aws_types::SdkConfig;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    atlas::{Atlas, CredentialSource, RetryPolicy, TokenCache},
    aws::{
        self, Accounts, Caller, DeadLetters, Executions, Iam, Kms, Organizations, Parameters, Secrets, TaskTokens,
        Topic,
    },
    change::{Change, Describe},
    error::{Error, ErrorName, Result},
    http,
    ids::{AccountId, IamPolicyArn, IamRoleArn, InvalidId, KmsKeyArn, Region, SecretId},
    policy::KeyMaintainers,
    settings::{Machines, OwnRoles, Settings},
    steps::{EnsureKey, GrantKey, ReplicateKey, RevokeKey},
};

pub use self::declaration::{Actions, Retries, actions, sample_file};

/// One step of a state machine.
///
/// Observing reads, deciding computes, acting writes. A step never sleeps to wait for another system: it fails with a
/// name that the state machine retries, or returns an output that a loop of the state machine checks.
#[expect(async_fn_in_trait, reason = "steps run on a current-thread runtime, where no future has to be Send")]
pub trait Step {
    /// The function's name, which is also that of its binary and of its role.
    const NAME: &'static str;
    /// What it does, in one line.
    const ABOUT: &'static str;
    /// For how long the state machine retries it, and after which errors.
    const RETRIES: Retries = Retries::Transient;
    /// The actions of AWS that its role allows, besides those of every function: logs and traces.
    const ACTIONS: Actions;
    /// What the function takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it answers.
    type Output: Serialize + JsonSchema;
    /// What it found.
    type Observation;
    /// What it may do about it.
    type Change: Describe;

    /// An input that it takes, for tests and documentation.
    fn sample() -> Value;

    /// Refuses an input whose fields contradict one another. Nothing has been read yet.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    fn validate(_input: &Self::Input) -> Result<()> {
        Ok(())
    }

    /// Reads what is there. Writes nothing.
    async fn observe(context: &Context, input: &Self::Input) -> Result<Self::Observation>;

    /// What has to change for the actual state to match the input: nothing, something, or a conflict, which is an
    /// error. Pure.
    fn decide(input: &Self::Input, observation: &Self::Observation) -> Result<Vec<Self::Change>>;

    /// Makes the changes, none on a re-run, and returns the resulting state.
    async fn act(
        context: &Context,
        input: &Self::Input,
        observation: Self::Observation,
        changes: &[Self::Change],
    ) -> Result<Self::Output>;
}

/// What a function answers: the output of its step, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Answer<O> {
    /// The resulting state.
    #[serde(flatten)]
    pub output: O,
    /// What was done, empty if everything was as it should be.
    pub changes: Vec<Change>,
}

/// The clients a step works with. Built once, and kept while the function is warm.
#[derive(Debug, Clone)]
pub struct Context {
    /// The Atlas Administration API.
    pub atlas: Atlas,
    /// IAM and KMS of the account the function runs in, and of others.
    pub accounts: Accounts,
    /// What clients of the account the function runs in are built from. Each is built where it is used, so that a
    /// function does not contain those that it does not use.
    config: SdkConfig,
    /// The topic of the stack, of functions that publish.
    topic_arn: Option<String>,
    /// The queue of what could not be handled, of functions that have one.
    dead_letter_queue_url: Option<String>,
    /// The state machines that the function starts.
    pub machines: Machines,
    /// The roles that our own calls are made with.
    pub own_roles: OwnRoles,
    /// The secret with the Atlas credentials of the stack, if the function knows it.
    pub default_secret: Option<String>,
    /// The region the function runs in.
    pub region: Region,
    /// The permissions boundary of the roles that Atlas assumes in our own account, unless the input names another.
    pub access_role_boundary: Option<IamPolicyArn>,
    /// The account the function runs in, where it is known.
    pub own_account: Option<AccountId>,
    /// The quota for the size of a trust policy, in characters.
    pub trust_policy_size_quota: usize,
}

impl Context {
    /// Builds the clients. Nothing is sent.
    ///
    /// # Errors
    /// `Input.Invalid` if the extra certificate authorities cannot be read.
    pub fn new(settings: &Settings) -> Result<Self> {
        let http = http::client(settings.extra_ca_file.as_deref())?;
        let config = aws::sdk_config(settings, &http);
        let region = settings.aws_region.parse().map_err(|error: InvalidId| {
            Error::new(ErrorName::InputInvalid, format!("the environment variable AWS_REGION is invalid: {error}"))
        })?;
        Ok(Self {
            atlas: atlas(settings, &config, http, settings.atlas_secret_id.as_deref()),
            accounts: Accounts::new(config.clone()),
            config,
            topic_arn: settings.topic_arn.clone(),
            dead_letter_queue_url: settings.dead_letter_queue_url.clone(),
            machines: settings.machines.clone(),
            own_roles: settings.own_roles.clone(),
            default_secret: settings.atlas_secret_id.clone(),
            region,
            own_account: None,
            access_role_boundary: settings.access_role_boundary.clone(),
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

    /// The same clients for one invocation in this account, which ends at `deadline`.
    #[must_use]
    pub fn for_invocation(&self, deadline: Instant, own_account: Option<AccountId>) -> Self {
        Self { atlas: self.atlas.for_invocation(deadline), own_account, ..self.clone() }
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
    /// `Internal` if the function was deployed without one.
    pub fn boundary_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<IamPolicyArn> {
        match caller.account.filter(|access| access.role_arn.account() == role.account()) {
            Some(access) => access.access_role_boundary(),
            None => self.access_role_boundary.clone().ok_or_else(|| not_set("ACCESS_ROLE_BOUNDARY_ARN")),
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

    /// The roles of ours that a key created in this account admits: those of the stack, or the one that we assume in
    /// the other account.
    ///
    /// # Errors
    /// `Internal` if the function was deployed without knowing the roles of the stack.
    pub fn key_maintainers(&self, account: &AccountId, caller: Caller<'_>) -> Result<KeyMaintainers> {
        if let Some(access) = caller.account.filter(|access| access.role_arn.account() == account) {
            let spoke = vec![access.role_arn.to_string()];
            return Ok(KeyMaintainers { account: account.clone(), of_policy: spoke.clone(), of_replicas: spoke });
        }
        let prefix = self.own_roles.arn_prefix.as_ref().ok_or_else(|| not_set("OWN_ROLE_ARN_PREFIX"))?;
        let role = |step: &str| format!("{prefix}{step}");
        let steps = [EnsureKey::NAME, ReplicateKey::NAME, GrantKey::NAME, RevokeKey::NAME];
        Ok(KeyMaintainers {
            account: account.clone(),
            of_policy: steps.map(role).to_vec(),
            of_replicas: vec![role(ReplicateKey::NAME)],
        })
    }

    /// Parameter Store of the account the function runs in.
    pub fn parameters(&self) -> Parameters {
        Parameters::new(&self.config)
    }

    /// Executions that wait for an answer.
    pub fn task_tokens(&self) -> TaskTokens {
        TaskTokens::new(&self.config)
    }

    /// Executions of the state machines of the stack.
    pub fn executions(&self) -> Executions {
        Executions::new(&self.config)
    }

    /// The organization of the account.
    pub fn organizations(&self) -> Organizations {
        Organizations::new(&self.config)
    }

    /// The queue of what could not be handled, of functions that have one.
    pub fn dead_letters(&self) -> Option<DeadLetters> {
        self.dead_letter_queue_url.clone().map(|url| DeadLetters::new(&self.config, url))
    }

    /// The topic of the stack.
    ///
    /// # Errors
    /// `Internal` if the function was deployed without one.
    pub fn topic(&self) -> Result<Topic> {
        let arn = self.topic_arn.clone().ok_or_else(|| not_set("TOPIC_ARN"))?;
        Ok(Topic::new(&self.config, arn))
    }

    /// IAM of the account of a role.
    ///
    /// # Errors
    /// As [`Self::reach`] and [`Accounts::iam`].
    pub async fn iam_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<Iam> {
        self.accounts.iam(self.reach("roleArn", role.as_ref(), role.account(), caller)?).await
    }

    /// KMS of the account and the region of a key.
    ///
    /// # Errors
    /// As [`Self::reach`] and [`Accounts::kms`].
    pub async fn kms_for(&self, key: &KmsKeyArn, caller: Caller<'_>) -> Result<Kms> {
        self.accounts.kms(self.reach("keyArn", key.as_ref(), key.account(), caller)?, key.region()).await
    }
}

/// A function that was deployed without something it needs.
pub(crate) fn not_set(variable: &str) -> Error {
    Error::new(
        ErrorName::Internal,
        format!("the environment variable {variable} is not set: deploy infra/template.yaml again"),
    )
}

/// A client of Atlas with the credentials of a secret, or with none.
fn atlas(settings: &Settings, config: &SdkConfig, http: reqwest::Client, secret_id: Option<&str>) -> Atlas {
    let secrets = Secrets::new(config);
    let source = match secret_id {
        Some(secret_id) => {
            CredentialSource::SecretsManager { secrets: secrets.clone(), secret_id: secret_id.to_owned() }
        }
        None => CredentialSource::None,
    };
    let key = settings.token_cache_key.clone();
    let cache = settings.token_cache_prefix.clone().map(|prefix| TokenCache::new(secrets, prefix, key));
    Atlas::with_token_cache(http, settings.atlas_base_url.clone(), source, RetryPolicy::default(), cache)
}

/// Reads the input of a step.
///
/// # Errors
/// `Input.Invalid`, with the path of the wrong field.
pub fn parse<S: Step>(input: Value) -> Result<S::Input> {
    let input: S::Input = serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        // What people write is a part of what the first function gets, and they know no other path.
        let path = path.strip_prefix("request.").unwrap_or(&path).to_owned();
        let place = if path == "." || path == "request" { "the input".to_owned() } else { path };
        Error::new(ErrorName::InputInvalid, format!("{place}: {}", error.into_inner()))
    })?;
    S::validate(&input)?;
    Ok(input)
}

/// Runs a step to its end: observe, decide, act.
///
/// The parts are boxed: the compiler gives up on the size of futures that nest SDK calls this deep.
///
/// A write whose outcome is unknown is never blindly repeated: the world is read again and decided upon again, once.
///
/// # Errors
/// Whatever the step fails with; `Atlas.Unavailable` or `Aws.Unavailable` if the outcome of a write stays unknown.
pub async fn converge<S: Step>(context: &Context, input: &S::Input) -> Result<Answer<S::Output>> {
    let describe = |changes: &[S::Change]| {
        changes
            .iter()
            .filter(|change| change.is_difference())
            .map(|change| change.describe(S::NAME))
            .collect::<Vec<_>>()
    };

    let observation = Box::pin(S::observe(context, input)).await?;
    let changes = S::decide(input, &observation)?;
    match Box::pin(S::act(context, input, observation, &changes)).await {
        Err(error) if error.outcome_is_unknown() => {
            // What was written may take a moment to be seen.
            tokio::time::sleep(context.atlas.retry_floor()).await;
            let observation = Box::pin(S::observe(context, input)).await?;
            let rest = S::decide(input, &observation)?;
            let output = Box::pin(S::act(context, input, observation, &rest)).await?;
            // What the first attempt had set out to do is done now, by it or by the second.
            Ok(Answer { output, changes: describe(&changes) })
        }
        Err(error) => Err(error),
        Ok(output) => Ok(Answer { output, changes: describe(&changes) }),
    }
}

#[cfg(test)]
mod tests;
