//! Every request that came in, for tests to look at afterwards.

use serde::Serialize;
use serde_json::Value;

/// One request and what became of it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The how-manieth request since the start, or since the log was emptied.
    pub(crate) n: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The status answered; 0 when the connection was cut instead.
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<String>,
    /// The public key or client id, proven or only claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<String>,
    pub(crate) authenticated: bool,
    /// Real milliseconds until the answer was ready.
    pub(crate) millis: u64,
    /// The fault that hit this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: Vec<Entry>,
}

impl RequestLog {
    /// Adds an entry and numbers it.
    pub(crate) fn add(&mut self, mut entry: Entry) {
        entry.n = self.entries.len() as u64 + 1;
        self.entries.push(entry);
    }

    /// All entries, or those of one project.
    pub(crate) fn entries(&self, project: Option<&str>) -> Vec<Entry> {
        let concerns = |entry: &&Entry| project.is_none_or(|id| entry.path.split('/').any(|segment| segment == id));
        self.entries.iter().filter(concerns).cloned().collect()
    }

    /// Empties the log.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_numbered_and_found_by_project() {
        let mut log = RequestLog::default();
        for path in ["/api/oauth/token", "/api/atlas/v2/groups/abc/clusters"] {
            log.add(Entry { path: path.to_owned(), ..Entry::default() });
        }
        let numbers = |project| -> Vec<u64> { log.entries(project).iter().map(|entry| entry.n).collect() };
        assert_eq!(numbers(None), [1, 2]);
        assert_eq!(numbers(Some("abc")), [2]);
        assert!(numbers(Some("ab")).is_empty());
    }
}
