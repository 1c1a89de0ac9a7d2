//! `diagnose`: why an execution failed and what to do, for the person who fixes it. Every Catch leads here. It reads
//! both clouds, changes nothing there, records the reason with what is owed, and publishes to the SNS topic of the stack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    answers::{
        findings,
        survey::{Survey, Wanted},
    },
    error::{ErrorName, Result},
    failure::Raised,
    ids::{AccessRoleId, KmsKeyArn, ProjectId},
    registry::obligations::{self, Obligation, Reason},
    report::Finding,
    request::EnableEncryption,
    step::{Actions, LOG_TARGET, Notify, Readers, Step, Writers, actions, sample_request},
};

/// The step.
pub struct Diagnose;

/// The failure, and what was known by then. All of it may be malformed: an input that was refused is what failures
/// begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What failed.
    pub failed: Failed,
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

/// What failed, as a Catch or a Choice of the state machine passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failed {
    /// The state that failed. A function puts its own name into what it says, so that this matters only if no function
    /// said anything.
    #[serde(default)]
    pub state: Option<String>,
    /// Its error.
    pub failure: ErrorOutput,
    /// What an entry step found, if that is why.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// The error output of a state (Amazon States Language, "Errors").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorOutput {
    /// The name of the error.
    pub error: String,
    /// A sentence, or what Lambda, Maps and nested executions make of one.
    #[serde(default)]
    pub cause: Option<String>,
}

/// What the execution fails with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The name of the first failure: it is what others match on.
    pub error: String,
    /// Why it failed, and what to do.
    pub diagnosis: Diagnosis,
}

/// Why an execution failed, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The step that failed, or the state if no function raised the error.
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
    const ABOUT: &'static str = "Finds out why an execution failed, records it with what is owed, and publishes it on \
        the topic. Every Catch leads here, in all state machines";
    const ACTIONS: Actions = &[
        actions::ATLAS,
        actions::OTHER_ACCOUNTS,
        actions::PUBLISH,
        &[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:SimulatePrincipalPolicy",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "failed": {
                "state": "AuthorizeRole",
                "failure": {
                    "Error": "Kms.KeyUnusable",
                    "Cause": "{\"errorType\":\"Kms.KeyUnusable\",\"errorMessage\":\"the key is disabled\"}"
                }
            },
            "request": sample_request(),
            "projectId": "66f0a1b2c3d4e5f601234567",
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "roleId": "6a793f88c0eb9e7a17716581",
            "execution": "enable-payments"
        })
    }
}

impl Notify for Diagnose {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        let found = find_causes(writers, input).await;
        let mut diagnosis = conclude(&input.failed, found);
        // What is owed is reported, and tried again, whether or not its reason can be recorded.
        let recorded = explain(writers, input, &diagnosis).await;
        if let Err(error) = recorded {
            tracing::warn!(target: LOG_TARGET, error = %error, "the reason was not recorded");
        }
        if let Ok(topic) = writers.topic() {
            let subject = format!("atlas-cmk: {} failed with {}", diagnosis.step, diagnosis.error);
            let message = json!({
                "kind": "execution-failed",
                "execution": input.execution,
                "projectId": input.project_id,
                "diagnosis": diagnosis,
            });
            diagnosis.not_published = topic
                .publish("execution-failed", &subject, &message.to_string())
                .await
                .err()
                .map(|error| error.to_string());
        }
        Ok(Output { error: diagnosis.error.clone(), diagnosis })
    }
}

/// Records why what is owed has failed.
async fn explain(writers: &Writers, input: &Input, diagnosis: &Diagnosis) -> Result<()> {
    let Ok(request) = serde_json::from_value::<EnableEncryption>(input.request.clone()) else { return Ok(()) };
    let registry = writers.registry()?;
    let Some(owed) = obligations::read(&registry, &request).await? else { return Ok(()) };
    let said = input.failed.failure.cause.as_deref().unwrap_or_default();
    let is_denied = [said, &diagnosis.evidence]
        .iter()
        .any(|text| text.contains("service control policy") || text.contains("resource control policy"));
    let reason = Reason { error: diagnosis.error.clone(), cause: diagnosis.cause.clone(), is_denied };
    // A person who asked for what cannot be reads it at once. A profile may be corrected.
    if diagnosis.error == ErrorName::InputInvalid.to_string() && owed.is_asked_by_a_person() {
        return obligations::close(&registry, &owed).await;
    }
    // An approver's no stands: it is not asked again until somebody asks for the same once more.
    if diagnosis.error == ErrorName::ApprovalRefused.to_string() {
        return obligations::close(&registry, &owed).await;
    }
    let project_id = input.project_id.clone().or(owed.project_id);
    obligations::write(&registry, &Obligation { reason: Some(reason), project_id, ..owed }).await
}

/// What can be seen of the cause in both clouds.
async fn find_causes(readers: &Readers, input: &Input) -> Vec<Finding> {
    if !input.failed.findings.is_empty() {
        return Vec::new();
    }
    let name = ErrorName::from_text(&input.failed.failure.error);
    let request: Option<EnableEncryption> = serde_json::from_value(input.request.clone()).ok();
    let Some(request) = request.filter(|_| name.is_some_and(leaves_a_trace)) else { return Vec::new() };
    let known = Wanted::new(&request, input.execution.as_deref());
    let wanted = Wanted {
        project_id: input.project_id.clone().or_else(|| known.project_id.clone()),
        key_arn: input.key_arn.clone().or_else(|| known.key_arn.clone()),
        role_id: input.role_id.clone(),
        ..known
    };
    let survey = Box::pin(Survey::read(readers, &wanted)).await;
    let mut found = findings::tampering(&survey, &wanted);
    found.extend(findings::all(&survey, &request));
    // What disturbs our looking is not what went wrong.
    found.retain(|finding| !finding.retryable);
    found
}

/// Whether the reason of such a failure can be seen in either cloud, beyond what its message says.
fn leaves_a_trace(name: ErrorName) -> bool {
    matches!(
        name,
        ErrorName::AtlasCannotAssumeRole
            | ErrorName::AtlasRoleNotAuthorized
            | ErrorName::AtlasConflict
            | ErrorName::AwsConflict
            | ErrorName::AtlasRejected
            | ErrorName::AwsPropagating
            | ErrorName::KmsAccessDenied
            | ErrorName::KmsKeyUnusable
            | ErrorName::KmsNotReplicated
            | ErrorName::EndpointFailed
            | ErrorName::EndpointTimedOut
            | ErrorName::VerificationFailed
    )
}

fn conclude(failed: &Failed, found: Vec<Finding>) -> Diagnosis {
    let ErrorOutput { error, cause } = &failed.failure;
    let raised = Raised::read(cause.as_deref().unwrap_or_default());
    let code = raised.code;
    let step = raised.step.or_else(|| failed.state.clone()).unwrap_or_else(|| "an unknown step".to_owned());
    let was_found = !failed.findings.is_empty();
    let said = Some(raised.said).filter(|text| !text.is_empty() && !was_found);
    let mut findings = if was_found { failed.findings.clone() } else { found };
    let first =
        if findings.is_empty() { by_message(&step, error, code.as_deref(), said.clone()) } else { findings.remove(0) };
    let evidence = match said {
        Some(said) if !first.evidence.contains(&said) => format!("{}; {step} said: {said}", first.evidence),
        _ => first.evidence.clone(),
    };
    Diagnosis {
        step,
        error: error.clone(),
        cause: first.cause,
        evidence,
        fix: first.fix,
        retryable: first.retryable,
        others: findings,
        not_published: None,
    }
}

/// The diagnosis that name, code and message give, where nothing was seen.
fn by_message(step: &str, name: &str, code: Option<&str>, said: Option<String>) -> Finding {
    let said = said.unwrap_or_else(|| "no reason given".to_owned());
    let Some(known) = ErrorName::from_text(name) else { return of_step_functions(step, name, said) };
    Finding::of_code(known, code, &said)
}

/// Error names of Step Functions and of Lambda.
fn of_step_functions(step: &str, name: &str, said: String) -> Finding {
    let timed_out = name == "States.Timeout" || name == "Sandbox.Timedout";
    let (cause, fix) = if timed_out {
        (format!("{step} did not respond in time"), "run again; if it happens again, check the log of the function")
    } else {
        (format!("{step} could not be run"), "check the log of the function and of the state machine")
    };
    Finding { error: name.to_owned(), retryable: timed_out, ..Finding::new(ErrorName::Internal, cause, said, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str, cause: &str) -> Failed {
        serde_json::from_value(json!({"state": "EnableKms", "failure": {"Error": error, "Cause": cause}})).unwrap()
    }

    #[test]
    fn what_a_failure_means_follows_from_its_name_and_code() {
        for (error, message, cause, fix, retryable) in [
            (
                "Account.AccessDenied",
                "[preflight DeniedByServiceControlPolicy] iam:GetRole on x",
                "service control policy",
                "lifted",
                false,
            ),
            (
                "Account.AccessDenied",
                "[preflight DeniedByResourceControlPolicy] kms:DescribeKey on x",
                "resource control policy",
                "excepted",
                false,
            ),
            (
                "Account.AccessDenied",
                "[preflight DeniedByPermissionsBoundary] iam:GetRole on x",
                "permissions boundary",
                "PermissionsBoundaryArn",
                false,
            ),
            (
                "Atlas.Unauthorized",
                "[create-role USER_UNAUTHORIZED] POST … (HTTP 401)",
                "lack the role Project Owner",
                "Project Owner",
                false,
            ),
            (
                "Atlas.Unauthorized",
                "[ensure-project NOT_ORG_GROUP_CREATOR] POST … (HTTP 401)",
                "not allowed to create projects",
                "Project Creator",
                false,
            ),
            ("Atlas.IpNotAllowed", "GET … (HTTP 403)", "refuses the IP address", "access list", false),
            ("Atlas.RateLimited", "GET … (HTTP 429)", "rate limit", "fewer executions", true),
            (
                "Input.Invalid",
                "[preflight keyArn] expected the ARN of a KMS key, but found \"1234\"",
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
            let output = conclude(&failed(error, message), Vec::new());
            assert_eq!((output.error.as_str(), output.retryable), (error, retryable), "{output:?}");
            assert!(output.cause.contains(cause) && output.fix.contains(fix), "{output:?}");
            assert!(output.evidence.contains(message.rsplit("] ").next().unwrap()), "{output:?}");
        }
    }

    #[test]
    fn what_lambda_wraps_a_message_in_is_taken_off() {
        let wrapped = json!({"errorType": "Atlas.IpNotAllowed", "errorMessage": "the reason", "stackTrace": []});
        let output = conclude(&failed("Atlas.IpNotAllowed", &wrapped.to_string()), Vec::new());
        assert_eq!(output.evidence, "the reason");
    }

    #[test]
    fn what_was_seen_goes_before_what_was_said_and_all_of_it_is_reported() {
        let seen = |cause: &str| Finding::new(ErrorName::KmsKeyUnusable, cause, "seen", "fix");
        let output = conclude(&failed("Atlas.CannotAssumeRole", "said"), vec![seen("one"), seen("two")]);
        assert_eq!((output.error.as_str(), output.cause.as_str()), ("Atlas.CannotAssumeRole", "one"));
        assert_eq!(output.evidence, "seen; EnableKms said: said");
        assert_eq!(output.others, [seen("two")]);
        let mut found_before = failed("Kms.KeyUnusable", "[preflight] see findings");
        found_before.findings = vec![seen("one"), seen("two")];
        let output = conclude(&found_before, Vec::new());
        assert_eq!((output.step.as_str(), output.error.as_str()), ("preflight", "Kms.KeyUnusable"));
        assert_eq!((output.evidence.as_str(), output.others), ("seen", vec![seen("two")]));
    }
}
