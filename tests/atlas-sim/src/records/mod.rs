//! What Atlas remembers, and how it changes: no network, no clock, no locks.

pub(crate) mod cloud_provider_access;
pub(crate) mod clusters;
pub(crate) mod encryption_at_rest;
pub(crate) mod private_endpoints;
pub(crate) mod projects;
