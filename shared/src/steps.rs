//! The steps, one module each, in the order in which they run.

pub mod authorize_role;
pub mod check_endpoints;
pub mod create_endpoint;
pub mod create_role;
pub mod enable_kms;
pub mod update_trust;
pub mod verify;

pub use authorize_role::AuthorizeRole;
pub use check_endpoints::CheckEndpoints;
pub use create_endpoint::CreateEndpoint;
pub use create_role::CreateRole;
pub use enable_kms::EnableKms;
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
