//! From an Atlas project and a key in AWS to a project that is encrypted with it.

pub mod allow_key_use;
pub mod authorize_role;
pub mod check_cluster;
pub mod check_endpoints;
pub mod create_endpoint;
pub mod create_role;
pub mod enable_kms;
pub mod ensure_key;
pub mod ensure_project;
pub mod record_obligation;
pub mod register;
pub mod replicate_key;
pub mod set_cluster_encryption;
pub mod update_trust;
