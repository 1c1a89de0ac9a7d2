//! A step converges one thing, and can be run any number of times.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    atlas::{Atlas, CredentialSource, RetryPolicy},
    aws::{self, AccountAccess, Accounts, Caller, Iam, Secrets},
    change::{Change, Describe},
    error::{Error, ErrorName, Result},
    http,
    ids::{AccountId, IamPolicyArn, IamRoleArn},
    settings::Settings,
};

/// One step of a state machine.
///
/// Observing reads, deciding thinks, acting writes. A step never sleeps to wait for the world: it fails with a name that the
/// state machine retries, or answers with an output on which a loop turns.
#[expect(async_fn_in_trait, reason = "steps run on a current-thread runtime, where no future has to be Send")]
pub trait Step {
    /// The function's name, which is also the folder's and the package's.
    const NAME: &'static str;
    /// What the function takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it answers.
    type Output: Serialize + JsonSchema;
    /// What it found.
    type Observation;
    /// What it may do about it.
    type Change: Describe;

    /// Refuses an input whose fields contradict one another. Nothing has been read yet.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    fn validate(_input: &Self::Input) -> Result<()> {
        Ok(())
    }

    /// Reads what is there. Writes nothing.
    async fn observe(context: &Context, input: &Self::Input) -> Result<Self::Observation>;

    /// What has to change for the world to equal the input: nothing, something, or a conflict, which is an error. Pure.
    fn decide(input: &Self::Input, observation: &Self::Observation) -> Result<Vec<Self::Change>>;

    /// Makes the changes, none on a re-run, and tells how things stand.
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
    /// How things stand.
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
    /// IAM of the account the function runs in, and of others.
    pub accounts: Accounts,
    /// The permissions boundary of a role that is created, unless the input names another.
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
        let source = match &settings.atlas_secret_id {
            Some(secret_id) => {
                CredentialSource::SecretsManager { secrets: Secrets::new(&config), secret_id: secret_id.clone() }
            }
            None => CredentialSource::None,
        };
        Ok(Self {
            atlas: Atlas::new(http, settings.atlas_base_url.clone(), source, RetryPolicy::default()),
            accounts: Accounts::new(config),
            own_account: None,
            access_role_boundary: settings.access_role_boundary.clone(),
            trust_policy_size_quota: settings.trust_policy_size_quota,
        })
    }

    /// The same clients for one invocation in this account, which ends at `deadline`.
    #[must_use]
    pub fn for_invocation(&self, deadline: Instant, own_account: Option<AccountId>) -> Self {
        Self { atlas: self.atlas.for_invocation(deadline), own_account, ..self.clone() }
    }

    /// Refuses a role that is neither in the account that is named nor, if none is, in our own. IAM knows roles by name only,
    /// and would make a role of another account in this one.
    ///
    /// # Errors
    /// `Input.Invalid`.
    pub fn require_reach(&self, role: &IamRoleArn, account: Option<&AccountAccess>) -> Result<()> {
        match account.map(|access| access.role_arn.account()).or(self.own_account.as_ref()) {
            Some(account) if account != role.account() => Err(Error::new(
                ErrorName::InputInvalid,
                format!(
                    "roleArn: {role} is not in account {account}, where it would be looked for; to reach another account, name a role to assume there in account.roleArn and account.externalId"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// IAM of the account of a role.
    ///
    /// # Errors
    /// As [`Self::require_reach`] and [`Accounts::iam`].
    pub async fn iam_for(&self, role: &IamRoleArn, caller: Caller<'_>) -> Result<Iam> {
        self.require_reach(role, caller.account)?;
        self.accounts.iam(caller).await
    }
}

/// Reads the input of a step.
///
/// # Errors
/// `Input.Invalid`, with the path of the wrong field.
pub fn parse<S: Step>(input: Value) -> Result<S::Input> {
    let input: S::Input = serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "the input".to_owned() } else { path };
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
    let describe = |changes: &[S::Change]| changes.iter().map(|change| change.describe(S::NAME)).collect::<Vec<_>>();

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
