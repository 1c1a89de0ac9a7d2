//! Clusters: made by tests, read by the API, changed in what concerns their key.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::identifier::{new_object_id, now_utc};

/// Instance sizes without a dedicated machine, which cannot have a key of their own.
const TENANT_SIZES: [&str; 4] = ["M0", "M2", "M5", "FLEX"];

/// A cluster as a test asks for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterSpec {
    pub(crate) name: String,
    pub(crate) instance_size: String,
    /// In the spelling of Atlas, the preferred one first.
    pub(crate) regions: Vec<String>,
    #[serde(default)]
    paused: bool,
    #[serde(default = "none")]
    encryption_at_rest_provider: String,
    #[serde(default = "aws")]
    provider_name: String,
}

fn none() -> String {
    "NONE".to_owned()
}

fn aws() -> String {
    "AWS".to_owned()
}

/// A cluster of a project.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    id: String,
    created: String,
    pub(crate) spec: ClusterSpec,
    /// Until when it is UPDATING.
    updating_until: Option<Duration>,
}

/// What a PATCH of a cluster may change here.
#[derive(Debug, Default)]
pub(crate) struct ClusterChange {
    pub(crate) encryption_at_rest_provider: Option<String>,
    pub(crate) paused: Option<bool>,
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
        None
    }
}

impl Cluster {
    /// A cluster that is there and IDLE.
    pub(crate) fn new(spec: ClusterSpec) -> Self {
        Self { id: new_object_id(), created: now_utc(), spec, updating_until: None }
    }

    /// Whether the cluster uses the project's key.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.spec.encryption_at_rest_provider == "AWS"
    }

    /// Whether it is a Flex cluster, which has an API of its own.
    pub(crate) fn is_flex(&self) -> bool {
        self.spec.instance_size == "FLEX"
    }

    /// Whether the cluster spans several AWS regions.
    pub(crate) fn is_multi_region(&self) -> bool {
        self.spec.provider_name == "AWS" && self.spec.regions.len() > 1
    }

    /// Changes the cluster; it is UPDATING for a while if anything is different afterwards.
    pub(crate) fn change(
        &mut self,
        change: &ClusterChange,
        project_has_key: bool,
        now: Duration,
        takes: Duration,
    ) -> Result<(), ApiError> {
        if let Some(provider) = &change.encryption_at_rest_provider {
            self.check_provider(provider, change.paused, project_has_key)?;
        }
        let spec = &mut self.spec;
        let provider =
            change.encryption_at_rest_provider.clone().unwrap_or_else(|| spec.encryption_at_rest_provider.clone());
        let paused = change.paused.unwrap_or(spec.paused);
        if provider != spec.encryption_at_rest_provider || paused != spec.paused {
            spec.encryption_at_rest_provider = provider;
            spec.paused = paused;
            self.updating_until = Some(now + takes);
        }
        Ok(())
    }

    /// Whether the provider may be changed. A paused cluster has to be resumed first, in a call of its own.
    fn check_provider(&self, provider: &str, paused: Option<bool>, project_has_key: bool) -> Result<(), ApiError> {
        let spec = &self.spec;
        if spec.paused {
            return Err(conflict("CANNOT_UPDATE_PAUSED_CLUSTER", &spec.name));
        }
        if paused == Some(true) {
            return Err(conflict("CANNOT_UPDATE_AND_PAUSE_CLUSTER", &spec.name));
        }
        match provider {
            "NONE" => Ok(()),
            "AWS" if TENANT_SIZES.contains(&spec.instance_size.as_str()) => Err(ApiError::bad_request(
                "CANNOT_USE_ENCRYPTION_AT_REST_TENANT",
                "Encryption at Rest cannot be used with a tenant cluster.",
            )),
            "AWS" if project_has_key => Ok(()),
            "AWS" | "AZURE" | "GCP" => Err(ApiError::bad_request(
                "ENCRYPTION_AT_REST_NOT_ENABLED",
                format!("Encryption at Rest is not enabled for the project with provider {provider}."),
            )
            .with(provider)),
            other => Err(ApiError::invalid_enum_value(other)),
        }
    }

    /// The cluster in the shape of version 2024-08-05, as far as this simulator models it.
    pub(crate) fn to_json(&self, group_id: &str, now: Duration) -> Value {
        let spec = &self.spec;
        let state = match self.updating_until {
            Some(until) if now < until => "UPDATING",
            _ => "IDLE",
        };
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
            "stateName": state,
            "tags": [],
            "terminationProtectionEnabled": false,
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

/// The sentences are ours; codes and status are from MongoDB's list of error codes.
fn conflict(code: &str, name: &str) -> ApiError {
    let what =
        if code == "CANNOT_UPDATE_PAUSED_CLUSTER" { "while it is paused" } else { "and pause it at the same time" };
    ApiError::new(StatusCode::CONFLICT, code, format!("Cannot update cluster {name} {what}.")).with(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(spec: Value) -> Cluster {
        Cluster::new(serde_json::from_value(spec).expect("a cluster"))
    }

    fn plain() -> Cluster {
        cluster(json!({"name": "Cluster0", "instanceSize": "M10", "regions": ["US_EAST_1"]}))
    }

    fn encrypt(provider: &str) -> ClusterChange {
        ClusterChange { encryption_at_rest_provider: Some(provider.to_owned()), paused: None }
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_change_takes_its_time_and_no_change_takes_none() -> Result<(), ApiError> {
        let mut cluster = plain();
        let state = |cluster: &Cluster, now| cluster.to_json("g", now)["stateName"].clone();
        cluster.change(&encrypt("AWS"), true, Duration::ZERO, MINUTE)?;
        assert_eq!(state(&cluster, Duration::from_secs(59)), "UPDATING");
        assert_eq!(state(&cluster, MINUTE), "IDLE");
        assert!(cluster.is_encrypted());
        cluster.change(&encrypt("AWS"), true, MINUTE * 2, MINUTE)?;
        assert_eq!(state(&cluster, MINUTE * 2), "IDLE");
        Ok(())
    }

    #[test]
    fn encryption_is_refused_where_it_cannot_work() {
        let tenant = cluster(json!({"name": "c", "instanceSize": "M0", "regions": ["US_EAST_1"]}));
        let paused = cluster(json!({"name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": true}));
        let table = [
            (plain(), "AWS", false, "ENCRYPTION_AT_REST_NOT_ENABLED"),
            (plain(), "GCP", true, "ENCRYPTION_AT_REST_NOT_ENABLED"),
            (plain(), "aws", true, "INVALID_ENUM_VALUE"),
            (tenant, "AWS", true, "CANNOT_USE_ENCRYPTION_AT_REST_TENANT"),
            (paused, "AWS", true, "CANNOT_UPDATE_PAUSED_CLUSTER"),
        ];
        for (mut cluster, provider, has_key, expected) in table {
            let refused =
                cluster.change(&encrypt(provider), has_key, Duration::ZERO, MINUTE).map_err(|error| error.code);
            assert_eq!(refused, Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_region_has_its_nodes_and_its_priority() {
        let cluster = cluster(json!({"name": "c", "instanceSize": "M30", "regions": ["US_EAST_1", "EU_WEST_1"]}));
        assert!(cluster.is_multi_region());
        let body = cluster.to_json("g", Duration::ZERO);
        let config = &body["effectiveReplicationSpecs"][0]["regionConfigs"][1];
        assert_eq!(config["regionName"], "EU_WEST_1");
        assert_eq!(config["priority"], 6);
        assert_eq!(config["electableSpecs"]["nodeCount"], 2);
    }
}
