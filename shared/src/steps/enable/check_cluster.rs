//! `check-cluster`: where a cluster stands on its way to the key, or away from it. The state machines wait for it by
//! this.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::EncryptionProvider,
    error::Result,
    ids::{ClusterName, ProjectId, SecretId},
    model::clusters::{ClusterState, FoundCluster, towards},
    step::{Actions, Answer, Readers, Step, actions},
};

/// The step.
pub struct CheckCluster;

/// The cluster to check.
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
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What the loop does next.
    pub state: ClusterState,
    /// The state in one sentence.
    pub summary: String,
}

impl Step for CheckCluster {
    const NAME: &'static str = "check-cluster";
    const ABOUT: &'static str = "Read-only: returns whether a cluster is done, ready to switch, or must be waited for. \
        Also used for disabling";
    const ACTIONS: Actions = &[actions::ATLAS];
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

impl Answer for CheckCluster {
    type Observation = FoundCluster;

    async fn observe(readers: &Readers, input: &Input) -> Result<FoundCluster> {
        Ok(readers.atlas.cluster(&input.project_id, &input.cluster).await?)
    }

    fn answer(input: &Input, found: FoundCluster, _: Timestamp) -> Result<Output> {
        let (project, name) = (&input.project_id, &input.cluster);
        let (state, what) = towards(input.encryption_at_rest_provider, project, name, &found)?;
        Ok(Output { state, summary: format!("cluster {} {what}", input.cluster) })
    }
}
