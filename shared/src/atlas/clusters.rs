//! Clusters, as far as their key is concerned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AtlasError, AtlasReader, AtlasWriter, ErrorCode, transport::Call};
use crate::ids::{ClusterName, ProjectId};

/// The newest stable version of reading clusters (Atlas Administration API).
const V2024_08_05: &str = "application/vnd.atlas.2024-08-05+json";

/// The newest stable version of changing clusters (Atlas Administration API).
const V2024_10_23: &str = "application/vnd.atlas.2024-10-23+json";

/// The version of Flex clusters (Atlas Administration API).
const V2024_11_13: &str = "application/vnd.atlas.2024-11-13+json";

/// The newest stable version of reading search deployments (Atlas Administration API).
const V2025_03_12: &str = "application/vnd.atlas.2025-03-12+json";

/// A page of a list holds 500 at the most, and a project 25 clusters.
const PAGE: usize = 500;

/// Whose key encrypts a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum EncryptionProvider {
    /// The project's key in AWS KMS.
    Aws,
    /// MongoDB.
    None,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// `IDLE` when every change has been applied.
    pub state_name: Option<String>,
    /// Whether it is paused.
    pub paused: Option<bool>,
    /// Whose keys it uses: `NONE`, `AWS`, `AZURE` or `GCP`.
    pub encryption_at_rest_provider: Option<String>,
    #[serde(default)]
    replication_specs: Option<Vec<Shard>>,
    #[serde(default)]
    effective_replication_specs: Option<Vec<Shard>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    #[serde(default)]
    region_configs: Option<Vec<RegionConfig>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegionConfig {
    provider_name: Option<String>,
    region_name: Option<String>,
    #[serde(default)]
    electable_specs: Option<Hardware>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hardware {
    instance_size: Option<String>,
}

/// The search nodes of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchNodes {
    /// `IDLE` when every change has been applied.
    pub state_name: Option<String>,
    /// Whose keys they use. Atlas reports it minutes after they were created.
    pub encryption_at_rest_provider: Option<String>,
}

/// Why a cluster cannot be switched to the key, although the project has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterRefusal {
    /// Flex and free clusters share their machines.
    Shared,
    /// A paused cluster cannot be changed.
    Paused,
    /// It uses keys of another cloud.
    OtherProvider,
}

impl ClusterRefusal {
    /// The reason in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "customer-managed keys require M10 or larger; this is a free or Flex cluster",
            Self::Paused => "the cluster is paused; resume it and run again",
            Self::OtherProvider => {
                "the cluster uses keys of another cloud provider, which atlas-cmk does not switch off"
            }
        }
    }
}

impl Cluster {
    /// Whether it uses the project's key of AWS KMS.
    pub fn uses_aws(&self) -> bool {
        self.encryption_at_rest_provider.as_deref() == Some("AWS")
    }

    /// Whether every change has been applied.
    pub fn is_idle(&self) -> bool {
        self.state_name.as_deref() == Some("IDLE")
    }

    /// Whether it is paused, and can therefore not be changed.
    pub fn is_paused(&self) -> bool {
        self.paused == Some(true)
    }

    /// Why it cannot be switched to the key, if it cannot.
    pub fn refusal(&self) -> Option<ClusterRefusal> {
        let tenant = |config: &&RegionConfig| {
            let size =
                config.electable_specs.as_ref().and_then(|specs| specs.instance_size.as_deref()).unwrap_or_default();
            config.provider_name.as_deref() == Some("TENANT") || matches!(size, "M0" | "M2" | "M5" | "FLEX")
        };
        if self.configs().any(|config| tenant(&config)) {
            return Some(ClusterRefusal::Shared);
        }
        if !matches!(self.encryption_at_rest_provider.as_deref(), None | Some("NONE" | "AWS")) {
            return Some(ClusterRefusal::OtherProvider);
        }
        (self.paused == Some(true)).then_some(ClusterRefusal::Paused)
    }

    /// The regions its nodes are in, in Atlas's spelling, each once.
    pub fn regions(&self) -> Vec<&str> {
        let mut regions: Vec<&str> = self.configs().filter_map(|config| config.region_name.as_deref()).collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// Whether all its nodes are on AWS. Private networking is for those only.
    pub fn is_on_aws_only(&self) -> bool {
        self.configs().all(|config| matches!(config.provider_name.as_deref(), Some("AWS") | None))
    }

    /// The state of the nodes, if Atlas reports it, else the requested one.
    fn configs(&self) -> impl Iterator<Item = &RegionConfig> {
        let shards = self.effective_replication_specs.as_ref().filter(|shards| !shards.is_empty());
        let shards = shards.or(self.replication_specs.as_ref());
        shards.into_iter().flatten().flat_map(|shard| shard.region_configs.iter().flatten())
    }
}

#[derive(Deserialize)]
struct FlexPage {
    #[serde(default)]
    results: Option<Vec<FlexCluster>>,
}

#[derive(Deserialize)]
struct FlexCluster {
    name: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    results: Option<Vec<Cluster>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderBody {
    encryption_at_rest_provider: EncryptionProvider,
}

impl AtlasReader {
    /// Every dedicated and free cluster of the project. Flex clusters have an API of their own and are not among them.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn clusters(&self, project: &ProjectId) -> Result<Vec<Cluster>, AtlasError> {
        let page: Page = self.call(Call::get(V2024_08_05, path(project)).query("itemsPerPage", PAGE)).await?;
        Ok(page.results.unwrap_or_default())
    }

    /// The names of the project's Flex clusters.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn flex_clusters(&self, project: &ProjectId) -> Result<Vec<String>, AtlasError> {
        let call = Call::get(V2024_11_13, format!("/groups/{project}/flexClusters")).query("itemsPerPage", PAGE);
        let page: FlexPage = self.call(call).await?;
        Ok(page.results.unwrap_or_default().into_iter().map(|cluster| cluster.name).collect())
    }

    /// A cluster by its name; `None` if there is none. A Flex cluster is there, and refuses.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn cluster(
        &self,
        project: &ProjectId,
        name: &ClusterName,
    ) -> Result<Option<Result<Cluster, ClusterRefusal>>, AtlasError> {
        match self.call(Call::get(V2024_08_05, format!("{}/{name}", path(project)))).await {
            Ok(cluster) => Ok(Some(Ok(cluster))),
            Err(error) => match error.code() {
                Some(ErrorCode::ClusterNotFound) => Ok(None),
                Some(ErrorCode::CannotUseFlexClusterInClusterApi) => Ok(Some(Err(ClusterRefusal::Shared))),
                _ => Err(error),
            },
        }
    }

    /// The search nodes of a cluster; `None` if it has none of their own.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn search_nodes(&self, project: &ProjectId, name: &str) -> Result<Option<SearchNodes>, AtlasError> {
        let call = Call::get(V2025_03_12, format!("{}/{name}/search/deployment", path(project)));
        match self.call::<SearchNodes>(call).await {
            // Without any, one version of the API answers an empty object and others refuse.
            Ok(nodes) => Ok(Some(nodes).filter(|nodes| nodes.state_name.is_some())),
            Err(error) if error.code() == Some(&ErrorCode::SearchDeploymentDoesNotExist) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AtlasWriter {
    /// Switches a cluster to the project's key, or to MongoDB's own encryption. It makes an initial sync.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn set_cluster_encryption(
        &self,
        project: &ProjectId,
        name: &ClusterName,
        provider: EncryptionProvider,
    ) -> Result<Cluster, AtlasError> {
        let body = ProviderBody { encryption_at_rest_provider: provider };
        self.call(Call::patch(V2024_10_23, format!("{}/{name}", path(project)), &body)).await
    }
}

fn path(project: &ProjectId) -> String {
    format!("/groups/{project}/clusters")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::cluster;

    fn in_one_place(provider: &str, size: &str) -> Value {
        json!({"effectiveReplicationSpecs": [{"regionConfigs": [
            {"providerName": provider, "regionName": "US_EAST_1", "electableSpecs": {"instanceSize": size}},
        ]}]})
    }

    #[test]
    fn only_what_runs_on_machines_of_its_own_can_use_a_key() {
        for (change, refusal) in [
            (json!({}), None),
            (json!({"paused": true}), Some(ClusterRefusal::Paused)),
            (json!({"encryptionAtRestProvider": "GCP"}), Some(ClusterRefusal::OtherProvider)),
            (in_one_place("TENANT", "M0"), Some(ClusterRefusal::Shared)),
            (in_one_place("AWS", "FLEX"), Some(ClusterRefusal::Shared)),
            (in_one_place("GCP", "M30"), None),
        ] {
            assert_eq!(cluster(&change).refusal(), refusal, "{change}");
        }
    }

    #[test]
    fn regions_and_clouds_are_those_of_the_nodes() {
        assert_eq!(cluster(&json!({})).regions(), ["EU_WEST_1", "US_EAST_1"]);
        assert!(cluster(&json!({})).is_on_aws_only());
        assert!(!cluster(&in_one_place("GCP", "M30")).is_on_aws_only());
        assert_eq!(cluster(&in_one_place("GCP", "M30")).regions(), ["US_EAST_1"]);
    }
}
