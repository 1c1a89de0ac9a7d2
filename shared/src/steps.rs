//! The steps that change something or wait for it, by what they belong to. None of them knows another; the order in which
//! they follow one another is that of the state machines.

pub mod access;
pub mod disable;
pub mod enable;
pub mod vending;
pub mod watch;
