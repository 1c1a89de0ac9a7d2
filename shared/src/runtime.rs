//! The one way a step becomes a Lambda function.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    time::{Instant, SystemTime},
};

use futures_util::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    change::Change,
    error::{Error, ErrorName, Result},
    settings::Settings,
    step::{Answer, Context, Step, converge, parse},
};

/// The target of our log lines. Nothing else is let through: other crates log requests and errors in full.
const TARGET: &str = "atlas_cmk::invocation";

/// Runs a step as a Lambda function for as long as Lambda keeps the process.
///
/// # Errors
/// What the Lambda runtime fails with, which ends the process.
pub fn run<S: Step>() -> std::result::Result<(), lambda_runtime::Error> {
    tracing_subscriber::registry()
        .with(fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_target(false))
        .with(Targets::new().with_target(TARGET, tracing::Level::INFO))
        .init();
    // Where a panic comes from is told; what it says might quote anything.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: TARGET, step = S::NAME, place, "panicked");
    }));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve::<S>())
}

async fn serve<S: Step>() -> std::result::Result<(), lambda_runtime::Error> {
    // A function that cannot start still answers, so that its error has a name.
    let context = Settings::from_env().and_then(|settings| Context::new(&settings));
    let cold = Cell::new(true);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let invocation = Invocation { request_id: event.context.request_id.clone(), cold: cold.replace(false) };
        match &context {
            Ok(context) => {
                let context = context.for_invocation(deadline(&event.context));
                invocation.handle::<S>(&context, event.payload).await
            }
            Err(error) => Err(error.clone()),
        }
    }))
    .await
}

/// Lambda tells the deadline by the wall clock; everything here waits by the monotonic one.
fn deadline(context: &lambda_runtime::Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left
}

struct Invocation {
    request_id: String,
    cold: bool,
}

impl Invocation {
    async fn handle<S: Step>(&self, context: &Context, payload: Value) -> Result<Value> {
        let started = Instant::now();
        let project = payload.get("projectId").and_then(Value::as_str).unwrap_or_default().to_owned();
        // Boxed, because the compiler gives up on the size of futures that nest an SDK call this deep.
        let answer = answer::<S>(context, payload).boxed_local();
        let result = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(result) => result,
            Err(_) => {
                Err(Error::new(ErrorName::Internal, "a bug: the step panicked; the log of this invocation tells where"))
            }
        };
        self.log(S::NAME, &project, context, started, &result);
        result.map(|(value, _)| value)
    }

    /// One line for each invocation, with ids and outcomes and nothing of any body.
    fn log(
        &self,
        step: &str,
        project: &str,
        context: &Context,
        started: Instant,
        result: &Result<(Value, Vec<Change>)>,
    ) {
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let atlas_requests = context.atlas.requests();
        let (request_id, cold) = (self.request_id.as_str(), self.cold);
        match result {
            Ok((_, changes)) => tracing::info!(
                target: TARGET, step, project, request_id, cold, millis, atlas_requests, changes = changes.len(), "done"
            ),
            Err(error) => tracing::error!(
                target: TARGET, step, project, request_id, cold, millis, atlas_requests,
                error = error.name().as_str(), reason = error.message(), "failed"
            ),
        }
    }
}

async fn answer<S: Step>(context: &Context, payload: Value) -> Result<(Value, Vec<Change>)> {
    let input = parse::<S>(payload)?;
    let Answer { output, changes } = converge::<S>(context, &input).await?;
    let answer = Answer { output, changes: changes.clone() };
    let value = serde_json::to_value(answer)
        .map_err(|error| Error::new(ErrorName::Internal, format!("a bug: the output does not serialise: {error}")))?;
    Ok((value, changes))
}
