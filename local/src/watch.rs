//! Tells a person live what an execution does.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{execution::Happening, progress};

/// Remembers what was told, so that a region's status is told when it changes and not on every look.
#[derive(Debug, Default)]
pub struct Watch {
    statuses: BTreeMap<String, String>,
}

impl Watch {
    /// Tells what happened, if it is news.
    pub fn tell(&mut self, happening: &Happening) {
        match happening {
            Happening::Entered(state) => progress::step(state),
            Happening::AttemptFailed { error, reason } => progress::plain(&format!("    not yet ({error}): {reason}")),
            Happening::Told(output) => {
                for endpoint in output["endpoints"].as_array().into_iter().flatten() {
                    self.tell_endpoint(endpoint);
                }
            }
        }
    }

    fn tell_endpoint(&mut self, endpoint: &Value) {
        let (Some(region), Some(status)) = (endpoint["region"].as_str(), endpoint["status"].as_str()) else { return };
        if self.statuses.insert(region.to_owned(), status.to_owned()).as_deref() != Some(status) {
            progress::plain(&format!("    {region}: {status}"));
        }
    }
}
