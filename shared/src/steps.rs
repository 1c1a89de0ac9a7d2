//! The steps, one module each.

pub mod authorize_role;
pub mod check_cluster;
pub mod check_endpoints;
pub mod create_endpoint;
pub mod create_role;
pub mod diagnose;
pub mod enable_cluster;
pub mod enable_kms;
pub mod ensure_key;
pub mod ensure_project;
pub mod grant_key;
pub mod plan;
pub mod preflight;
pub mod register;
pub mod replicate_key;
pub mod update_trust;
pub mod verify;

pub use authorize_role::AuthorizeRole;
pub use check_cluster::CheckCluster;
pub use check_endpoints::CheckEndpoints;
pub use create_endpoint::CreateEndpoint;
pub use create_role::CreateRole;
pub use diagnose::Diagnose;
pub use enable_cluster::EnableCluster;
pub use enable_kms::EnableKms;
pub use ensure_key::EnsureKey;
pub use ensure_project::EnsureProject;
pub use grant_key::GrantKey;
pub use plan::Plan;
pub use preflight::Preflight;
pub use register::Register;
pub use replicate_key::ReplicateKey;
pub(crate) use update_trust::RolePolicies;
pub use update_trust::UpdateTrust;
pub use verify::Verify;

use crate::change::{Action, Describe};

/// The change of a step that only reads: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoChange {}

impl Describe for NoChange {
    fn action(&self) -> Action {
        match *self {}
    }

    fn resource(&self) -> String {
        match *self {}
    }

    fn summary(&self) -> String {
        match *self {}
    }
}
