//! `disable-cluster`: a cluster, switched to MongoDB's own encryption. Atlas makes an initial sync for it.

use serde_json::{Value, json};

use super::{
    check_cluster::{Found, State, leaving},
    enable_cluster::{Input, Output},
};
use crate::{
    change::{Action, Describe},
    error::Result,
    ids::{ClusterName, ProjectId},
    step::{Context, Step},
};

/// The step.
pub struct DisableCluster;

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypt {
    project: ProjectId,
    cluster: ClusterName,
}

impl Decrypt {
    /// The switch of a cluster.
    pub(crate) fn new(project: &ProjectId, cluster: &ClusterName) -> Self {
        Self { project: project.clone(), cluster: cluster.clone() }
    }
}

impl Describe for Decrypt {
    fn action(&self) -> Action {
        Action::Update
    }

    fn resource(&self) -> String {
        format!("/groups/{}/clusters/{}", self.project, self.cluster)
    }

    fn summary(&self) -> String {
        format!("cluster {} no longer uses the customer-managed key", self.cluster)
    }

    fn consequences(&self) -> Vec<String> {
        vec![
            "every node makes an initial sync, one after the other, and search indexes are rebuilt".to_owned(),
            "snapshots made until then still need the key".to_owned(),
        ]
    }

    fn before(&self) -> Value {
        json!({"encryptionAtRestProvider": "AWS"})
    }

    fn after(&self) -> Value {
        json!({"encryptionAtRestProvider": "NONE"})
    }
}

impl Step for DisableCluster {
    const NAME: &'static str = "disable-cluster";
    type Input = Input;
    type Output = Output;
    type Observation = Found;
    type Change = Decrypt;

    async fn observe(context: &Context, input: &Input) -> Result<Found> {
        Ok(context.atlas.cluster(&input.project_id, &input.cluster).await?)
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<Decrypt>> {
        // The loop asks again: whoever changed it in the meantime is waited for.
        Ok(match leaving(&input.project_id, &input.cluster, found)?.0 {
            State::Ready => vec![Decrypt::new(&input.project_id, &input.cluster)],
            _ => Vec::new(),
        })
    }

    async fn act(context: &Context, input: &Input, _: Found, changes: &[Decrypt]) -> Result<Output> {
        for change in changes {
            context.atlas.decrypt_cluster(&change.project, &change.cluster).await?;
        }
        Ok(Output { cluster: input.cluster.clone() })
    }
}
