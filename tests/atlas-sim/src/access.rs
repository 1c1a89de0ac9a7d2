//! The access check of Atlas: AWS's verdict, seen through the lag of propagation, in the words of the API.

use std::time::Duration;

use axum::http::StatusCode;

use crate::aws::{Assumed, Refusal, regional_key};
use crate::error::ApiError;
use crate::records::cloud_provider_access::AwsRole;
use crate::records::encryption_at_rest::AwsKms;
use crate::regions;
use crate::sim::Sim;

/// Assumes `arn` with the external id of an Atlas role.
pub(crate) async fn assume(sim: &Sim, role: &AwsRole, arn: &str) -> Result<Assumed, Refusal> {
    let verdict = sim.aws.assume(arn, &role.external_id).await;
    let mut state = sim.state();
    match verdict {
        Ok(assumed) => {
            let now = sim.clock.now();
            let lag = Duration::from_secs_f64(state.behaviour.propagation_seconds);
            if state.propagation.granted(&role.role_id, arn, now, lag) {
                Ok(assumed)
            } else {
                Err(Refusal::CannotAssumeRole)
            }
        }
        Err(refusal) => {
            if refusal == Refusal::CannotAssumeRole {
                state.propagation.refused(&role.role_id, arn);
            }
            Err(refusal)
        }
    }
}

/// Tries the key of an encryptionAtRest configuration with an authorized role.
pub(crate) async fn check_key(sim: &Sim, role: &AwsRole, kms: &AwsKms) -> Result<(), Refusal> {
    let arn = role.iam_role_arn.as_deref().ok_or(Refusal::CannotAssumeRole)?;
    let assumed = assume(sim, role, arn).await?;
    sim.aws.try_key(&assumed, &regions::to_aws(&kms.region), &kms.key).await
}

/// Tries the key in the region of a private endpoint, and says in a sentence what is wrong.
///
/// That Atlas checks this when it builds the endpoint is our inference: its documentation only demands that
/// the key be replicated to the region beforehand.
pub(crate) async fn check_replica(sim: &Sim, role: &AwsRole, kms: &AwsKms, region: &str) -> Result<(), String> {
    let aws_region = regions::to_aws(region);
    let Some(key) = regional_key(&kms.key, &regions::to_aws(&kms.region), &aws_region) else {
        return Err(format!("The key {} is a single-Region key and has no replica in {region}.", kms.key));
    };
    let arn = role.iam_role_arn.as_deref().unwrap_or_default();
    let verdict = match assume(sim, role, arn).await {
        Ok(assumed) => sim.aws.try_key(&assumed, &aws_region, &key).await,
        Err(refusal) => Err(refusal),
    };
    verdict.map_err(|refusal| {
        let reason = match refusal {
            Refusal::CannotAssumeRole => "the IAM role cannot be assumed",
            Refusal::KeyNotFound => "there is no such key",
            Refusal::KeyNotEnabled => "it is not enabled",
            Refusal::KeyPendingDeletion => "it is pending deletion",
            Refusal::KeyPendingImport => "it is pending import",
            Refusal::NoPermission => "the IAM role may not describe it, encrypt and decrypt with it",
            Refusal::Unreachable(_) => "AWS cannot be reached",
        };
        format!("The key {key} cannot be used in {region}: {reason}.")
    })
}

/// The error of a PATCH of encryptionAtRest. Codes and statuses are from MongoDB's list of error codes, the
/// sentences other than that of `CANNOT_ASSUME_ROLE` are ours.
pub(crate) fn error_of_patch(refusal: Refusal, role_id: &str) -> ApiError {
    match refusal {
        Refusal::CannotAssumeRole => ApiError::cannot_assume_role(role_id),
        Refusal::KeyNotFound => ApiError::new(
            StatusCode::NOT_FOUND,
            "AWS_CUSTOMER_MASTER_KEY_NOT_FOUND",
            "The AWS customer master key was not found.",
        ),
        Refusal::KeyNotEnabled => ApiError::bad_request(
            "AWS_KMS_CUSTOMER_MASTER_KEY_NOT_ENABLED",
            "The AWS customer master key is not enabled.",
        ),
        Refusal::KeyPendingDeletion => ApiError::bad_request(
            "AWS_KMS_CUSTOMER_MASTER_KEY_PENDING_DELETION",
            "The AWS customer master key is pending deletion.",
        ),
        Refusal::KeyPendingImport => ApiError::bad_request(
            "AWS_KMS_CUSTOMER_MASTER_KEY_PENDING_IMPORT",
            "The AWS customer master key is pending import.",
        ),
        Refusal::NoPermission => ApiError::bad_request(
            "NO_PERMISSION_TO_ENCRYPT_DECRYPT",
            "The AWS credentials do not have permission to encrypt and decrypt with the customer master key.",
        ),
        Refusal::Unreachable(why) => unreachable_aws(&why),
    }
}

/// AWS is down, which is nobody's mistake.
pub(crate) fn unreachable_aws(why: &str) -> ApiError {
    tracing::warn!(why, "the access check could not be made");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "UNEXPECTED_ERROR", "Unexpected error.")
}
