//! The simulator, spoken to over real HTTP, without AWS: every access is granted.

mod authentication;
mod backup_compliance;
mod clusters;
mod conventions;
mod encryption;
mod endpoints;
mod faults;
mod roles;
mod world;
