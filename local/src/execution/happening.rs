//! What happens in an execution, from the events of its history.

use std::time::SystemTime;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType as Type};
use serde_json::Value;

use super::definition::Definition;

/// Something that happened in an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// When it did.
    pub at: SystemTime,
    /// What it was.
    pub what: What,
}

/// What happened. The engine records states on the top level only, but the attempts of all tasks.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A state was entered.
    Entered(State),
    /// An attempt of a task began.
    Scheduled,
    /// An attempt of a task succeeded: what its function answered.
    Succeeded(Value),
    /// An attempt of a task failed. The state machine may retry it.
    Failed {
        /// The name of the error.
        error: String,
        /// Its message.
        reason: String,
    },
    /// The state that was entered last was left.
    Exited,
    /// The execution ended.
    Ended,
}

/// A state on the top level of a state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// The steps it runs: the functions it invokes.
    pub steps: Vec<String>,
}

/// What a state is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One task.
    Task,
    /// Tasks for each of several items, or in several branches.
    Group,
    /// A wait.
    Wait,
    /// The way from one state to another.
    Route,
}

/// What an event says that happened; none if it says nothing that another event does not.
pub(super) fn of(event: &HistoryEvent, definition: &Definition) -> Option<Happening> {
    let what = match event.r#type() {
        Type::TaskScheduled => What::Scheduled,
        Type::TaskSucceeded => What::Succeeded(answer(event.task_succeeded_event_details()?.output()?)),
        Type::TaskFailed => {
            let details = event.task_failed_event_details()?;
            What::Failed { error: details.error()?.to_owned(), reason: reason(details.cause().unwrap_or_default()) }
        }
        Type::ExecutionSucceeded | Type::ExecutionFailed | Type::ExecutionAborted | Type::ExecutionTimedOut => {
            What::Ended
        }
        _ if event.state_exited_event_details().is_some() => What::Exited,
        kind => {
            let name = event.state_entered_event_details()?.name();
            let steps = definition.steps(name).to_vec();
            What::Entered(State { name: name.to_owned(), kind: kind_of(kind), steps })
        }
    };
    Some(Happening { at: SystemTime::try_from(*event.timestamp()).ok()?, what })
}

fn kind_of(event: &Type) -> Kind {
    match event {
        Type::TaskStateEntered => Kind::Task,
        Type::MapStateEntered | Type::ParallelStateEntered => Kind::Group,
        Type::WaitStateEntered => Kind::Wait,
        _ => Kind::Route,
    }
}

/// The answer of a function, without what Lambda wraps it in.
fn answer(output: &str) -> Value {
    let mut output: Value = serde_json::from_str(output).unwrap_or_default();
    output.get_mut("Payload").map(Value::take).unwrap_or(output)
}

/// The message of a function's error, which Step Functions hands on as JSON.
fn reason(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|cause| cause["errorMessage"].as_str());
    message.unwrap_or(cause).to_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::{
        primitives::DateTime,
        types::{
            StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails, TaskSucceededEventDetails,
            builders::HistoryEventBuilder,
        },
    };
    use serde_json::json;

    use super::*;

    fn event(kind: Type) -> HistoryEventBuilder {
        HistoryEvent::builder().id(1).timestamp(DateTime::from_millis(0)).r#type(kind)
    }

    fn entered(kind: Type, name: &str) -> HistoryEventBuilder {
        event(kind).state_entered_event_details(StateEnteredEventDetails::builder().name(name).build().unwrap())
    }

    #[test]
    fn an_event_becomes_what_happened() {
        let succeeded = TaskSucceededEventDetails::builder().resource_type("lambda").resource("invoke");
        let failed =
            TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error("Aws.Propagating");
        let exited = StateExitedEventDetails::builder().name("Preflight").build().unwrap();
        let function = json!({"Arguments": {"FunctionName": "atlas-cmk-preflight"}});
        let definition = json!({"States": {"Preflight": function}}).to_string();
        let definition = Definition::parse(&definition, "atlas-cmk").unwrap();
        let state = |name: &str, kind, steps: &[&str]| {
            let steps = steps.iter().map(ToString::to_string).collect();
            Some(What::Entered(State { name: name.to_owned(), kind, steps }))
        };
        let failure =
            |reason: &str| Some(What::Failed { error: "Aws.Propagating".to_owned(), reason: reason.to_owned() });
        let cases = vec![
            (event(Type::ExecutionStarted), None),
            (entered(Type::TaskStateEntered, "Preflight"), state("Preflight", Kind::Task, &["preflight"])),
            (entered(Type::MapStateEntered, "Keys"), state("Keys", Kind::Group, &[])),
            (entered(Type::WaitStateEntered, "Settle"), state("Settle", Kind::Wait, &[])),
            (entered(Type::ChoiceStateEntered, "Ready"), state("Ready", Kind::Route, &[])),
            (event(Type::TaskScheduled), Some(What::Scheduled)),
            (
                event(Type::TaskSucceeded).task_succeeded_event_details(
                    succeeded.clone().output(r#"{"StatusCode":200,"Payload":{"valid":true}}"#).build().unwrap(),
                ),
                Some(What::Succeeded(json!({"valid": true}))),
            ),
            (
                event(Type::TaskSucceeded)
                    .task_succeeded_event_details(succeeded.output(r#"{"Status":"SUCCEEDED"}"#).build().unwrap()),
                Some(What::Succeeded(json!({"Status": "SUCCEEDED"}))),
            ),
            (
                event(Type::TaskFailed).task_failed_event_details(
                    failed
                        .clone()
                        .cause(r#"{"errorType":"Aws.Propagating","errorMessage":"not yet"}"#)
                        .build()
                        .unwrap(),
                ),
                failure("not yet"),
            ),
            (
                event(Type::TaskFailed).task_failed_event_details(failed.cause("no JSON").build().unwrap()),
                failure("no JSON"),
            ),
            (event(Type::TaskStateExited).state_exited_event_details(exited), Some(What::Exited)),
            (event(Type::ExecutionFailed), Some(What::Ended)),
        ];
        for (event, expected) in cases {
            let event = event.build().unwrap();
            assert_eq!(of(&event, &definition).map(|happening| happening.what), expected, "{event:?}");
        }
    }
}
