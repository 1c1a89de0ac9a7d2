//! The Atlas client against the simulator, and against raw sockets for what a simulator cannot do.
//!
//! Tests look at what is left behind: the records Atlas has, the requests it got, the name a call failed with. None
//! looks at a clock.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

mod authentication;
mod aws;
mod deadlines;
mod errors;
mod outcomes;
mod peer;
mod reading;
mod requests;
mod retries;
mod rotation;
mod world;
