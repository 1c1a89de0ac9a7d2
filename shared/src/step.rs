//! A step converges one thing, and can be run any number of times.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    atlas::{Atlas, CredentialSource, RetryPolicy},
    aws::{self, Iam, Secrets},
    change::{Change, Describe},
    error::{Error, ErrorName, Result},
    http,
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
    /// IAM of the account the function runs in.
    pub iam: Iam,
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
        let source = CredentialSource::SecretsManager {
            secrets: Secrets::new(&config),
            secret_id: settings.atlas_secret_id.clone(),
        };
        Ok(Self {
            atlas: Atlas::new(http, settings.atlas_base_url.clone(), source, RetryPolicy::default()),
            iam: Iam::new(&config),
            trust_policy_size_quota: settings.trust_policy_size_quota,
        })
    }

    /// The same clients for one invocation, which ends at `deadline`.
    #[must_use]
    pub fn for_invocation(&self, deadline: Instant) -> Self {
        Self { atlas: self.atlas.for_invocation(deadline), ..self.clone() }
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
/// A write whose outcome is unknown is never blindly repeated: the world is read again and decided upon again, once.
///
/// # Errors
/// Whatever the step fails with; `Atlas.Unavailable` or `Aws.Unavailable` if the outcome of a write stays unknown.
pub async fn converge<S: Step>(context: &Context, input: &S::Input) -> Result<Answer<S::Output>> {
    let describe = |changes: &[S::Change]| changes.iter().map(|change| change.describe(S::NAME)).collect::<Vec<_>>();

    let observation = S::observe(context, input).await?;
    let changes = S::decide(input, &observation)?;
    match S::act(context, input, observation, &changes).await {
        Err(error) if error.outcome_is_unknown() => {
            let observation = S::observe(context, input).await?;
            let rest = S::decide(input, &observation)?;
            let output = S::act(context, input, observation, &rest).await?;
            // What the first attempt had set out to do is done now, by it or by the second.
            Ok(Answer { output, changes: describe(&changes) })
        }
        Err(error) => Err(error),
        Ok(output) => Ok(Answer { output, changes: describe(&changes) }),
    }
}

#[cfg(test)]
mod tests;
