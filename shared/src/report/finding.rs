//! Problems that block a run, described for the person who fixes them. The checks before a run and the diagnosis after
//! it share them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorName, denial};

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the error that it causes, from the closed list.
    pub error: String,
    /// What is wrong, in a sentence.
    pub cause: String,
    /// What atlas-cmk observed that shows it.
    pub evidence: String,
    /// What to do about it.
    pub fix: String,
    /// Whether running again without fixing anything may help.
    pub retryable: bool,
}

impl Finding {
    /// Something that a person has to fix.
    pub fn new(
        error: ErrorName,
        cause: impl Into<String>,
        evidence: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            error: error.as_str().to_owned(),
            cause: cause.into(),
            evidence: evidence.into(),
            fix: fix.into(),
            retryable: false,
        }
    }

    /// A failed call, as a problem to fix.
    pub fn from_error(error: &Error) -> Self {
        Self::of_code(error.name(), error.code(), error.message())
    }

    /// The same, of an error that another function raised, with its code if it has one.
    pub fn of_code(name: ErrorName, code: Option<&str>, said: &str) -> Self {
        let (cause, fix) = code.and_then(|code| by_code(name, code)).unwrap_or_else(|| known(name));
        Self { retryable: name.passes_by_itself(), ..Self::new(name, cause, said, fix) }
    }
}

/// A statement that you have to add yourself, because the input forbids atlas-cmk to add it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByHand {
    /// The ARN of the role or key.
    pub resource: String,
    /// Which of its policies: trust policy, inline policy or key policy.
    pub policy: String,
    /// The statement to add to it.
    pub statement: serde_json::Value,
}

/// Cause and fix that follow from the code and not only from the name.
fn by_code(name: ErrorName, code: &str) -> Option<(&'static str, &'static str)> {
    Some(match (name, code) {
        (ErrorName::AccountAccessDenied, denial::SERVICE_CONTROL_POLICY) => (
            "a service control policy of the organization denies the call",
            "have the policy lifted for this account, or wait until the account has left quarantine",
        ),
        (ErrorName::AccountAccessDenied, denial::RESOURCE_CONTROL_POLICY) => (
            "a resource control policy of the organization denies the call",
            "have the policy lifted for this resource, or the principals of atlas-cmk excepted from it",
        ),
        (ErrorName::AccountAccessDenied, denial::PERMISSIONS_BOUNDARY) => (
            "the permissions boundary of atlas-cmk's own role does not allow the call",
            "allow the action in the policy that PermissionsBoundaryArn of the stack names",
        ),
        (ErrorName::AwsPropagating, denial::NEW_KEY) => (
            "KMS denies a call that the policy of a key created by atlas-cmk allows",
            "if the key was created minutes ago, run again; otherwise look for a Deny in the key policy or a service control policy",
        ),
        (ErrorName::AtlasUnauthorized, "NOT_ORG_GROUP_CREATOR") => (
            "the Atlas credentials are not allowed to create projects",
            "grant them the role Organization Project Creator, or create the project yourself and give its projectId",
        ),
        (ErrorName::AtlasUnauthorized, "USER_UNAUTHORIZED" | "NOT_IN_GROUP" | "USER_CANNOT_ACCESS_GROUP") => (
            "the Atlas credentials lack the role Project Owner on the project",
            "grant the API key or the service account the role Project Owner on the project",
        ),
        (ErrorName::AtlasRejected, "GROUP_NOT_FOUND") => ("the Atlas project does not exist", "correct projectId"),
        (ErrorName::InputInvalid, "keyArn") => (
            "keyArn is not the full ARN of a key; a key that is given by its id or alias has no meaning in another account",
            "give the full ARN of the key: arn:aws:kms:REGION:ACCOUNT:key/ID",
        ),
        _ => return None,
    })
}

/// Cause and fix that usually apply to a name.
#[expect(clippy::too_many_lines, reason = "a table")]
fn known(name: ErrorName) -> (&'static str, &'static str) {
    match name {
        ErrorName::InputInvalid => ("a field of the input is wrong", "correct the field that the evidence names"),
        ErrorName::SecretUnusable => (
            "the secret with the Atlas credentials cannot be used",
            "store {\"clientId\",\"clientSecret\"} or {\"publicKey\",\"privateKey\"} in it, and allow the functions to decrypt it",
        ),
        ErrorName::AccountNotReady => (
            "atlas-cmk cannot assume its role in the account of the IAM role and the key",
            "deploy infra/spoke.yaml in the account, check the external ID, and wait until a new account is ready",
        ),
        ErrorName::AccountAccessDenied => (
            "AWS denies a call of atlas-cmk",
            "allow the action to the role that the evidence names, or lift the permissions boundary or service control \
             policy that denies it",
        ),
        ErrorName::AtlasUnauthorized => (
            "Atlas rejects the credentials, or they lack the role Project Owner",
            "check the keys in the secret, and grant them the role Project Owner on the project",
        ),
        ErrorName::AtlasIpNotAllowed => (
            "Atlas refuses the IP address that the functions call from",
            "add the IP address to the access list of the API key or of the organization",
        ),
        ErrorName::AtlasRateLimited => (
            "Atlas's rate limit, or its limit of active access tokens, is exhausted",
            "run fewer executions at the same time, or use another service account",
        ),
        ErrorName::AtlasUnavailable => {
            ("Atlas does not respond as expected", "check Atlas's status page, and run again later")
        }
        ErrorName::AtlasCannotAssumeRole => (
            "Atlas cannot assume the IAM role",
            "check the role's trust policy for another statement that denies it, and find out what overwrites the statement of atlas-cmk",
        ),
        ErrorName::AtlasRoleNotAuthorized => ("the access role record was deauthorized in the meantime", "run again"),
        ErrorName::AtlasRoleInUse => ("Atlas features use the access role record", "remove those features first"),
        ErrorName::AtlasConflict => (
            "an existing resource contradicts the input, and atlas-cmk must not change it",
            "decide which of the two is right, and change the other",
        ),
        ErrorName::AtlasRejected => ("Atlas rejects the request", "correct what the evidence names"),
        ErrorName::AwsConflict => (
            "an existing role, policy or key contradicts the input, and atlas-cmk must not change it",
            "decide which of the two is right, and change the other",
        ),
        ErrorName::AwsRejected => ("AWS rejects the request", "correct what the evidence names"),
        ErrorName::DeploymentInvalid => (
            "the function was deployed without something that it needs, or with something that it cannot use",
            "set what the evidence names, and deploy infra/template.yaml again",
        ),
        ErrorName::AwsPropagating => (
            "a policy names a principal that AWS does not know, or not yet",
            "remove principals that no longer exist from the policy; if one was created minutes ago, run again",
        ),
        ErrorName::IamQuotaExceeded => (
            "an AWS quota is reached, usually the size of a policy",
            "remove statements that are no longer used, request a higher quota, or give the project an IAM role of its own",
        ),
        ErrorName::KmsAccessDenied => (
            "the IAM role is not allowed to use the key",
            "allow kms:Encrypt, kms:Decrypt and kms:DescribeKey to the role, and also in the key policy if that does \
             not delegate to IAM policies",
        ),
        ErrorName::KmsKeyUnusable => {
            ("the key cannot be used", "enable the key, cancel its deletion, or give the ARN of the right key")
        }
        ErrorName::KmsNotReplicated => ("the key has no replica in a region that needs one", "replicate the key there"),
        ErrorName::AwsUnavailable => ("AWS does not respond as expected", "run again later"),
        ErrorName::EndpointFailed => (
            "a private endpoint failed",
            "remove the cause that the evidence quotes from Atlas, delete the failed endpoint in Atlas, and run again",
        ),
        ErrorName::EndpointTimedOut => (
            "private endpoints did not become active in time",
            "run again to continue waiting; if it happens again, contact MongoDB Support",
        ),
        ErrorName::EndpointProvisioning => (
            "Atlas does not delete a private endpoint while it is being created",
            "run again when it is active or failed; if it stays in this state for hours, contact MongoDB Support",
        ),
        ErrorName::EndpointStillCounted => (
            "Atlas still counts private endpoints that were deleted",
            "run again in a few minutes; if that does not help, contact MongoDB Support",
        ),
        ErrorName::ClusterStillEncrypted => (
            "Atlas still counts a cluster that uses the key",
            "run again: the new run includes clusters that were created or switched to the key in the meantime",
        ),
        ErrorName::ClusterTimedOut => (
            "a cluster did not become IDLE in time",
            "run again to continue waiting; if it happens again, check the cluster in Atlas",
        ),
        ErrorName::VerificationFailed => (
            "all steps succeeded, but the actual state still differs from the request",
            "find out what else changes the project, the role or the key: the evidence lists the differences",
        ),
        ErrorName::AccessVerificationFailed => (
            "the target role cannot be assumed as intended",
            "check the trust policy of the target role and what denies the source role sts:AssumeRole, and run again",
        ),
        ErrorName::ApprovalMissing => (
            "nobody has approved a change that needs an approval",
            "start the state machine, which asks for it, or give the project a standing approval; nothing was changed",
        ),
        ErrorName::ApprovalRefused => ("the approver refused the changes", "ask the approver why; nothing was changed"),
        ErrorName::ApprovalTimedOut => (
            "no approver answered in time",
            "make sure that someone reads the SNS topic, and run again; nothing was changed",
        ),
        ErrorName::Internal => {
            ("a bug in atlas-cmk or in its state machine", "report it with the log line of the function")
        }
    }
}
