//! In which order the steps of enabling and of disabling follow one another. A contract test compares the state
//! machines with it, and a planner adds changes in this order only.

use crate::{
    answers::{plan_disable::PlanDisable, preflight::Preflight, verify::Verify},
    error::{Error, ErrorName, Result},
    report::{Described, PlannedChange},
    step::Step,
    steps::{
        disable::{
            deauthorize_role::DeauthorizeRole, delete_endpoint::DeleteEndpoint, remove_key_use::RemoveKeyUse,
            remove_trust::RemoveTrust, request_approval::RequestApproval, unregister::Unregister,
            update_encryption::UpdateEncryption,
        },
        enable::{
            allow_key_use::AllowKeyUse, authorize_role::AuthorizeRole, check_cluster::CheckCluster,
            check_endpoints::CheckEndpoints, create_endpoint::CreateEndpoint, create_role::CreateRole,
            enable_kms::EnableKms, ensure_key::EnsureKey, ensure_project::EnsureProject,
            record_obligation::RecordObligation, register::Register, replicate_key::ReplicateKey,
            set_cluster_encryption::SetClusterEncryption, update_trust::UpdateTrust,
        },
        watch::take_turn::TakeTurn,
    },
};

/// Of the state machine `enable-encryption`.
pub const ENABLING: [&str; 21] = [
    RecordObligation::NAME,
    Preflight::NAME,
    RequestApproval::NAME,
    // The answer may have taken days.
    Preflight::NAME,
    EnsureProject::NAME,
    TakeTurn::NAME,
    EnsureKey::NAME,
    ReplicateKey::NAME,
    CreateRole::NAME,
    // What is going to be done is announced before role and key policies change.
    Register::NAME,
    UpdateTrust::NAME,
    AllowKeyUse::NAME,
    // Atlas assumes the role while it answers.
    AuthorizeRole::NAME,
    EnableKms::NAME,
    CreateEndpoint::NAME,
    CheckEndpoints::NAME,
    CheckCluster::NAME,
    SetClusterEncryption::NAME,
    CheckCluster::NAME,
    Verify::NAME,
    Register::NAME,
];

/// Of the state machine `disable-encryption`: the only order that Atlas accepts.
pub const DISABLING: [&str; 16] = [
    PlanDisable::NAME,
    RequestApproval::NAME,
    // The answer may have taken days.
    PlanDisable::NAME,
    TakeTurn::NAME,
    CheckEndpoints::NAME,
    DeleteEndpoint::NAME,
    CheckEndpoints::NAME,
    // Private networking.
    UpdateEncryption::NAME,
    CheckCluster::NAME,
    SetClusterEncryption::NAME,
    CheckCluster::NAME,
    // The keys.
    UpdateEncryption::NAME,
    DeauthorizeRole::NAME,
    // A key policy that names a deleted role cannot be written, and the role's own policy lists its keys.
    RemoveKeyUse::NAME,
    RemoveTrust::NAME,
    Unregister::NAME,
];

/// What is planned so far, in the order of the steps.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The steps from the last one on.
    rest: &'static [&'static str],
    /// The changes.
    pub(crate) changes: Vec<PlannedChange>,
}

impl Plan {
    /// Nothing yet.
    pub(crate) fn in_order(order: &'static [&'static str]) -> Self {
        Self { rest: order, changes: Vec::new() }
    }

    /// Adds the changes of a step.
    ///
    /// # Errors
    /// `Internal` if the step does not follow in this order.
    pub(crate) fn add<C: Described>(&mut self, step: &str, changes: &[C]) -> Result<()> {
        let Some(skipped) = self.rest.iter().position(|name| *name == step) else {
            return Err(Error::new(ErrorName::Internal, format!("a bug: {step} is planned out of order")));
        };
        self.rest = &self.rest[skipped..];
        self.changes.extend(
            changes.iter().filter(|change| change.is_difference()).map(|change| change.description().planned(step)),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::enable::update_trust::RoleChange;

    #[test]
    fn a_planner_goes_forwards_only() {
        let mut plan = Plan::in_order(&ENABLING);
        let mut add = |step: &str| plan.add::<RoleChange>(step, &[]);
        for step in ["ensure-key", "replicate-key", "replicate-key", "register", "update-trust", "register"] {
            add(step).unwrap();
        }
        assert_eq!(add("update-trust").unwrap_err().name(), ErrorName::Internal);
        assert!(add("restrict-network").is_err());
    }
}
