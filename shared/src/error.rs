//! The closed list of names a function fails with.
//!
//! State machines match on the name, people read the message. A name is added only where one of them reacts
//! differently.

use std::fmt;

macro_rules! error_names {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// What went wrong, as the state machines and the README call it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorName {
            $($(#[$doc])+ $variant,)+
        }

        impl ErrorName {
            /// Every name there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name as it stands in `errorType` and in `ErrorEquals`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

error_names! {
    /// The input is malformed or contradicts itself. Nothing was read or written.
    InputInvalid = "Input.Invalid",
    /// The secret with the Atlas credentials is missing, unreadable or of an unknown shape.
    SecretUnusable = "Secret.Unusable",
    /// The AWS account is not ready for use yet, as new accounts are for up to an hour.
    AccountNotReady = "Account.NotReady",
    /// AWS refuses one of our own calls.
    AccountAccessDenied = "Account.AccessDenied",
    /// Atlas refuses the credentials, or they lack a role on the project.
    AtlasUnauthorized = "Atlas.Unauthorized",
    /// Atlas refuses the address the call came from.
    AtlasIpNotAllowed = "Atlas.IpNotAllowed",
    /// Atlas's rate limit, or its limit of live tokens, held for longer than a call may wait.
    AtlasRateLimited = "Atlas.RateLimited",
    /// Atlas did not answer, answered with a server error, or left the outcome of a write unknown twice.
    AtlasUnavailable = "Atlas.Unavailable",
    /// Atlas could not assume the IAM role: usual for minutes after a change, wrong after that.
    AtlasCannotAssumeRole = "Atlas.CannotAssumeRole",
    /// Atlas does not (yet) know the access role as authorized.
    AtlasRoleNotAuthorized = "Atlas.RoleNotAuthorized",
    /// Atlas features still use the access role.
    AtlasRoleInUse = "Atlas.RoleInUse",
    /// What Atlas has contradicts the input, and atlas-cmk must not change it.
    AtlasConflict = "Atlas.Conflict",
    /// Atlas refuses the request for good.
    AtlasRejected = "Atlas.Rejected",
    /// A change to IAM or KMS is not visible everywhere yet.
    AwsPropagating = "Aws.Propagating",
    /// A policy would exceed, or has exceeded, a quota of IAM.
    IamQuotaExceeded = "Iam.QuotaExceeded",
    /// Atlas may not use the key: usual for minutes after a change of policy, wrong after that.
    KmsAccessDenied = "Kms.AccessDenied",
    /// The key is disabled, pending deletion, missing or in the wrong region.
    KmsKeyUnusable = "Kms.KeyUnusable",
    /// The key has no replica in a region that needs one.
    KmsNotReplicated = "Kms.NotReplicated",
    /// A role, a policy or a key contradicts the input, and atlas-cmk must not change it.
    AwsConflict = "Aws.Conflict",
    /// AWS refuses the request for good.
    AwsRejected = "Aws.Rejected",
    /// An AWS service did not answer or asked us to slow down for longer than a call may wait.
    AwsUnavailable = "Aws.Unavailable",
    /// A private endpoint failed and will not become active by waiting.
    EndpointFailed = "Endpoint.Failed",
    /// Private endpoints did not become active before the deadline.
    EndpointTimedOut = "Endpoint.TimedOut",
    /// A private endpoint is still being created, and Atlas deletes none of those.
    EndpointProvisioning = "Endpoint.Provisioning",
    /// Atlas still counts private endpoints that were deleted, or has created one again.
    EndpointStillCounted = "Endpoint.StillCounted",
    /// Atlas still counts a cluster that uses the key.
    ClusterStillEncrypted = "Cluster.StillEncrypted",
    /// A cluster did not become idle before the deadline.
    ClusterTimedOut = "Cluster.TimedOut",
    /// Everything was done, and yet the world does not equal the request: something else changes it too.
    VerificationFailed = "Verification.Failed",
    /// The assumption of a role does not work as it should: not with the external ID, or also without it.
    AccessVerificationFailed = "Access.VerificationFailed",
    /// The approver refused. Nothing was changed.
    ApprovalRefused = "Approval.Refused",
    /// A change that needs an approval has none.
    ApprovalMissing = "Approval.Missing",
    /// No approver answered in time. Nothing was changed.
    ApprovalTimedOut = "Approval.TimedOut",
    /// The function was deployed without something that it needs, or with something that it cannot use.
    DeploymentInvalid = "Deployment.Invalid",
    /// A bug of ours.
    Internal = "Internal",
}

impl ErrorName {
    /// The name that is written like this.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }

    /// Whether running again without fixing anything may help.
    pub fn passes_by_itself(self) -> bool {
        matches!(
            self,
            Self::AccountNotReady
                | Self::AtlasRateLimited
                | Self::AtlasUnavailable
                | Self::AtlasRoleNotAuthorized
                | Self::AwsPropagating
                | Self::AwsUnavailable
                | Self::EndpointTimedOut
                | Self::EndpointProvisioning
                | Self::EndpointStillCounted
                | Self::ClusterTimedOut
                | Self::ClusterStillEncrypted
                | Self::ApprovalTimedOut
        )
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a step failed: a name from the closed list and one sentence with what, where and the fix.
///
/// Messages are written by us or quoted from Atlas's and AWS's error fields; they never hold a request body or a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct Error {
    name: ErrorName,
    message: String,
    outcome_unknown: bool,
    source: Option<Failure>,
}

/// What another system answered, or which field of the input could not be read: the source of an [`Error`]. Whatever
/// depends on more than the name of an error depends on its code, and never on the words of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Atlas refused a call, with this `errorCode`.
    #[error("Atlas answered {0}")]
    Atlas(String),
    /// AWS refused a call, with this code, or with one of [`denial`].
    #[error("AWS answered {0}")]
    Aws(String),
    /// The field at this path is malformed.
    #[error("the field {0} is malformed")]
    Input(String),
}

impl Failure {
    /// The code, or the path of the field.
    pub fn code(&self) -> &str {
        match self {
            Self::Atlas(code) | Self::Aws(code) | Self::Input(code) => code,
        }
    }
}

/// Codes for what AWS says of a refusal in words only.
pub mod denial {
    /// A service control policy of the organization denies the call.
    pub const SERVICE_CONTROL_POLICY: &str = "DeniedByServiceControlPolicy";
    /// A resource control policy of the organization denies the call.
    pub const RESOURCE_CONTROL_POLICY: &str = "DeniedByResourceControlPolicy";
    /// Another policy denies the call explicitly.
    pub const EXPLICIT: &str = "DeniedExplicitly";
    /// No permissions boundary of the caller allows the call.
    pub const PERMISSIONS_BOUNDARY: &str = "DeniedByPermissionsBoundary";
    /// What the policy of a key that was just made allows is denied until it is known everywhere.
    pub const NEW_KEY: &str = "DeniedUntilKeyIsKnown";
}

/// The result of anything that can fail with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with the given name and sentence.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), outcome_unknown: false, source: None }
    }

    /// A write may or may not have taken place: read again before writing again.
    #[must_use]
    pub fn with_unknown_outcome(mut self) -> Self {
        self.outcome_unknown = true;
        self
    }

    /// With what caused it.
    #[must_use]
    pub fn because_of(mut self, source: Failure) -> Self {
        self.source = Some(source);
        self
    }

    /// The same failure, with the same source, under another name and in other words.
    #[must_use]
    pub fn restated(self, name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), ..self }
    }

    /// What another system answered, or which field is malformed, as a code; see [`Failure`].
    pub fn code(&self) -> Option<&str> {
        self.source.as_ref().map(Failure::code)
    }

    /// The name that state machines match on.
    pub fn name(&self) -> ErrorName {
        self.name
    }

    /// The sentence that people read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the write that failed may have taken place all the same.
    pub fn outcome_is_unknown(&self) -> bool {
        self.outcome_unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_leave_the_prefix_of_step_functions_alone() {
        let mut names: Vec<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
        assert!(names.iter().all(|name| !name.starts_with("States.") && !name.starts_with("Lambda.")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorName::ALL.len());
    }
}
