//! Cross-account role access with an external ID.

pub mod attach_access_policy;
pub mod create_access_policy;
pub mod verify_access;
