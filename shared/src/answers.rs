//! The steps that answer about the whole of a project or an access: what stands in the way, what would change, what
//! differs. They read both sides and run the decisions of the steps, of which none knows them.

pub mod describe;
pub mod diagnose;
pub(crate) mod findings;
pub mod order;
pub(crate) mod plan;
pub mod plan_access;
pub mod plan_disable;
pub mod preflight;
pub mod survey;
pub mod verify;
