//! Cross-account role access with an external ID.

pub mod converge_access_policy;
pub mod converge_attachment;
pub mod verify_access;
