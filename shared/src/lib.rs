//! Customer-managed encryption keys for MongoDB Atlas projects, over private networking: everything that the step functions
//! are built from.
//!
//! - [`steps`]: one module per step, each with its input, its output and its observe, decide and act.
//! - [`step`] and [`runtime`]: what a step is, and the one way it becomes a Lambda function.
//! - [`atlas`] and [`aws`]: the two clouds, as typed calls.
//! - [`policy`] and [`ids`]: the two kinds of text that must never be handled as mere text.
//! - [`error`]: the closed list of names a function fails with.

pub mod atlas;
pub mod aws;
pub mod change;
pub mod error;
pub mod http;
pub mod ids;
pub mod policy;
pub mod request;
pub mod runtime;
pub mod settings;
pub mod step;
pub mod steps;

pub use error::{Error, ErrorName, Result};
