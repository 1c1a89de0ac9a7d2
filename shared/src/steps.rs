//! The steps, one module each.

pub mod approve;
pub mod attach_access_policy;
pub mod authorize_role;
pub mod cancel_authorization;
pub mod check_cluster;
pub mod check_credential;
pub mod check_endpoints;
pub mod check_endpoints_gone;
pub mod check_keys;
pub mod create_access_policy;
pub mod create_endpoint;
pub mod create_role;
pub mod deauthorize_role;
pub mod delete_endpoint;
pub mod describe;
pub mod diagnose;
pub mod disable_cluster;
pub mod disable_kms;
pub mod enable_cluster;
pub mod enable_kms;
pub mod ensure_key;
pub mod ensure_project;
pub mod find_leftovers;
pub mod find_missed_accounts;
pub mod grant_key;
pub mod list_projects;
pub mod on_account_vended;
pub mod on_change;
pub mod plan;
pub mod plan_access;
pub mod plan_disable;
pub mod preflight;
pub mod put_profile;
pub mod register;
pub mod remove_trust;
pub mod replicate_key;
pub mod report_drift;
pub mod report_sweep;
pub mod request_approval;
pub mod restore_key;
pub mod revoke_key;
mod sentences;
pub mod take_turn;
pub mod unregister;
pub mod update_trust;
pub mod verify;
pub mod verify_access;

pub use approve::Approve;
pub use attach_access_policy::AttachAccessPolicy;
pub use authorize_role::AuthorizeRole;
pub use cancel_authorization::CancelAuthorization;
pub use check_cluster::CheckCluster;
pub use check_credential::CheckCredential;
pub use check_endpoints::CheckEndpoints;
pub use check_endpoints_gone::CheckEndpointsGone;
pub use check_keys::CheckKeys;
pub use create_access_policy::CreateAccessPolicy;
pub use create_endpoint::CreateEndpoint;
pub use create_role::CreateRole;
pub use deauthorize_role::DeauthorizeRole;
pub use delete_endpoint::DeleteEndpoint;
pub use describe::Describe;
pub use diagnose::Diagnose;
pub use disable_cluster::DisableCluster;
pub use disable_kms::DisableKms;
pub use enable_cluster::EnableCluster;
pub use enable_kms::EnableKms;
pub use ensure_key::EnsureKey;
pub use ensure_project::EnsureProject;
pub use find_leftovers::FindLeftovers;
pub use find_missed_accounts::FindMissedAccounts;
pub use grant_key::GrantKey;
pub use list_projects::ListProjects;
pub use on_account_vended::OnAccountVended;
pub use on_change::OnChange;
pub use plan::Plan;
pub use plan_access::PlanAccess;
pub use plan_disable::PlanDisable;
pub use preflight::Preflight;
pub use put_profile::PutProfile;
pub use register::Register;
pub use remove_trust::RemoveTrust;
pub use replicate_key::ReplicateKey;
pub use report_drift::ReportDrift;
pub use report_sweep::ReportSweep;
pub use request_approval::RequestApproval;
pub use restore_key::RestoreKey;
pub use revoke_key::RevokeKey;
pub use take_turn::TakeTurn;
pub use unregister::Unregister;
pub(crate) use update_trust::RolePolicies;
pub use update_trust::UpdateTrust;
pub use verify::Verify;
pub use verify_access::VerifyAccess;

use crate::change::{self, Action};

/// The change of a step that only reads: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoChange {}

impl change::Describe for NoChange {
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
