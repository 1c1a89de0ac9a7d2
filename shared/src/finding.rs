//! What stands in the way, in the words of whoever has to mend it. The checks before a run and the diagnosis after it tell it alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorName};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name a run fails with because of it, from the closed list.
    pub error: String,
    /// What is wrong, in a sentence.
    pub cause: String,
    /// What was seen that shows it.
    pub evidence: String,
    /// What to do about it.
    pub fix: String,
    /// Whether starting again without mending anything may help.
    pub retryable: bool,
}

impl Finding {
    /// Something that somebody has to mend.
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

    /// A failed call, as something to mend. What its message says is all that is known.
    pub fn of(error: &Error) -> Self {
        let (cause, fix) = by_message(error.name(), error.message()).unwrap_or_else(|| known(error.name()));
        Self { retryable: error.name().passes_by_itself(), ..Self::new(error.name(), cause, error.message(), fix) }
    }
}

/// A statement that somebody else has to add, because the input says that we may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByHand {
    /// The ARN of the role or key.
    pub resource: String,
    /// Which of its documents: its trust policy, an inline policy, its key policy.
    pub policy: String,
    /// The statement to add to it.
    pub statement: serde_json::Value,
}

/// What a message tells beyond its name: cause and fix.
fn by_message(name: ErrorName, said: &str) -> Option<(&'static str, &'static str)> {
    let is = |text: &str| said.contains(text);
    Some(match name {
        ErrorName::AccountAccessDenied if is("explicit deny in a service control policy") => (
            "a service control policy of the organization denies the call",
            "have it lifted for this account, or wait until the account has left its quarantine",
        ),
        ErrorName::AccountAccessDenied if is("no permissions boundary allows") => (
            "the permissions boundary of our own role does not allow the call",
            "allow the action in PermissionsBoundaryArn of the stack",
        ),
        ErrorName::IamPropagating if is("the tags of a new key") => (
            "KMS refuses what the tag of a key of ours allows",
            "if the key was made minutes ago, run again; otherwise look for a deny in the key policy or a service control policy",
        ),
        ErrorName::AtlasUnauthorized if is("NOT_ORG_GROUP_CREATOR") => (
            "the Atlas credentials may not create projects",
            "give them the role Organization Project Creator, or make the project and give its projectId",
        ),
        ErrorName::AtlasUnauthorized
            if is("USER_UNAUTHORIZED") || is("NOT_IN_GROUP") || is("USER_CANNOT_ACCESS_GROUP") =>
        {
            (
                "the Atlas credentials lack the role Project Owner on the project",
                "give the API key or the service account the role Project Owner on the project",
            )
        }
        ErrorName::AtlasRejected if is("GROUP_NOT_FOUND") => ("there is no such project", "correct projectId"),
        ErrorName::InputInvalid if said.starts_with("keyArn: expected the ARN") => (
            "the key is given by its id or alias, which mean nothing in another account",
            "give the full ARN of the key: arn:aws:kms:REGION:ACCOUNT:key/ID",
        ),
        _ => return None,
    })
}

/// What a name stands for, and what helps as a rule: cause and fix.
fn known(name: ErrorName) -> (&'static str, &'static str) {
    match name {
        ErrorName::InputInvalid => ("a field of the input is wrong", "correct the field that the evidence names"),
        ErrorName::SecretUnusable => (
            "the secret with the Atlas credentials cannot be used",
            "store {\"clientId\",\"clientSecret\"} or {\"publicKey\",\"privateKey\"} in it, and let the functions decrypt it",
        ),
        ErrorName::AccountNotReady => (
            "the account of role and key does not let us in",
            "deploy infra/spoke.yaml in the account, check the external ID, and wait until a new account is ready",
        ),
        ErrorName::AccountAccessDenied => (
            "AWS refuses one of our own calls",
            "allow the action to the role the evidence names, or lift the boundary or service control policy that denies it",
        ),
        ErrorName::AtlasUnauthorized => (
            "the Atlas credentials are refused, or lack the role Project Owner",
            "check the keys in the secret, and give them the role Project Owner on the project",
        ),
        ErrorName::AtlasIpNotAllowed => (
            "Atlas refuses the address the functions call from",
            "put the address on the access list of the API key or the organization",
        ),
        ErrorName::AtlasRateLimited => (
            "Atlas's rate limit, or its limit of live tokens, is used up",
            "run fewer executions at the same time, or use another service account",
        ),
        ErrorName::AtlasUnavailable => {
            ("Atlas does not answer as it should", "look at Atlas's status page, and run again later")
        }
        ErrorName::AtlasCannotAssumeRole => (
            "Atlas cannot assume the IAM role",
            "check the role's trust policy for a deny of another statement, or for something that rewrites ours",
        ),
        ErrorName::AtlasRoleNotAuthorized => ("the access role was deauthorized meanwhile", "run again"),
        ErrorName::AtlasRoleInUse => ("Atlas features still use the access role", "remove those features first"),
        ErrorName::AtlasConflict => (
            "something is there that contradicts the input and is not ours to change",
            "decide which of the two is right, and change the other",
        ),
        ErrorName::AtlasRejected => ("Atlas refuses the request for good", "follow what the evidence says"),
        ErrorName::IamPropagating => (
            "a policy names a principal that AWS does not know",
            "remove principals that no longer exist from the policy; if one was made minutes ago, run again",
        ),
        ErrorName::IamQuotaExceeded => (
            "a policy has no room left",
            "remove statements that are no longer used, raise the quota, or give the project a role of its own",
        ),
        ErrorName::KmsAccessDenied => (
            "the role may not use the key",
            "allow kms:Encrypt, kms:Decrypt and kms:DescribeKey to the role, in the key policy too if that does not leave it to IAM",
        ),
        ErrorName::KmsKeyUnusable => {
            ("the key cannot be used", "enable the key, cancel its deletion, or give the ARN of the right one")
        }
        ErrorName::KmsNotReplicated => ("the key has no replica in a region that needs one", "replicate the key there"),
        ErrorName::AwsUnavailable => ("AWS does not answer as it should", "run again later"),
        ErrorName::EndpointFailed => (
            "a private endpoint failed",
            "remove what the evidence quotes from Atlas, delete the failed endpoint in Atlas, run again",
        ),
        ErrorName::EndpointTimedOut => {
            ("private endpoints did not become active in time", "run again to go on waiting; if it stays, ask MongoDB")
        }
        ErrorName::EndpointProvisioning => (
            "Atlas does not delete a private endpoint that is being created",
            "run again when it is active or failed; if it stays, as it did for hours once, ask MongoDB",
        ),
        ErrorName::EndpointLingering => (
            "Atlas still counts private endpoints that are gone",
            "run again in some minutes; if it stays, ask MongoDB",
        ),
        ErrorName::ClusterEncrypted => (
            "Atlas still counts a cluster that uses the key",
            "run again: a cluster that was made or switched to the key meanwhile is taken along",
        ),
        ErrorName::ClusterTimedOut => (
            "a cluster did not become idle in time",
            "run again to go on waiting; if it stays, look at the cluster in Atlas",
        ),
        ErrorName::VerifyDiffers => (
            "everything was done, and yet the world differs from the request",
            "find out what else changes the project, the role or the key: the evidence lists the differences",
        ),
        ErrorName::AccessDiffers => (
            "the role cannot be assumed as it should be",
            "look at the trust policy of the target role, at what denies the source role sts:AssumeRole, and run again",
        ),
        ErrorName::ApprovalRefused => ("whoever was asked said no", "talk to them; nothing was changed"),
        ErrorName::ApprovalTimedOut => {
            ("nobody answered in time", "see that the topic is read, and run again; nothing was changed")
        }
        ErrorName::Internal => {
            ("a bug of ours, or of the state machine", "report it with the log line of the function")
        }
    }
}
