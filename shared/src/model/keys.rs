//! Where the replicas of a key are, and when a tag of it counts.

use crate::{
    error::{Error, ErrorName, Failure, Result, denial},
    ids::{KmsKeyArn, Region},
};

/// The ARN of the replica.
pub(crate) fn replica_of(key: &KmsKeyArn, region: &Region) -> Result<KmsKeyArn> {
    key.replica_in(region).ok_or_else(|| {
        Error::new(
            ErrorName::KmsNotReplicated,
            format!(
                "{key} is a single-Region key, which cannot be replicated to {region}; run with a multi-Region key"
            ),
        )
    })
}

/// What we may do with a key of ours depends on its tag, and a tag takes up to five minutes to count (KMS developer
/// guide, "ABAC for AWS KMS"): a state machine retries after a refusal. What a policy denies explicitly stays denied.
pub(crate) fn until_tags_count(error: Error) -> Error {
    match error.name() {
        _ if matches!(
            error.code(),
            Some(denial::EXPLICIT | denial::SERVICE_CONTROL_POLICY | denial::RESOURCE_CONTROL_POLICY)
        ) =>
        {
            error
        }
        ErrorName::AccountAccessDenied | ErrorName::KmsKeyUnusable => Error::new(
            ErrorName::AwsPropagating,
            format!("{} (tag-based permissions on a new key take up to five minutes)", error.message()),
        )
        .because_of(Failure::Aws(denial::TAGS_OF_NEW_KEY.to_owned())),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_waits_for_tags_unless_a_policy_denies_explicitly() {
        for (code, name) in [
            ("AccessDeniedException", ErrorName::AwsPropagating),
            (denial::EXPLICIT, ErrorName::AccountAccessDenied),
            (denial::SERVICE_CONTROL_POLICY, ErrorName::AccountAccessDenied),
        ] {
            let refusal = Error::new(ErrorName::AccountAccessDenied, "x").because_of(Failure::Aws(code.to_owned()));
            assert_eq!(until_tags_count(refusal).name(), name, "{code}");
        }
    }
}
