//! Clusters as tests ask for them.

use serde::{Deserialize, Serialize};

/// A cluster as a test asks for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterSpec {
    pub(crate) name: String,
    pub(crate) instance_size: String,
    /// In the spelling of Atlas, the preferred one first.
    pub(crate) regions: Vec<String>,
    #[serde(default)]
    pub(super) paused: bool,
    #[serde(default = "none")]
    pub(super) encryption_at_rest_provider: String,
    #[serde(default = "aws")]
    pub(super) provider_name: String,
    #[serde(default)]
    pub(super) termination_protection_enabled: bool,
    #[serde(default)]
    pub(super) search_nodes: Option<SearchNodes>,
}

/// The dedicated search nodes of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SearchNodes {
    instance_size: String,
    node_count: u8,
}

fn none() -> String {
    "NONE".to_owned()
}

fn aws() -> String {
    "AWS".to_owned()
}

impl ClusterSpec {
    /// What is wrong with the cluster, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        let name = &self.name;
        if self.regions.is_empty() {
            return Some(format!("The cluster {name:?} needs at least one region."));
        }
        if !matches!(self.encryption_at_rest_provider.as_str(), "NONE" | "AWS") {
            return Some(format!("encryptionAtRestProvider of the cluster {name:?} can be NONE or AWS."));
        }
        // Inference: fewer than two would not survive the loss of one.
        if self.search_nodes.as_ref().is_some_and(|nodes| !(2..=32).contains(&nodes.node_count)) {
            return Some(format!("The cluster {name:?} can have 2 to 32 search nodes."));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_no_cluster_can_be_is_refused_in_a_sentence() -> serde_json::Result<()> {
        let table = [
            (json!({"regions": []}), "region"),
            (json!({"encryptionAtRestProvider": "GCP"}), "NONE or AWS"),
            (json!({"searchNodes": {"instanceSize": "S20_HIGHCPU_NVME", "nodeCount": 1}}), "search nodes"),
        ];
        for (change, word) in table {
            let mut spec = json!({"name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"]});
            for (name, value) in change.as_object().into_iter().flatten() {
                spec[name] = value.clone();
            }
            let spec: ClusterSpec = serde_json::from_value(spec)?;
            assert!(spec.problem().is_some_and(|problem| problem.contains(word)), "{spec:?}");
        }
        Ok(())
    }
}
