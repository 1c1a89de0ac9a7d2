//! Where the replicas of a key are, and how long a new key takes to be known.

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

/// A new key, its policy and a change of that policy take up to some minutes to be known everywhere (KMS developer guide,
/// "Eventual consistency"): a state machine retries after a refusal. What a policy denies explicitly stays denied.
pub(crate) fn until_it_is_known(error: Error) -> Error {
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
            format!("{} (a new key or key policy takes up to some minutes to be known everywhere)", error.message()),
        )
        .because_of(Failure::Aws(denial::NEW_KEY.to_owned())),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_waited_out_unless_a_policy_denies_explicitly() {
        for (code, name) in [
            ("AccessDeniedException", ErrorName::AwsPropagating),
            (denial::EXPLICIT, ErrorName::AccountAccessDenied),
            (denial::SERVICE_CONTROL_POLICY, ErrorName::AccountAccessDenied),
        ] {
            let refusal = Error::new(ErrorName::AccountAccessDenied, "x").because_of(Failure::Aws(code.to_owned()));
            assert_eq!(until_it_is_known(refusal).name(), name, "{code}");
        }
    }
}
