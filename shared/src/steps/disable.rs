//! Disabling, in the only order that Atlas accepts, and the approval that it needs.

pub mod approve;
pub mod cancel_authorization;
pub mod deauthorize_role;
pub mod delete_endpoint;
pub mod disable_kms;
pub mod remove_trust;
pub mod request_approval;
pub mod revoke_key;
pub mod unregister;
