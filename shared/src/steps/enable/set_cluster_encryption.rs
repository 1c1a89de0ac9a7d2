//! `set-cluster-encryption`: a cluster, switched to the project's key or to MongoDB's own encryption. Atlas makes an
//! initial sync for it, so it is switched to the key only when nothing is left that could stop it half-way: the key is
//! valid, the cluster is idle, and with private networking each of its regions has an active endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{EncryptionAtRest, EncryptionProvider, EndpointStatus, PrivateEndpoint},
    error::{Error, ErrorName, Result},
    ids::{ClusterName, ProjectId, Region, SecretId},
    model::{
        clusters::{ClusterState, FoundCluster, towards},
        endpoints::leading,
    },
    registry::approvals::PartOfPlan,
    report::{Described, Description},
    step::{Actions, Converge, Readers, Step, Writers, actions},
};

/// The step.
pub struct SetClusterEncryption;

/// The cluster to switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The cluster.
    pub cluster: ClusterName,
    /// Whose key is to encrypt it.
    pub encryption_at_rest_provider: EncryptionProvider,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
    /// The hash of the plan that was approved.
    #[serde(default)]
    pub plan_hash: Option<String>,
}

/// The cluster as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The cluster.
    pub cluster: ClusterName,
}

/// Cluster, key and endpoints. The latter two matter only for a switch to the key.
pub struct Observed {
    cluster: FoundCluster,
    encryption: Option<EncryptionAtRest>,
    endpoints: Vec<PrivateEndpoint>,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    project: ProjectId,
    cluster: ClusterName,
    provider: EncryptionProvider,
}

impl Switch {
    /// The switch of a cluster.
    pub(crate) fn new(project: &ProjectId, cluster: &ClusterName, provider: EncryptionProvider) -> Self {
        Self { project: project.clone(), cluster: cluster.clone(), provider }
    }
}

const INITIAL_SYNC: &str = "every node makes an initial sync, one after the other, and search indexes are rebuilt";

impl Described for Switch {
    fn description(&self) -> Description {
        let cluster = &self.cluster;
        let resource = format!("/groups/{}/clusters/{cluster}", self.project);
        let description = match self.provider {
            EncryptionProvider::Aws => {
                Description::update(resource, format!("cluster {cluster} uses the customer-managed key"))
                    .consequence(INITIAL_SYNC)
                    .before(json!({"encryptionAtRestProvider": EncryptionProvider::None}))
            }
            EncryptionProvider::None => {
                Description::update(resource, format!("cluster {cluster} no longer uses the customer-managed key"))
                    .consequence(INITIAL_SYNC)
                    .consequence("snapshots made until then still need the key")
                    .before(json!({"encryptionAtRestProvider": EncryptionProvider::Aws}))
            }
        };
        description.after(json!({"encryptionAtRestProvider": self.provider}))
    }
}

impl Step for SetClusterEncryption {
    const NAME: &'static str = "set-cluster-encryption";
    const ABOUT: &'static str = "Switches an idle cluster to the project's key, once the key is valid and each of its \
        regions has an active endpoint, or to MongoDB's own encryption";
    const ACTIONS: Actions = &[actions::ATLAS, &["dynamodb:GetItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "cluster": "orders",
            "encryptionAtRestProvider": "AWS"
        })
    }
}

impl Converge for SetClusterEncryption {
    type Observation = Observed;
    type Change = Switch;

    async fn observe(readers: &Readers, input: &Input) -> Result<Observed> {
        let encryption = match input.encryption_at_rest_provider {
            EncryptionProvider::Aws => Some(readers.atlas.encryption_at_rest(&input.project_id).await?),
            EncryptionProvider::None => None,
        };
        let kms = encryption.as_ref().and_then(|encryption| encryption.aws_kms.as_ref());
        let private = kms.is_some_and(|kms| kms.require_private_networking == Some(true));
        Ok(Observed {
            cluster: readers.atlas.cluster(&input.project_id, &input.cluster).await?,
            encryption,
            endpoints: if private { readers.atlas.private_endpoints(&input.project_id).await? } else { Vec::new() },
        })
    }

    fn decide(input: &Input, observed: &Observed) -> Result<Vec<Switch>> {
        // The loop asks again: whoever changed it in the meantime is waited for.
        let provider = input.encryption_at_rest_provider;
        if towards(provider, &input.project_id, &input.cluster, &observed.cluster)?.0 != ClusterState::Ready {
            return Ok(Vec::new());
        }
        let switch = Switch::new(&input.project_id, &input.cluster, provider);
        let Some(encryption) = &observed.encryption else { return Ok(vec![switch]) };
        let kms = encryption.aws_kms.clone().unwrap_or_default();
        if kms.enabled != Some(true) || kms.valid != Some(true) {
            return Err(Error::new(
                ErrorName::KmsKeyUnusable,
                format!(
                    "cluster {} was not changed, because Atlas cannot use the key of project {} now",
                    input.cluster, input.project_id
                ),
            ));
        }
        if kms.require_private_networking == Some(true)
            && let Some(Ok(cluster)) = &observed.cluster
            && let Some(region) = cluster.regions().into_iter().find(|region| !is_active(&observed.endpoints, region))
        {
            return Err(Error::new(
                ErrorName::EndpointFailed,
                format!(
                    "cluster {} was not changed, because it has nodes in {region}, which has no active private \
                     endpoint; add the region to regions",
                    input.cluster
                ),
            ));
        }
        Ok(vec![switch])
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        Some(PartOfPlan { project_id: &input.project_id, execution, plan_hash })
    }

    async fn act(writers: &Writers, input: &Input, _: Observed, changes: &[Switch]) -> Result<Output> {
        for change in changes {
            writers.atlas().set_cluster_encryption(&change.project, &change.cluster, change.provider).await?;
        }
        Ok(Output { cluster: input.cluster.clone() })
    }
}

fn is_active(endpoints: &[PrivateEndpoint], atlas_region: &str) -> bool {
    let region: Option<Region> = atlas_region.parse().ok();
    let endpoint = region.and_then(|region| leading(endpoints, &region).cloned());
    endpoint.is_some_and(|endpoint| endpoint.status == EndpointStatus::Active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atlas::AwsKms;
    use crate::fixtures::{self, aws_kms, cluster};

    fn input() -> Input {
        Input {
            project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            cluster: "orders".parse().unwrap(),
            encryption_at_rest_provider: EncryptionProvider::Aws,
            atlas_secret_id: None,
            execution: None,
            plan_hash: None,
        }
    }

    fn world(state: &str, valid: bool, endpoint: &str) -> Observed {
        let aws_kms = Some(AwsKms { valid: Some(valid), ..aws_kms() });
        Observed {
            cluster: Some(Ok(cluster(&json!({"stateName": state})))),
            encryption: Some(EncryptionAtRest { aws_kms, ..EncryptionAtRest::default() }),
            endpoints: vec![fixtures::endpoint(1, "US_EAST_1", endpoint), fixtures::endpoint(2, "EU_WEST_1", "ACTIVE")],
        }
    }

    #[test]
    fn a_cluster_is_switched_only_when_nothing_can_stop_it_half_way() {
        assert_eq!(SetClusterEncryption::decide(&input(), &world("IDLE", true, "ACTIVE")).unwrap().len(), 1);
        assert_eq!(SetClusterEncryption::decide(&input(), &world("UPDATING", true, "ACTIVE")).unwrap(), []);
        for (world, name) in [
            (world("IDLE", false, "ACTIVE"), ErrorName::KmsKeyUnusable),
            (world("IDLE", true, "PENDING_RECREATION"), ErrorName::EndpointFailed),
        ] {
            assert_eq!(SetClusterEncryption::decide(&input(), &world).unwrap_err().name(), name);
        }
    }
}
