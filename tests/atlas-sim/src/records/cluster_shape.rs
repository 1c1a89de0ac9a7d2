//! Clusters as the API shows them.

use std::time::Duration;

use serde_json::{Value, json};

use super::clusters::Cluster;

impl Cluster {
    /// The cluster in the shape of version 2024-08-05, as far as this simulator models it.
    pub(crate) fn to_json(&self, group_id: &str, now: Duration) -> Value {
        let spec = &self.spec;
        let shards = json!([{
            "id": self.id,
            "regionConfigs": self.region_configs(),
            "zoneId": self.id,
            "zoneName": "Zone 1",
        }]);
        json!({
            "backupEnabled": true,
            "clusterType": "REPLICASET",
            "createDate": self.created,
            "effectiveReplicationSpecs": shards,
            "encryptionAtRestProvider": spec.encryption_at_rest_provider,
            "groupId": group_id,
            "id": self.id,
            "labels": [],
            "links": [],
            "name": spec.name,
            "paused": spec.paused,
            "pitEnabled": false,
            "replicationSpecs": shards,
            "rootCertType": "ISRGROOTX1",
            "stateName": self.state_name(now),
            "tags": [],
            "terminationProtectionEnabled": spec.termination_protection_enabled,
            "versionReleaseSystem": "LTS",
        })
    }

    fn region_configs(&self) -> Vec<Value> {
        let spec = &self.spec;
        let hardware = |nodes: u8| json!({"instanceSize": spec.instance_size, "nodeCount": nodes});
        // Priorities fall from 7; the preferred region holds three nodes so that their number stays odd.
        (0_u8..)
            .zip(&spec.regions)
            .map(|(index, region)| {
                json!({
                    "analyticsSpecs": hardware(0),
                    "electableSpecs": hardware(if index == 0 { 3 } else { 2 }),
                    "priority": 7_u8.saturating_sub(index),
                    "providerName": spec.provider_name,
                    "readOnlySpecs": hardware(0),
                    "regionName": region,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_nodes_and_its_priority() {
        let spec = json!({"name": "c", "instanceSize": "M30", "regions": ["US_EAST_1", "EU_WEST_1"]});
        let cluster = Cluster::new(serde_json::from_value(spec).expect("a cluster"));
        assert!(cluster.is_multi_region());
        let body = cluster.to_json("g", Duration::ZERO);
        let config = &body["effectiveReplicationSpecs"][0]["regionConfigs"][1];
        assert_eq!(config["regionName"], "EU_WEST_1");
        assert_eq!(config["priority"], 6);
        assert_eq!(config["electableSpecs"]["nodeCount"], 2);
    }
}
