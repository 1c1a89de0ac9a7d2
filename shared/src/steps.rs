//! The steps, one module each.

pub mod approve;
pub mod attach_access_policy;
pub mod authorize_role;
pub mod cancel_authorization;
pub mod check_cluster;
pub mod check_credential;
pub mod check_endpoints;
pub mod check_keys;
pub mod create_access_policy;
pub mod create_endpoint;
pub mod create_role;
pub mod deauthorize_role;
pub mod delete_endpoint;
pub mod describe;
pub mod diagnose;
pub mod disable_kms;
pub mod enable_kms;
pub mod ensure_key;
pub mod ensure_project;
pub mod find_missed_accounts;
pub mod grant_key;
pub mod list_projects;
pub mod on_account_vended;
pub mod on_change;
pub mod order;
pub mod plan;
pub mod plan_access;
pub mod plan_disable;
pub mod preflight;
pub mod publish_report;
pub mod put_profile;
pub mod register;
pub mod remove_trust;
pub mod replicate_key;
pub mod request_approval;
pub mod restore_key;
pub mod revoke_key;
mod sentences;
pub mod set_cluster_encryption;
pub mod summarize_project;
pub mod take_turn;
pub mod unregister;
pub mod update_trust;
pub mod verify;
pub mod verify_access;

use schemars::JsonSchema;

pub(crate) use self::update_trust::RolePolicies;
use crate::step::{Reply, Step};

/// Names every step once. `for_each_step` visits them; nothing that runs as a function does, for it would contain all
/// of them.
macro_rules! steps {
    ($($module:ident::$step:ident),* $(,)?) => {
        $(pub use $module::$step;)*

        /// Visits every step, in the order of their names.
        pub fn for_each_step(visitor: &mut impl VisitStep) {
            $(visitor.visit::<$step>();)*
        }
    };
}

steps! {
    approve::Approve,
    attach_access_policy::AttachAccessPolicy,
    authorize_role::AuthorizeRole,
    cancel_authorization::CancelAuthorization,
    check_cluster::CheckCluster,
    check_credential::CheckCredential,
    check_endpoints::CheckEndpoints,
    check_keys::CheckKeys,
    create_access_policy::CreateAccessPolicy,
    create_endpoint::CreateEndpoint,
    create_role::CreateRole,
    deauthorize_role::DeauthorizeRole,
    delete_endpoint::DeleteEndpoint,
    describe::Describe,
    diagnose::Diagnose,
    disable_kms::DisableKms,
    enable_kms::EnableKms,
    ensure_key::EnsureKey,
    ensure_project::EnsureProject,
    find_missed_accounts::FindMissedAccounts,
    grant_key::GrantKey,
    list_projects::ListProjects,
    on_account_vended::OnAccountVended,
    on_change::OnChange,
    plan::Plan,
    plan_access::PlanAccess,
    plan_disable::PlanDisable,
    preflight::Preflight,
    publish_report::PublishReport,
    put_profile::PutProfile,
    register::Register,
    remove_trust::RemoveTrust,
    replicate_key::ReplicateKey,
    request_approval::RequestApproval,
    restore_key::RestoreKey,
    revoke_key::RevokeKey,
    set_cluster_encryption::SetClusterEncryption,
    summarize_project::SummarizeProject,
    take_turn::TakeTurn,
    unregister::Unregister,
    update_trust::UpdateTrust,
    verify::Verify,
    verify_access::VerifyAccess,
}

/// What is done with every step: by tests, documentation and tools.
pub trait VisitStep {
    /// Does it with one.
    fn visit<S: Step>(&mut self)
    where
        Reply<S::Output>: JsonSchema;
}
