//! When two names mean one key, and where its replicas are.

use crate::{
    error::{Error, ErrorName, Result},
    ids::{KmsKeyArn, Region},
};

/// Whether Atlas's name of a key, its ARN in some region or its mere id, means this one.
pub(crate) fn is_same_key(named: &str, key: &KmsKeyArn) -> bool {
    named.rsplit('/').next() == Some(key.key_id())
}

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
