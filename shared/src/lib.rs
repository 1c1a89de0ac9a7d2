//! Customer-managed encryption keys for MongoDB Atlas projects, over private networking: everything that the step
//! functions are built from.
//!
//! - [`steps`]: one module per step, each with its input, its output and its observe, decide and act.
//! - [`answers`]: the steps that answer about the whole of a project, and everything that they read and judge.
//! - [`functions`]: the list of all steps.
//! - [`step`] and [`runtime`]: what a step is, and the one way it becomes a Lambda function.
//! - [`model`] and [`report`]: what steps share, and what people read.
//! - [`atlas`] and [`aws`]: the two clouds, as typed calls.
//! - [`policy`] and [`ids`]: the two kinds of text that must never be handled as mere text.
//! - [`events`]: what vending pipelines, KMS and IAM report.
//! - [`registry`] and [`profile`]: what is written down of projects, and of accounts to come.
//! - [`error`]: the closed list of names a function fails with.

#![warn(clippy::disallowed_methods)]

pub mod answers;
pub mod atlas;
pub mod aws;
pub mod error;
pub mod events;
pub mod failure;
pub mod fingerprint;
#[cfg(test)]
mod fixtures;
pub mod functions;
pub mod http;
pub mod ids;
pub mod model;
pub mod policy;
pub mod profile;
pub mod registry;
pub mod report;
pub mod request;
pub mod runtime;
pub mod settings;
pub mod step;
pub mod steps;
pub mod tags;

pub use error::{Error, ErrorName, Result};
