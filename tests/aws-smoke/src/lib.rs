//! A smoke test for a real AWS account: deploys the stack under a name of its own, checks what AWS was never seen to
//! accept, and removes everything. It runs against the embedded cloud, too.
//!
//! - [`name`]: what a smoke test is called; everything that it makes is found by that.
//! - [`run`]: deploys, checks, and removes.
//! - [`remove`]: removes what a smoke test has made, also one that has died.
//! - [`checks`]: the checks.

mod aws;
pub mod checks;
pub mod name;
pub mod remove;
pub mod run;

pub use aws::account_of_the_environment;
pub use name::Name;
