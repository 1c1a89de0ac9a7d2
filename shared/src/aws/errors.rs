//! From what AWS answers to what a state machine can react to.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorName, Failure, denial};

/// Names an error of an AWS call. `action` is the IAM action, for example `iam:GetRole`; `resource` is what it was for.
///
/// Where the call may have taken place all the same, the error says so: steps read again before they write again.
pub fn aws_error<E>(action: &str, resource: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata,
{
    let Some(service_error) = error.as_service_error() else {
        return Error::new(ErrorName::AwsUnavailable, format!("{action} on {resource}: {}", kind_of(error)))
            .with_unknown_outcome();
    };
    let code = service_error.code().unwrap_or("an unnamed error");
    let message = service_error.message().unwrap_or_default();
    let server_error = error.raw_response().is_some_and(|response| response.status().is_server_error());
    let name = name_of(code, message, server_error);
    let source = code_of(name, code, message);
    let text = format!("{action} on {resource}: {code}: {message}{}", hint(name, action, source));
    let named = Error::new(name, text).because_of(Failure::Aws(source.to_owned()));
    // The SDK sends a call again whose answer it lost: that a thing exists may be the echo of having made it. And what
    // was made a moment ago may not be seen by the next call yet.
    let look_again = server_error
        || code.starts_with("EntityAlreadyExists")
        || code.starts_with("AlreadyExists")
        || code.starts_with("NoSuchEntity")
        // Somebody wrote what was read, or wrote it in our name and the answer was lost.
        || code.starts_with("ConditionalCheckFailed")
        || code.starts_with("Transaction");
    if look_again { named.with_unknown_outcome() } else { named }
}

/// AWS says in words only which kind of policy denied a call (IAM user guide, "Troubleshoot access denied error
/// messages").
fn code_of<'a>(name: ErrorName, code: &'a str, message: &str) -> &'a str {
    match name {
        ErrorName::AccountAccessDenied if message.contains("explicit deny in a service control policy") => {
            denial::SERVICE_CONTROL_POLICY
        }
        ErrorName::AccountAccessDenied if message.contains("explicit deny in a resource control policy") => {
            denial::RESOURCE_CONTROL_POLICY
        }
        ErrorName::AccountAccessDenied if message.contains("no permissions boundary allows") => {
            denial::PERMISSIONS_BOUNDARY
        }
        ErrorName::AccountAccessDenied if message.contains("with an explicit deny") => denial::EXPLICIT,
        _ => code,
    }
}

fn name_of(code: &str, message: &str, server_error: bool) -> ErrorName {
    match code {
        // The last is what SNS calls it.
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" => {
            ErrorName::AccountAccessDenied
        }
        "OptInRequired" | "OptInRequiredException" | "SubscriptionRequiredException" | "SubscriptionRequired" => {
            ErrorName::AccountNotReady
        }
        // A principal that was made a moment ago is "invalid" until it is known everywhere.
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if message.contains("nvalid principal") => {
            ErrorName::AwsPropagating
        }
        // The check that a key policy does not lock its writer out, which is never bypassed: it has to allow us
        // kms:PutKeyPolicy.
        "MalformedPolicyDocumentException" if message.contains("update the key policy in the future") => {
            ErrorName::AccountAccessDenied
        }
        // What was made or removed a moment ago is not seen everywhere yet.
        "NoSuchEntity" | "NoSuchEntityException" | "EntityAlreadyExists" | "EntityAlreadyExistsException" => {
            ErrorName::AwsPropagating
        }
        "AlreadyExistsException" => ErrorName::AwsPropagating,
        "NotFoundException" | "DisabledException" | "KMSInvalidStateException" | "UnsupportedOperationException" => {
            ErrorName::KmsKeyUnusable
        }
        "ConcurrentModification" | "ConcurrentModificationException" | "EntityTemporarilyUnmodifiable" => {
            ErrorName::AwsPropagating
        }
        // What is to be deleted has something of others on it.
        "DeleteConflict" | "DeleteConflictException" => ErrorName::AwsConflict,
        // KMS and Parameter Store have names of their own for the 51st tag and the 10,001st parameter.
        "LimitExceeded" | "LimitExceededException" | "TagException" | "TooManyTagsError" | "ParameterLimitExceeded" => {
            ErrorName::IamQuotaExceeded
        }
        "Throttled" | "KMSThrottling" | "KMSThrottlingException" => ErrorName::AwsUnavailable,
        // What encrypts an SNS topic.
        "KMSAccessDenied" | "KMSAccessDeniedException" => ErrorName::AccountAccessDenied,
        "KMSDisabled" | "KMSDisabledException" | "KMSInvalidState" | "KMSNotFound" => ErrorName::KmsKeyUnusable,
        "Throttling" | "ThrottlingException" | "TooManyRequestsException" | "TooManyUpdates" | "RequestTimeout" => {
            ErrorName::AwsUnavailable
        }
        // Of DynamoDB: an item was written by another since it was read, or is being written.
        "ConditionalCheckFailedException" | "TransactionCanceledException" | "TransactionConflictException" => {
            ErrorName::AwsUnavailable
        }
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "TransactionInProgressException" => {
            ErrorName::AwsUnavailable
        }
        // A new environment of the function gets new credentials.
        "ExpiredToken" | "ExpiredTokenException" => ErrorName::AwsUnavailable,
        "InvalidClientTokenId" | "UnrecognizedClientException" => ErrorName::AccountNotReady,
        _ if server_error => ErrorName::AwsUnavailable,
        _ => ErrorName::AwsRejected,
    }
}

fn hint(name: ErrorName, action: &str, code: &str) -> String {
    match name {
        ErrorName::AccountAccessDenied if code == denial::SERVICE_CONTROL_POLICY => {
            "; a service control policy denies the call: have the policy lifted for this account, or wait until the \
             account has left quarantine"
                .to_owned()
        }
        ErrorName::AccountAccessDenied if code == denial::RESOURCE_CONTROL_POLICY => {
            "; a resource control policy denies the call: have it lifted for this resource, or the principals of \
             atlas-cmk excepted"
                .to_owned()
        }
        ErrorName::AccountAccessDenied if action.starts_with("iam:") => {
            format!(
                "; give an IAM role that AccessRoleName of the stack allows, or allow {action} in the role of this \
                function, and check for a permissions boundary or a service control policy that denies it"
            )
        }
        ErrorName::AccountAccessDenied if action.starts_with("kms:") => {
            format!(
                "; name the key in KeyArns of the stack, or set key.manage so that atlas-cmk does not change the \
                key; the key policy must allow {action} too"
            )
        }
        ErrorName::AccountAccessDenied => {
            format!(
                "; allow {action} in the role of this function, and check for a permissions boundary or a service \
                 control policy that denies it"
            )
        }
        ErrorName::AccountNotReady => "; AWS may still be creating the account".to_owned(),
        ErrorName::IamQuotaExceeded => "; request a higher quota, or remove what is no longer used".to_owned(),
        ErrorName::AwsPropagating => {
            "; expected for some minutes after a change; otherwise a policy names a principal that does not exist"
                .to_owned()
        }
        _ => String::new(),
    }
}

fn kind_of<E>(error: &SdkError<E, HttpResponse>) -> &'static str {
    match error {
        SdkError::TimeoutError(_) => "no response before the timeout",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no response before the timeout",
        SdkError::DispatchFailure(_) => "the connection failed",
        SdkError::ResponseError(_) => "the response could not be parsed",
        _ => "the request could not be sent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named_by_what_one_can_do_about_them() {
        for (code, message, server_error, name) in [
            ("AccessDenied", "User is not authorized", false, ErrorName::AccountAccessDenied),
            ("OptInRequired", "", false, ErrorName::AccountNotReady),
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"…\"", false, ErrorName::AwsPropagating),
            ("MalformedPolicyDocument", "Syntax errors in policy.", false, ErrorName::AwsRejected),
            ("NoSuchEntity", "The role with name atlas-cmk cannot be found.", false, ErrorName::AwsPropagating),
            ("EntityAlreadyExists", "Role with name atlas-cmk already exists.", false, ErrorName::AwsPropagating),
            ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", false, ErrorName::IamQuotaExceeded),
            ("DeleteConflict", "Cannot delete entity, must detach all policies first.", false, ErrorName::AwsConflict),
            ("Throttling", "Rate exceeded", false, ErrorName::AwsUnavailable),
            ("ServiceFailure", "", true, ErrorName::AwsUnavailable),
            ("an unnamed error", "<html>502</html>", true, ErrorName::AwsUnavailable),
            ("NotFoundException", "Key 'arn:…' does not exist", false, ErrorName::KmsKeyUnusable),
            (
                "MalformedPolicyDocumentException",
                "Policy contains a statement with one or more invalid principals.",
                false,
                ErrorName::AwsPropagating,
            ),
            (
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
                false,
                ErrorName::AccountAccessDenied,
            ),
            ("SomethingNew", "", false, ErrorName::AwsRejected),
        ] {
            assert_eq!(name_of(code, message, server_error), name, "{code}");
        }
    }
}
