//! From what AWS answers to what a state machine can react to.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{Error, ErrorName};

/// Names an error of an AWS call. `action` is the IAM action, for example `iam:GetRole`; `resource` is what it was for.
pub fn aws_error<E>(action: &str, resource: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata,
{
    match error.as_service_error() {
        Some(service_error) => {
            let code = service_error.code().unwrap_or("an unnamed error");
            let message = service_error.message().unwrap_or_default();
            let name = name_of(code, message);
            Error::new(name, format!("{action} on {resource}: {code}: {message}{}", hint(name, action)))
        }
        // The request may have arrived: steps read again before they write again.
        None => Error::new(ErrorName::AwsUnavailable, format!("{action} on {resource}: {}", kind_of(error)))
            .with_unknown_outcome(),
    }
}

fn name_of(code: &str, message: &str) -> ErrorName {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => ErrorName::AccountAccessDenied,
        "OptInRequired" | "OptInRequiredException" | "SubscriptionRequiredException" | "SubscriptionRequired" => {
            ErrorName::AccountNotReady
        }
        // A principal that was made a moment ago is "invalid" until it is known everywhere.
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if message.contains("nvalid principal") => {
            ErrorName::IamPropagating
        }
        "LimitExceeded" | "LimitExceededException" => ErrorName::IamQuotaExceeded,
        "ConcurrentModification" | "ConcurrentModificationException" | "EntityTemporarilyUnmodifiable" => {
            ErrorName::IamPropagating
        }
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalServiceError"
        | "InternalServiceErrorException"
        | "ServiceFailure"
        | "RequestTimeout" => ErrorName::AwsUnavailable,
        // A new environment of the function gets new credentials.
        "ExpiredToken" | "ExpiredTokenException" => ErrorName::AwsUnavailable,
        "InvalidClientTokenId" | "UnrecognizedClientException" => ErrorName::AccountNotReady,
        _ => ErrorName::Internal,
    }
}

fn hint(name: ErrorName, action: &str) -> String {
    match name {
        ErrorName::AccountAccessDenied => {
            format!(
                "; allow {action} in the role of this function, and look for a permissions boundary or a service control policy that denies it"
            )
        }
        ErrorName::AccountNotReady => "; the account may still be in the making".to_owned(),
        ErrorName::IamQuotaExceeded => "; raise the quota or remove what is no longer used".to_owned(),
        ErrorName::IamPropagating => {
            "; usual for minutes after a change, otherwise the document names a principal that no longer exists"
                .to_owned()
        }
        _ => String::new(),
    }
}

fn kind_of<E>(error: &SdkError<E, HttpResponse>) -> &'static str {
    match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no answer in time",
        SdkError::DispatchFailure(_) => "the connection failed",
        SdkError::ResponseError(_) => "the answer was not understood",
        _ => "the request could not be made",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_named_by_what_one_can_do_about_them() {
        for (code, message, name) in [
            ("AccessDenied", "User is not authorized", ErrorName::AccountAccessDenied),
            ("OptInRequired", "", ErrorName::AccountNotReady),
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"…\"", ErrorName::IamPropagating),
            ("MalformedPolicyDocument", "Syntax errors in policy.", ErrorName::Internal),
            ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", ErrorName::IamQuotaExceeded),
            ("Throttling", "Rate exceeded", ErrorName::AwsUnavailable),
            ("SomethingNew", "", ErrorName::Internal),
        ] {
            assert_eq!(name_of(code, message), name, "{code}");
        }
    }
}
