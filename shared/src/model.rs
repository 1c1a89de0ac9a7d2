//! What steps share: our statements and who owns which Sid, which record is ours, when two keys are the same, which
//! private endpoint counts.

pub mod access_records;
pub(crate) mod adoption;
pub mod clusters;
pub mod enablement;
pub(crate) mod encryption;
pub mod endpoints;
pub(crate) mod keys;
pub(crate) mod owner;
pub(crate) mod placeholder;
pub mod role_policies;
pub(crate) mod statements;
