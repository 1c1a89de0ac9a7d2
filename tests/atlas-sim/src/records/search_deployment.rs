//! The search nodes of a cluster, as the API shows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::clusters::Cluster;

impl Cluster {
    /// The answer to a GET of the search deployment. Without search nodes it is empty (recorded answers).
    ///
    /// Search nodes use the key of the cluster if the project says so (Atlas API spec); that they change together
    /// with the cluster is our inference.
    pub(crate) fn search_deployment(&self, group_id: &str, enabled_for_search_nodes: bool, now: Duration) -> Value {
        let Some(nodes) = &self.spec.search_nodes else {
            return json!({});
        };
        let provider = if self.is_encrypted() && enabled_for_search_nodes { "AWS" } else { "NONE" };
        let state = match self.state_name(now) {
            "IDLE" if self.spec.paused => "PAUSED",
            "IDLE" => "IDLE",
            _ => "UPDATING",
        };
        json!({
            "effectiveSpecs": [nodes],
            "encryptionAtRestProvider": provider,
            "groupId": group_id,
            "id": self.search_id,
            "specs": [nodes],
            "stateName": state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(provider: &str, paused: bool) -> Cluster {
        let spec = json!({
            "name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": paused,
            "encryptionAtRestProvider": provider,
            "searchNodes": {"instanceSize": "S20_HIGHCPU_NVME", "nodeCount": 2},
        });
        Cluster::new(serde_json::from_value(spec).expect("a cluster"))
    }

    #[test]
    fn search_nodes_use_the_key_if_both_cluster_and_project_do() {
        let table = [("AWS", true, "AWS"), ("AWS", false, "NONE"), ("NONE", true, "NONE"), ("NONE", false, "NONE")];
        for (provider, for_search, expected) in table {
            let body = cluster(provider, false).search_deployment("g", for_search, Duration::ZERO);
            assert_eq!(body["encryptionAtRestProvider"], expected, "{provider} {for_search}");
        }
    }

    #[test]
    fn search_nodes_rest_and_pause_with_their_cluster() {
        let state = |paused| cluster("NONE", paused).search_deployment("g", false, Duration::ZERO)["stateName"].clone();
        assert_eq!((state(false), state(true)), (json!("IDLE"), json!("PAUSED")));
    }
}
