//! The embedded cloud: everything on one machine, with no account anywhere.
//!
//! - [`engine`]: AWS, played by MiniStack with IAM enforcement on.
//! - [`atlas_sim`]: Atlas, which calls that AWS the way Atlas does.
//! - [`functions`]: the real Lambda binaries, zipped.
//! - [`deploy`]: the real template, through CloudFormation.
//! - [`seed`]: an account and a project as a customer has them before the first enablement.
//! - [`execution`]: one run of a state machine, followed and measured.
//! - [`watch`] and [`progress`]: what a person sees of it meanwhile.
//! - [`events`] and [`mailbox`]: what starts executions besides people, and what is published about them.
//!
//! What an engine cannot do as AWS does is worked around here and documented here, never in the product.

pub mod account;
pub mod approver;
pub mod cloud;
pub mod deploy;
pub mod engine;
pub mod events;
pub mod execution;
pub mod functions;
pub mod http;
pub mod mailbox;
pub mod port;
pub mod progress;
pub mod registry;
pub mod release;
pub mod report;
pub mod seed;
pub mod simulator;
pub mod snapshot;
pub mod watch;
pub mod workspace;

pub use account::Account;
pub use cloud::Cloud;
