//! The contract between the Rust types, the schemas, the state machines, the template and the sample events: what each
//! takes for granted of the others is checked here, before anything runs.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

mod deployment;
mod documentation;
mod events;
mod guardrails;
mod modules;
mod mutations;
mod order;
mod payloads;
mod permissions;
mod permissions_page;
mod registry;
mod retries;
mod schemas;
mod state_machines;
mod statements;
