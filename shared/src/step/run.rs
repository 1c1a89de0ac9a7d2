//! How a step is run, by its shape.

#![expect(clippy::disallowed_methods, reason = "a write is looked at again after a pause")]

use serde_json::Value;

use super::{Answer, Converge, Notify, Readers, Reply, Step, Writers};
use crate::{
    error::{Error, ErrorName, Failure, Result},
    registry::approvals,
    report::Described,
};

/// Reads the input of a step.
///
/// # Errors
/// `Input.Invalid`, with the path of the wrong field.
pub fn parse<S: Step>(input: Value) -> Result<S::Input> {
    let input: S::Input = serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        // What people write is a part of what the first function gets, and they know no other path.
        let path = path.strip_prefix("request.").unwrap_or(&path).to_owned();
        let place = if path == "." || path == "request" { "the input" } else { path.as_str() };
        Error::new(ErrorName::InputInvalid, format!("{place}: {}", error.into_inner()))
            .because_of(Failure::Input(path.clone()))
    })?;
    S::validate(&input)?;
    Ok(input)
}

/// Runs a step that converges: observe, decide, act.
///
/// The parts are boxed: the compiler gives up on the size of futures that nest SDK calls this deep.
///
/// A write whose outcome is unknown is never blindly repeated: the world is read again and decided upon again, once.
///
/// # Errors
/// Whatever the step fails with; `Atlas.Unavailable` or `Aws.Unavailable` if the outcome of a write stays unknown.
pub async fn converge<S: Converge>(readers: &Readers, input: &S::Input) -> Result<Reply<S::Output>> {
    let describe = |changes: &[S::Change]| {
        changes
            .iter()
            .filter(|change| change.is_difference())
            .map(|change| change.description().made(S::NAME))
            .collect::<Vec<_>>()
    };

    let writers = Writers::new(readers);
    let observation = Box::pin(S::observe(readers, input)).await?;
    let changes = S::decide(input, &observation)?;
    Box::pin(require_approval::<S>(readers, input, &changes)).await?;
    match Box::pin(S::act(&writers, input, observation, &changes)).await {
        Err(error) if error.outcome_is_unknown() => {
            // What was written may take a moment to be seen.
            tokio::time::sleep(readers.atlas.retry_floor()).await;
            let observation = Box::pin(S::observe(readers, input)).await?;
            let rest = S::decide(input, &observation)?;
            Box::pin(require_approval::<S>(readers, input, &rest)).await?;
            let output = Box::pin(S::act(&writers, input, observation, &rest)).await?;
            // What the first attempt had set out to do is done now, by it or by the second.
            Ok(Reply { output, changes: describe(&changes) })
        }
        Err(error) => Err(error),
        Ok(output) => Ok(Reply { output, changes: describe(&changes) }),
    }
}

/// Refuses changes that nobody has approved, where the deployment demands it.
async fn require_approval<S: Converge>(readers: &Readers, input: &S::Input, changes: &[S::Change]) -> Result<()> {
    let Some(part) = S::part_of_plan(input).filter(|_| readers.requires_approval) else { return Ok(()) };
    let planned = changes.iter().map(|change| change.description().planned(S::NAME));
    let needed: Vec<_> = planned.filter(approvals::is_needed).collect();
    match needed.as_slice() {
        [] => Ok(()),
        needed => approvals::require(&readers.registry()?, part, needed, readers.now).await,
    }
}

/// Runs a step that answers: observe, answer.
///
/// # Errors
/// Whatever the step fails with.
pub async fn answer<S: Answer>(readers: &Readers, input: &S::Input) -> Result<Reply<S::Output>> {
    let observation = Box::pin(S::observe(readers, input)).await?;
    Ok(Reply { output: S::answer(input, observation, readers.now)?, changes: Vec::new() })
}

/// Runs a step that notifies.
///
/// # Errors
/// Whatever the step fails with.
pub async fn send<S: Notify>(readers: &Readers, input: &S::Input) -> Result<Reply<S::Output>> {
    Ok(Reply { output: Box::pin(S::send(&Writers::new(readers), input)).await?, changes: Vec::new() })
}
