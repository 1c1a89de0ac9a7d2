//! What Atlas remembers, and how it changes: no network, no clock, no locks.

pub(crate) mod backup_compliance_policy;
pub(crate) mod cloud_provider_access;
mod cluster_shape;
pub(crate) mod cluster_spec;
pub(crate) mod clusters;
pub(crate) mod encryption_at_rest;
pub(crate) mod encryption_plan;
pub(crate) mod feature_usages;
pub(crate) mod private_endpoint;
pub(crate) mod private_endpoints;
pub(crate) mod projects;
mod search_deployment;
