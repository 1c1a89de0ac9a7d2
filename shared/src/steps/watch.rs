//! What happens to keys, roles and projects that are enabled: events, sweeps and reports.

pub mod affected;
pub mod check_credential;
pub mod guard_keys;
pub mod list_projects;
pub mod on_change;
pub mod publish_report;
pub mod reactions;
pub mod restore_key;
pub mod retry_obligations;
pub mod summarize_project;
pub mod take_turn;
pub mod waive_obligation;
