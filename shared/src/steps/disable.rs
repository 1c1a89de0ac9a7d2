//! Disabling, in the only order that Atlas accepts, and the approval that it needs.

pub mod answer_approval;
pub mod cancel_authorization;
pub mod deauthorize_role;
pub mod delete_endpoint;
pub mod remove_key_use;
pub mod remove_trust;
pub mod request_approval;
pub mod unregister;
pub mod update_encryption;
