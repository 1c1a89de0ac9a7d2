//! Whole executions on the embedded cloud: the real binaries, the real template, an AWS that enforces IAM, an Atlas
//! that assumes the role and uses the key. What is asserted is the state of the world afterwards.
//!
//! One engine serves all tests of this process; each test has an account, a stack and a simulator of its own.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

mod accessing;
mod across_accounts;
mod approving;
mod attacker;
mod attacks;
mod capabilities;
mod changing;
mod clusters;
mod deploying;
mod describing;
mod diagnosing;
mod disabling;
mod enabling;
mod failing;
mod forging;
mod function_process;
mod histories;
mod keys;
mod limiting;
mod listening;
mod measuring;
mod owing;
mod owning;
mod permissions;
mod planning;
mod racing;
mod refusing;
mod registering;
mod repeating;
mod resuming;
mod rights;
mod smoke;
mod sweeping;
mod taking_down_races;
mod token_cache;
mod turns;
mod vending;
mod world;
