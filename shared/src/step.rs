//! A step does one thing, and can be run any number of times. It has one of three shapes: it converges something, it answers
//! a question, or it notifies somebody.

mod clients;
mod declaration;
mod run;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::Result,
    ids::SpokeRole,
    registry::approvals::PartOfPlan,
    report::{Change, Described},
};

pub(crate) use self::clients::not_set;
pub use self::{
    clients::{Readers, Writers},
    declaration::{Actions, Retries, actions, sample_file, sample_request},
    run::{answer, converge, parse, send},
};

/// The target of our log lines. Nothing else is let through: other crates log requests and errors in full.
pub(crate) const LOG_TARGET: &str = "atlas_cmk::invocation";

/// What is known of a step, whatever its shape.
///
/// A step never sleeps to wait for another system: it fails with a name that the state machine retries, or returns an
/// output that a loop of the state machine checks.
pub trait Step {
    /// The function's name, which is also that of its binary and of its role.
    const NAME: &'static str;
    /// What it does, in one line.
    const ABOUT: &'static str;
    /// For how long the state machine retries it, and after which errors.
    const RETRIES: Retries = Retries::Transient;
    /// The actions of AWS that its role allows, besides those of every function: logs and traces.
    const ACTIONS: Actions;
    /// The role that it assumes in other accounts.
    const SPOKE_ROLE: SpokeRole = SpokeRole::Read;
    /// What the function takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it answers.
    type Output: Serialize + JsonSchema;

    /// An input that it takes, for tests and documentation.
    fn sample() -> Value;

    /// Refuses an input whose fields contradict one another. Nothing has been read yet.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    fn validate(_input: &Self::Input) -> Result<()> {
        Ok(())
    }
}

/// A step that converges something: observing reads, deciding computes, acting writes.
#[expect(async_fn_in_trait, reason = "steps run on a current-thread runtime, where no future has to be Send")]
pub trait Converge: Step {
    /// What it found.
    type Observation;
    /// What it may do about it.
    type Change: Described;

    /// Reads what is there. Writes nothing.
    async fn observe(readers: &Readers, input: &Self::Input) -> Result<Self::Observation>;

    /// What has to change for the actual state to match the input: nothing, something, or a conflict, which is an
    /// error. Pure.
    fn decide(input: &Self::Input, observation: &Self::Observation) -> Result<Vec<Self::Change>>;

    /// The plan that its changes are a part of, if somebody may have to approve them: see [`crate::registry::approvals::is_needed`].
    fn part_of_plan(_input: &Self::Input) -> Option<PartOfPlan<'_>> {
        None
    }

    /// Makes the changes, none on a re-run, and returns the resulting state.
    async fn act(
        writers: &Writers,
        input: &Self::Input,
        observation: Self::Observation,
        changes: &[Self::Change],
    ) -> Result<Self::Output>;
}

/// A step that answers a question: observing reads, answering computes. It changes nothing.
#[expect(async_fn_in_trait, reason = "steps run on a current-thread runtime, where no future has to be Send")]
pub trait Answer: Step {
    /// What it found.
    type Observation;

    /// Reads what is there. Writes nothing.
    async fn observe(readers: &Readers, input: &Self::Input) -> Result<Self::Observation>;

    /// The answer, as of a moment. Pure.
    fn answer(input: &Self::Input, observation: Self::Observation, now: Timestamp) -> Result<Self::Output>;
}

/// A step that notifies somebody: a person, or an execution that waits.
#[expect(async_fn_in_trait, reason = "steps run on a current-thread runtime, where no future has to be Send")]
pub trait Notify: Step {
    /// Sends what it has to say. Twice is better than never.
    async fn send(writers: &Writers, input: &Self::Input) -> Result<Self::Output>;
}

/// What a function replies: the output of its step, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
pub struct Reply<O> {
    /// The resulting state.
    #[serde(flatten)]
    pub output: O,
    /// What was done, empty if everything was as it should be.
    pub changes: Vec<Change>,
}

#[cfg(test)]
mod tests;
