//! What is retried, by name, and for how long.

use atlas_cmk_tests::asl::{self, error_equals};
use serde_json::Value;

/// Of the tasks that invoke functions. What runs another state machine is retried there.
fn retriers() -> Vec<(String, Vec<Value>)> {
    let machines = asl::machines().unwrap();
    let tasks = machines
        .iter()
        .flat_map(asl::Machine::states)
        .filter(|state| state.definition["Resource"].as_str().is_some_and(|resource| resource.contains(":lambda:")));
    tasks.map(|task| (task.path, task.definition["Retry"].as_array().cloned().unwrap_or_default())).collect()
}

fn retrier<'a>(retriers: &'a [Value], name: &str) -> Option<&'a Value> {
    retriers.iter().find(|retrier| error_equals(retrier).contains(&name))
}

/// How long a retrier goes on in all but one of a thousand cases: with full jitter each delay is evenly distributed up to its
/// limit, and the sum is close to normal.
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
fn every_task_retries_what_lambda_and_the_clouds_get_over_by_themselves() {
    for (path, retriers) in retriers() {
        for name in [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.TooManyRequestsException",
            // A function that died in the middle: every step can be run again.
            "Runtime.ExitError",
            "Account.NotReady",
            "Atlas.RateLimited",
            "Atlas.Unavailable",
            "Aws.Unavailable",
        ] {
            assert!(retrier(&retriers, name).is_some(), "{path} does not retry {name}");
        }
    }
}

#[test]
fn nothing_retries_everything_and_every_retry_backs_off_with_jitter() {
    for (path, retriers) in retriers() {
        for retrier in &retriers {
            for name in error_equals(retrier) {
                assert!(!matches!(name, "States.ALL" | "States.TaskFailed"), "{path}");
            }
            assert_eq!(retrier["BackoffRate"], 2.0, "{path}");
            assert_eq!(retrier["JitterStrategy"], "FULL", "{path}");
        }
    }
}

#[test]
fn what_only_a_person_can_mend_is_not_retried() {
    for (path, retriers) in retriers() {
        for name in [
            "Input.Invalid",
            "Secret.Unusable",
            "Account.AccessDenied",
            "Atlas.Unauthorized",
            "Atlas.IpNotAllowed",
            "Atlas.Rejected",
            "Atlas.Conflict",
            "Iam.QuotaExceeded",
            "Kms.KeyUnusable",
            "Endpoint.Failed",
            "Internal",
        ] {
            assert!(retrier(&retriers, name).is_none(), "{path} retries {name}");
        }
    }
}

#[test]
fn changes_get_five_minutes_to_propagate_accounts_an_hour_to_be_ready_and_endpoints_three_to_be_deletable() {
    for (step, name, minutes) in [
        ("enable-encryption/UpdateTrust", "Iam.Propagating", 5.0),
        ("enable-encryption/UpdateTrust", "Account.NotReady", 60.0),
        ("enable-encryption/AuthorizeRole", "Atlas.CannotAssumeRole", 5.0),
        ("enable-encryption/EnableKms", "Atlas.CannotAssumeRole", 5.0),
        ("enable-encryption/EnableKms", "Atlas.RoleNotAuthorized", 5.0),
        ("enable-encryption/EnableKms", "Kms.AccessDenied", 5.0),
        ("enable-encryption/Verify", "Account.NotReady", 60.0),
        ("disable-encryption/DeleteEndpoints/DeleteEndpoint", "Endpoint.Provisioning", 180.0),
        ("disable-encryption/SwitchOffKeys", "Cluster.Encrypted", 5.0),
        ("disable-encryption/DeauthorizeRole", "Atlas.RoleInUse", 5.0),
        ("disable-encryption/RevokeKeys/RevokeKey", "Iam.Propagating", 5.0),
        ("disable-encryption/RemoveTrust", "Iam.Propagating", 5.0),
        ("cross-account-access/UpdateTrust", "Iam.Propagating", 5.0),
        ("cross-account-access/VerifyAccess", "Access.Differs", 5.0),
    ] {
        let all = retriers();
        let (_, retriers) = all.iter().find(|(path, _)| path == step).unwrap_or_else(|| panic!("there is no {step}"));
        let retrier = retrier(retriers, name).unwrap_or_else(|| panic!("{step} does not retry {name}"));
        assert!(
            hardly_ever_less_than(retrier) >= minutes * 60.0,
            "{step} gives up on {name} after {}",
            hardly_ever_less_than(retrier)
        );
    }
}
