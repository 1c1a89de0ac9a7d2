//! The one list of steps, each of which is a Lambda function. Tests, documentation and tools read it; nothing that runs as
//! a function does, for it would contain all of them.

use schemars::JsonSchema;

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the folders of all steps"))]
use crate::{
    answers::*,
    step::{Reply, Step},
    steps::{access::*, disable::*, enable::*, vending::*, watch::*},
};

/// Names every step once.
macro_rules! functions {
    ($($module:ident::$step:ident),* $(,)?) => {
        $(pub use $module::$step;)*

        /// Visits every step.
        pub fn for_each_step(visitor: &mut impl VisitStep) {
            $(visitor.visit::<$step>();)*
        }
    };
}

functions! {
    // answers
    describe::Describe,
    diagnose::Diagnose,
    plan_access::PlanAccess,
    plan_disable::PlanDisable,
    preflight::Preflight,
    verify::Verify,
    // steps/enable
    allow_key_use::AllowKeyUse,
    authorize_role::AuthorizeRole,
    check_cluster::CheckCluster,
    check_endpoints::CheckEndpoints,
    create_endpoint::CreateEndpoint,
    create_role::CreateRole,
    enable_kms::EnableKms,
    ensure_key::EnsureKey,
    ensure_project::EnsureProject,
    record_obligation::RecordObligation,
    register::Register,
    replicate_key::ReplicateKey,
    set_cluster_encryption::SetClusterEncryption,
    update_trust::UpdateTrust,
    // steps/disable
    answer_approval::AnswerApproval,
    cancel_authorization::CancelAuthorization,
    deauthorize_role::DeauthorizeRole,
    delete_endpoint::DeleteEndpoint,
    remove_key_use::RemoveKeyUse,
    remove_trust::RemoveTrust,
    request_approval::RequestApproval,
    unregister::Unregister,
    update_encryption::UpdateEncryption,
    // steps/access
    converge_access_policy::ConvergeAccessPolicy,
    converge_attachment::ConvergeAttachment,
    verify_access::VerifyAccess,
    // steps/vending
    find_missed_accounts::FindMissedAccounts,
    on_account_vended::OnAccountVended,
    put_profile::PutProfile,
    // steps/watch
    check_credential::CheckCredential,
    guard_keys::GuardKeys,
    list_projects::ListProjects,
    on_change::OnChange,
    publish_report::PublishReport,
    restore_key::RestoreKey,
    retry_obligations::RetryObligations,
    summarize_project::SummarizeProject,
    take_turn::TakeTurn,
    waive_obligation::WaiveObligation,
}

/// What is done with every step: by tests, documentation and tools.
pub trait VisitStep {
    /// Does it with one.
    fn visit<S: Step>(&mut self)
    where
        Reply<S::Output>: JsonSchema;
}
