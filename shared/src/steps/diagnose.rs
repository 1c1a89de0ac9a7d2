//! `diagnose`: why an execution failed and what to do, for the person who fixes it. Every Catch leads here. It reads both clouds, changes
//! nothing, and publishes to the SNS topic of the stack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::NoChange;
use crate::{
    error::{Error, ErrorName, Result},
    failure::Failure,
    finding::Finding,
    ids::{AccessRoleId, KmsKeyArn, ProjectId},
    request::EnableEncryption,
    step::{Context, Step},
    survey::{Survey, Wanted},
};

/// The step.
pub struct Diagnose;

/// The failure, and what was known by then. All of it may be malformed: an input that was refused is what failures begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The function that failed, as the state machine knows it. What the function itself says goes before it.
    pub step: String,
    /// The name it failed with; null if `findings` say why.
    #[serde(default)]
    pub error: Option<String>,
    /// Its message: a sentence, or what Lambda, Maps and nested executions make of one.
    #[serde(default)]
    pub message: Option<String>,
    /// What `preflight` found.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The input of the execution, as it was given.
    #[serde(default)]
    pub request: Value,
    /// The project, if it was known by then.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// The key, if it was known by then.
    #[serde(default)]
    pub key_arn: Option<KmsKeyArn>,
    /// The access role, if it was known by then.
    #[serde(default)]
    pub role_id: Option<AccessRoleId>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
}

/// Why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The step that failed.
    pub step: String,
    /// The name it failed with.
    pub error: String,
    /// What is wrong, in a sentence.
    pub cause: String,
    /// What atlas-cmk observed that shows it.
    pub evidence: String,
    /// What to do about it.
    pub fix: String,
    /// Whether running again without fixing anything may help.
    pub retryable: bool,
    /// What else is wrong.
    pub others: Vec<Finding>,
    /// Why the diagnosis was not published to the SNS topic, if that failed.
    pub not_published: Option<String>,
}

impl Step for Diagnose {
    const NAME: &'static str = "diagnose";
    type Input = Input;
    type Output = Output;
    type Observation = Vec<Finding>;
    type Change = NoChange;

    async fn observe(context: &Context, input: &Input) -> Result<Vec<Finding>> {
        if !input.findings.is_empty() {
            return Ok(Vec::new());
        }
        let name = input.error.as_deref().and_then(ErrorName::from_text);
        let request: Option<EnableEncryption> = serde_json::from_value(input.request.clone()).ok();
        let Some(request) = request.filter(|_| name.is_some_and(leaves_a_trace)) else { return Ok(Vec::new()) };
        let known = Wanted::new(&request, input.execution.as_deref());
        let wanted = Wanted {
            project_id: input.project_id.clone().or_else(|| known.project_id.clone()),
            key_arn: input.key_arn.clone().or_else(|| known.key_arn.clone()),
            role_id: input.role_id.clone(),
            ..known
        };
        let survey = Box::pin(Survey::read(context, &wanted)).await;
        let mut found = survey.tampering(&wanted);
        found.extend(survey.findings(&request));
        // What disturbs our looking is not what went wrong.
        found.retain(|finding| !finding.retryable);
        Ok(found)
    }

    fn decide(_: &Input, _: &Vec<Finding>) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(context: &Context, input: &Input, found: Vec<Finding>, _: &[NoChange]) -> Result<Output> {
        let mut output = conclude(input, found);
        if let Some(topic) = &context.topic {
            let subject = format!("atlas-cmk: {} failed with {}", output.step, output.error);
            let message = json!({
                "kind": "execution-failed",
                "execution": input.execution,
                "projectId": input.project_id,
                "diagnosis": output,
            });
            output.not_published = topic
                .publish("execution-failed", &subject, &message.to_string())
                .await
                .err()
                .map(|error| error.to_string());
        }
        Ok(output)
    }
}

/// Whether the reason of such a failure can be seen in either cloud, beyond what its message says.
fn leaves_a_trace(name: ErrorName) -> bool {
    matches!(
        name,
        ErrorName::AtlasCannotAssumeRole
            | ErrorName::AtlasRoleNotAuthorized
            | ErrorName::AtlasConflict
            | ErrorName::AtlasRejected
            | ErrorName::IamPropagating
            | ErrorName::KmsAccessDenied
            | ErrorName::KmsKeyUnusable
            | ErrorName::KmsNotReplicated
            | ErrorName::EndpointFailed
            | ErrorName::EndpointTimedOut
            | ErrorName::VerifyDiffers
    )
}

fn conclude(input: &Input, found: Vec<Finding>) -> Output {
    let failure = Failure::read(input.message.as_deref().unwrap_or_default());
    let step = failure.step.unwrap_or_else(|| input.step.clone());
    let said = Some(failure.said).filter(|text| !text.is_empty());
    let mut findings = if input.findings.is_empty() { found } else { input.findings.clone() };
    let first =
        if findings.is_empty() { by_message(&step, input.error.as_deref(), said.clone()) } else { findings.remove(0) };
    // The name stays the one the step failed with: it is what others match on.
    let error = input.error.clone().unwrap_or_else(|| first.error.clone());
    let evidence = match said {
        Some(said) if !first.evidence.contains(&said) => format!("{}; {step} said: {said}", first.evidence),
        _ => first.evidence.clone(),
    };
    Output {
        step,
        error,
        cause: first.cause,
        evidence,
        fix: first.fix,
        retryable: first.retryable,
        others: findings,
        not_published: None,
    }
}

/// The diagnosis that the message alone gives.
fn by_message(step: &str, error: Option<&str>, said: Option<String>) -> Finding {
    let said = said.unwrap_or_else(|| "no reason given".to_owned());
    let name = error.unwrap_or_default();
    let Some(known) = ErrorName::from_text(name) else { return of_step_functions(step, name, said) };
    Finding::of(&Error::new(known, said))
}

/// Error names of Step Functions and of Lambda.
fn of_step_functions(step: &str, name: &str, said: String) -> Finding {
    let timed_out = name == "States.Timeout" || name == "Sandbox.Timedout";
    let (cause, fix) = if timed_out {
        (
            format!("the function {step} did not respond in time"),
            "run again; if it happens again, check the log of the function",
        )
    } else {
        (format!("the function {step} could not be run"), "check the log of the function and of the state machine")
    };
    Finding { error: name.to_owned(), retryable: timed_out, ..Finding::new(ErrorName::Internal, cause, said, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(error: &str, message: &str) -> Input {
        serde_json::from_value(json!({"step": "enable-kms", "error": error, "message": message})).unwrap()
    }

    #[test]
    fn what_a_message_says_is_reported_as_cause_and_fix() {
        for (error, message, cause, fix, retryable) in [
            (
                "Account.AccessDenied",
                "iam:GetRole on x: … explicit deny in a service control policy",
                "service control policy",
                "lifted",
                false,
            ),
            (
                "Account.AccessDenied",
                "iam:GetRole on x: … no permissions boundary allows it",
                "permissions boundary",
                "PermissionsBoundaryArn",
                false,
            ),
            (
                "Atlas.Unauthorized",
                "POST … (HTTP 401, errorCode USER_UNAUTHORIZED)",
                "lack the role Project Owner",
                "Project Owner",
                false,
            ),
            (
                "Atlas.Unauthorized",
                "POST … (HTTP 401, errorCode NOT_ORG_GROUP_CREATOR)",
                "not allowed to create projects",
                "Project Creator",
                false,
            ),
            ("Atlas.IpNotAllowed", "GET … (HTTP 403)", "refuses the IP address", "access list", false),
            ("Atlas.RateLimited", "GET … (HTTP 429)", "rate limit", "fewer executions", true),
            (
                "Input.Invalid",
                "keyArn: expected the ARN of a KMS key, but found \"1234\"",
                "by its id",
                "full ARN",
                false,
            ),
            (
                "Endpoint.Failed",
                "eu-west-1 is FAILED (quota)",
                "private endpoint failed",
                "delete the failed endpoint",
                false,
            ),
            ("States.Timeout", "", "did not respond in time", "run again", true),
            ("Lambda.Unknown", "exit 1", "could not be run", "log", false),
        ] {
            let output = conclude(&input(error, message), Vec::new());
            assert_eq!((output.error.as_str(), output.retryable), (error, retryable), "{output:?}");
            assert!(output.cause.contains(cause) && output.fix.contains(fix), "{output:?}");
            assert!(output.evidence.contains(message), "{output:?}");
        }
    }

    #[test]
    fn what_lambda_wraps_a_message_in_is_taken_off() {
        let wrapped = json!({"errorType": "Atlas.IpNotAllowed", "errorMessage": "the reason", "stackTrace": []});
        let output = conclude(&input("Atlas.IpNotAllowed", &wrapped.to_string()), Vec::new());
        assert_eq!(output.evidence, "the reason");
    }

    #[test]
    fn what_was_seen_goes_before_what_was_said_and_all_of_it_is_reported() {
        let seen = |cause: &str| Finding::new(ErrorName::KmsKeyUnusable, cause, "seen", "fix");
        let output = conclude(&input("Atlas.CannotAssumeRole", "said"), vec![seen("one"), seen("two")]);
        assert_eq!((output.error.as_str(), output.cause.as_str()), ("Atlas.CannotAssumeRole", "one"));
        assert_eq!(output.evidence, "seen; enable-kms said: said");
        assert_eq!(output.others, [seen("two")]);
        let mut found_before = input("", "");
        found_before.error = None;
        found_before.findings = vec![seen("one")];
        assert_eq!(conclude(&found_before, Vec::new()).error, "Kms.KeyUnusable");
    }
}
