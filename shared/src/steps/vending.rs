//! Accounts that a pipeline creates, and the profiles that say what is enabled for them.

pub mod find_missed_accounts;
pub mod on_account_vended;
pub mod put_profile;
