//! What is retried, by name, and for how long: each step says which class of retriers its states have.

use atlas_cmk::step::Retries;
use atlas_cmk_tests::{
    asl::{self, error_equals},
    contracts,
    files::Files,
};
use serde_json::{Value, json};

/// What Lambda, AWS and Atlas recover from by themselves. A function that died in the middle is run again: every step
/// can be.
fn transient() -> Value {
    json!({"ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException", "Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError",
        "Atlas.RateLimited", "Atlas.Unavailable", "Aws.Unavailable",
    ], "IntervalSeconds": 5, "MaxAttempts": 8, "BackoffRate": 2.0, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"})
}

/// Until a new account is ready: about 95 minutes, hardly ever less than 60.
fn account() -> Value {
    json!({"ErrorEquals": ["Account.NotReady"], "IntervalSeconds": 30, "MaxAttempts": 40, "BackoffRate": 2.0,
        "MaxDelaySeconds": 300, "JitterStrategy": "FULL"})
}

/// Of starting another state machine. What that fails with is not retried: it has retried by itself.
fn of_executions() -> Value {
    // What the API does not model, throttling among it, has the name of the service (AWS Step Functions Developer Guide,
    // "Start workflow executions from a task state").
    let errors = ["StepFunctions.AWSStepFunctionsException", "StepFunctions.ExecutionLimitExceeded"];
    json!([{"ErrorEquals": errors, "IntervalSeconds": 5, "MaxAttempts": 6, "BackoffRate": 2.0, "JitterStrategy": "FULL"}])
}

/// The retriers of a class, as every state of a step of it has them.
fn retriers(class: Retries) -> Vec<Value> {
    let names = |names: &[atlas_cmk::ErrorName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let own = match class {
        Retries::Transient => None,
        Retries::Minutes(errors) => Some(json!({"ErrorEquals": names(errors), "IntervalSeconds": 5, "MaxAttempts": 36,
            "BackoffRate": 2.0, "MaxDelaySeconds": 30, "JitterStrategy": "FULL"})),
        Retries::Hours(errors) => Some(json!({"ErrorEquals": names(errors), "IntervalSeconds": 10, "MaxAttempts": 112,
            "BackoffRate": 2.0, "MaxDelaySeconds": 240, "JitterStrategy": "FULL"})),
    };
    [transient(), account()].into_iter().chain(own).collect()
}

/// Where a state is not retried as the step of its function says, with the block that is right.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let functions = contracts::functions();
    let mut complaints = Vec::new();
    for state in files.machines.iter().flat_map(asl::Machine::states) {
        let Some(step) = asl::invoked(state.definition) else {
            if state.definition["Type"] == "Task" && state.definition["Retry"] != of_executions() {
                complaints.push(format!("{}: \"Retry\": {:#}", state.path, of_executions()));
            }
            continue;
        };
        let Some(function) = functions.iter().find(|function| function.name() == step) else {
            complaints.push(format!("{}: there is no function {step}", state.path));
            continue;
        };
        let expected = Value::from(retriers(function.retries));
        if state.definition["Retry"] != expected {
            complaints.push(format!("{}: \"Retry\": {expected:#}", state.path));
        }
    }
    complaints
}

/// How long a retrier goes on in all but one of a thousand cases: with full jitter each delay is evenly distributed up
/// to its limit, and the sum is close to normal.
fn hardly_ever_less_than(retrier: &Value) -> f64 {
    let number = |field: &str| retrier[field].as_f64().unwrap();
    let (mut delay, mut mean, mut variance) = (number("IntervalSeconds"), 0.0, 0.0);
    for _ in 0..retrier["MaxAttempts"].as_u64().unwrap() {
        let limit = delay.min(retrier["MaxDelaySeconds"].as_f64().unwrap_or(f64::MAX));
        mean += limit / 2.0;
        variance += limit * limit / 12.0;
        delay *= number("BackoffRate");
    }
    mean - 3.0 * f64::sqrt(variance)
}

#[test]
fn every_state_is_retried_as_its_step_says() {
    let complaints = check(&Files::read().unwrap());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn changes_get_five_minutes_to_propagate_accounts_an_hour_to_be_ready_and_endpoints_three_to_be_deletable() {
    let own = |class: Retries| retriers(class).pop().unwrap();
    for (retrier, minutes) in [
        (account(), 60.0),
        (own(Retries::Minutes(&[atlas_cmk::ErrorName::AwsPropagating])), 5.0),
        (own(Retries::Hours(&[atlas_cmk::ErrorName::EndpointProvisioning])), 180.0),
    ] {
        let least = hardly_ever_less_than(&retrier);
        assert!(least >= minutes * 60.0, "{retrier} ends after {least} seconds");
    }
}

#[test]
fn what_only_a_person_can_fix_is_not_retried() {
    for function in contracts::functions() {
        let retriers = retriers(function.retries);
        let retried: Vec<&str> = retriers.iter().flat_map(error_equals).collect();
        for name in [
            "States.ALL",
            "States.TaskFailed",
            "Input.Invalid",
            "Secret.Unusable",
            "Account.AccessDenied",
            "Atlas.Unauthorized",
            "Atlas.IpNotAllowed",
            "Atlas.Rejected",
            "Atlas.Conflict",
            "Aws.Conflict",
            "Aws.Rejected",
            "Deployment.Invalid",
            "Iam.QuotaExceeded",
            "Kms.KeyUnusable",
            "Endpoint.Failed",
            "Internal",
        ] {
            assert!(!retried.contains(&name), "{} is retried after {name}", function.name());
        }
    }
}
