//! The one way a step becomes a Lambda function.

#![expect(clippy::disallowed_methods, reason = "the time of an invocation comes from here")]

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    time::{Instant, SystemTime},
};

use futures_util::{FutureExt, future::LocalBoxFuture};
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    error::{Error, ErrorName, Result},
    failure,
    ids::{AccountId, SecretId, SpokeRole},
    report::Change,
    settings::Settings,
    step::{self, Answer, Converge, LOG_TARGET, Notify, Readers, Reply, Step, parse},
};

/// How a function ends: with what the Lambda runtime failed with, if it did.
pub type Exit = std::result::Result<(), lambda_runtime::Error>;

/// Runs a step that converges as a Lambda function, for as long as Lambda keeps the process.
///
/// # Errors
/// What the Lambda runtime fails with, which ends the process.
pub fn converging<S: Converge>() -> Exit {
    run::<S>(async |readers, input| step::converge::<S>(readers, input).await)
}

/// Runs a step that answers as a Lambda function, for as long as Lambda keeps the process.
///
/// # Errors
/// As [`converging`].
pub fn answering<S: Answer>() -> Exit {
    run::<S>(async |readers, input| step::answer::<S>(readers, input).await)
}

/// Runs a step that notifies as a Lambda function, for as long as Lambda keeps the process.
///
/// # Errors
/// As [`converging`].
pub fn notifying<S: Notify>() -> Exit {
    run::<S>(async |readers, input| step::send::<S>(readers, input).await)
}

fn run<S: Step>(step: impl AsyncFn(&Readers, &S::Input) -> Result<Reply<S::Output>>) -> Exit {
    tracing_subscriber::registry()
        .with(fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_target(false))
        .with(Targets::new().with_target(LOG_TARGET, tracing::Level::INFO))
        .init();
    // The location of a panic is reported with the invocation; its message might quote anything.
    panic::set_hook(Box::new(|panic| {
        PANICKED_AT.set(panic.location().map(ToString::to_string));
    }));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve::<S>(step))
}

thread_local! {
    /// Where the last panic came from.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

async fn serve<S: Step>(step: impl AsyncFn(&Readers, &S::Input) -> Result<Reply<S::Output>>) -> Exit {
    // A function that cannot start still answers, so that its error has a name.
    let context = Settings::from_env().and_then(|settings| Contexts::new(settings, S::SPOKE_ROLE));
    let cold = Cell::new(true);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let invocation = Invocation { request_id: event.context.request_id.clone(), cold: cold.replace(false) };
        let started = Instant::now();
        let said = |field: &str| {
            let payload = &event.payload;
            let places = [Some(payload), payload.get("request"), payload.get("project")];
            let value = places.into_iter().flatten().find_map(|place| place.get(field)?.as_str());
            value.unwrap_or_default().to_owned()
        };
        let (project, secret) = (said("projectId"), said("atlasSecretId"));
        let (requests, result) = match &context {
            Ok(contexts) => {
                let (deadline, account) = (deadline(&event.context), own_account(&event.context));
                let context = contexts.for_secret(&secret).for_invocation(Timestamp::now(), deadline, account);
                let result = guarded(reply::<S>(&step, &context, event.payload).boxed_local()).await;
                (context.atlas.requests(), result)
            }
            Err(error) => (0, Err(error.clone())),
        };
        invocation.log(S::NAME, &project, requests, started, &result);
        result.map(|(value, _)| value).map_err(|error| failure::raise(S::NAME, &error))
    }))
    .await
}

/// The clients, by the secret that an input names. A warm function keeps those of the last.
struct Contexts {
    settings: Settings,
    default: Readers,
    other: RefCell<Option<(SecretId, Readers)>>,
}

impl Contexts {
    fn new(settings: Settings, role: SpokeRole) -> Result<Self> {
        Ok(Self { default: Readers::new(&settings, role)?, settings, other: RefCell::default() })
    }

    /// An id that is none is refused with the rest of the input.
    fn for_secret(&self, text: &str) -> Readers {
        let Ok(id) = text.parse::<SecretId>() else { return self.default.clone() };
        if let Some((kept, context)) = &*self.other.borrow()
            && *kept == id
        {
            return context.clone();
        }
        let Ok(context) = self.default.with_secret(&self.settings, &id) else { return self.default.clone() };
        self.other.replace(Some((id, context.clone())));
        context
    }
}

/// Lambda gives the deadline in wall-clock time; everything here waits by the monotonic clock.
fn deadline(context: &lambda_runtime::Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left
}

/// The account in the ARN of the function.
fn own_account(context: &lambda_runtime::Context) -> Option<AccountId> {
    context.invoked_function_arn.split(':').nth(4)?.parse().ok()
}

/// Turns a panic into an error that says where it came from, and nothing of what it said.
///
/// The future comes boxed, because the compiler gives up on the size of futures that nest an SDK call this deep.
async fn guarded<T>(future: LocalBoxFuture<'_, Result<T>>) -> Result<T> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(result) => result,
        Err(_) => {
            let place = PANICKED_AT.take().unwrap_or_else(|| "an unknown place".to_owned());
            Err(Error::new(ErrorName::Internal, format!("a bug: the step panicked at {place}; report it")))
        }
    }
}

struct Invocation {
    request_id: String,
    cold: bool,
}

impl Invocation {
    /// One line for each invocation, with ids and outcomes and nothing of any body.
    fn log(
        &self,
        step: &str,
        project: &str,
        atlas_requests: u32,
        started: Instant,
        result: &Result<(Value, Vec<Change>)>,
    ) {
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (request_id, cold) = (self.request_id.as_str(), self.cold);
        match result {
            Ok((_, changes)) => tracing::info!(
                target: LOG_TARGET, step, project, request_id, cold, millis, atlas_requests, changes = changes.len(), "done"
            ),
            Err(error) => tracing::error!(
                target: LOG_TARGET, step, project, request_id, cold, millis, atlas_requests,
                error = error.name().as_str(), reason = error.message(), "failed"
            ),
        }
    }
}

async fn reply<S: Step>(
    step: impl AsyncFn(&Readers, &S::Input) -> Result<Reply<S::Output>>,
    readers: &Readers,
    payload: Value,
) -> Result<(Value, Vec<Change>)> {
    let input = parse::<S>(payload)?;
    let reply = step(readers, &input).await?;
    let changes = reply.changes.clone();
    let value = serde_json::to_value(reply)
        .map_err(|error| Error::new(ErrorName::Internal, format!("a bug: the output does not serialise: {error}")))?;
    Ok((value, changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_error_that_quotes_nothing_and_the_next_invocation_is_served() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panics = async { if true { panic!("s3cr3t") } else { Ok(()) } };
        let error = runtime.block_on(guarded(panics.boxed_local())).unwrap_err();
        assert_eq!(error.name(), ErrorName::Internal);
        assert!(error.message().contains("panicked") && !error.message().contains("s3cr3t"), "{error}");
        assert_eq!(runtime.block_on(guarded(async { Ok(7) }.boxed_local())), Ok(7));
    }

    #[test]
    fn the_account_is_read_from_the_arn_of_the_function() {
        let context = |arn: &str| {
            let mut context = lambda_runtime::Context::default();
            arn.clone_into(&mut context.invoked_function_arn);
            context
        };
        let account = own_account(&context("arn:aws:lambda:us-east-1:444455556666:function:atlas-cmk-verify"));
        assert_eq!(account.unwrap().as_ref(), "444455556666");
        assert_eq!(own_account(&context("")), None);
    }
}
