//! `check-cluster`: where a cluster stands on its way to the key. The state machine waits for it by this.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoChange;
use crate::{
    atlas::{Cluster, ClusterRefusal},
    error::{Error, ErrorName, Result},
    ids::{ClusterName, ProjectId, SecretId},
    step::{Context, Step},
};

/// The step.
pub struct CheckCluster;

/// The cluster to look at, or to switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The cluster.
    pub cluster: ClusterName,
    /// The secret with the Atlas credentials, if it is not the one of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What the loop does next.
    pub state: State,
    /// The state in one sentence.
    pub summary: String,
}

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It uses the key and every change has been applied.
    Encrypted,
    /// It can be switched to the key now.
    Ready,
    /// Atlas is at work on it.
    Busy,
    /// It was paused or made smaller in the meantime.
    Skipped,
}

/// What of it is there.
pub type Found = Option<std::result::Result<Cluster, ClusterRefusal>>;

impl Step for CheckCluster {
    const NAME: &'static str = "check-cluster";
    type Input = Input;
    type Output = Output;
    type Observation = Found;
    type Change = NoChange;

    async fn observe(context: &Context, input: &Input) -> Result<Found> {
        Ok(context.atlas.cluster(&input.project_id, &input.cluster).await?)
    }

    fn decide(_: &Input, _: &Found) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(_: &Context, input: &Input, found: Found, _: &[NoChange]) -> Result<Output> {
        let (state, what) = assess(input, &found)?;
        Ok(Output { state, summary: format!("cluster {} {what}", input.cluster) })
    }
}

/// Where the cluster stands, and the rest of a sentence that begins with its name.
pub(super) fn assess(input: &Input, found: &Found) -> Result<(State, String)> {
    let cluster = match found {
        None => {
            return Err(Error::new(
                ErrorName::AtlasConflict,
                format!("there is no cluster {} in project {} any more; run again", input.cluster, input.project_id),
            ));
        }
        Some(Err(refusal)) => return Ok((State::Skipped, format!("is left out: {}", refusal.as_str()))),
        Some(Ok(cluster)) => cluster,
    };
    let state = cluster.state_name.as_deref().unwrap_or("in an unknown state");
    Ok(match (cluster.uses_aws(), cluster.is_idle(), cluster.refusal()) {
        (true, true, _) => (State::Encrypted, "uses the key and is IDLE".to_owned()),
        (false, _, Some(refusal)) => (State::Skipped, format!("is left out: {}", refusal.as_str())),
        (false, true, None) => (State::Ready, "is IDLE and does not use the key".to_owned()),
        _ => (State::Busy, format!("is {state}")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_loop_is_told_whether_to_wait_to_switch_or_to_end() {
        let input = Input {
            project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            cluster: "orders".parse().unwrap(),
            atlas_secret_id: None,
        };
        for (state, provider, paused, expected) in [
            ("IDLE", "NONE", false, State::Ready),
            ("UPDATING", "NONE", false, State::Busy),
            ("UPDATING", "AWS", false, State::Busy),
            ("REPAIRING", "AWS", false, State::Busy),
            ("IDLE", "AWS", false, State::Encrypted),
            ("IDLE", "AWS", true, State::Encrypted),
            ("IDLE", "NONE", true, State::Skipped),
            ("IDLE", "GCP", false, State::Skipped),
        ] {
            let cluster =
                json!({"name": "orders", "stateName": state, "encryptionAtRestProvider": provider, "paused": paused});
            let found = Some(Ok(serde_json::from_value(cluster.clone()).unwrap()));
            assert_eq!(assess(&input, &found).unwrap().0, expected, "{cluster}");
        }
        assert_eq!(assess(&input, &Some(Err(ClusterRefusal::Shared))).unwrap().0, State::Skipped);
        assert_eq!(assess(&input, &None).unwrap_err().name(), ErrorName::AtlasConflict);
    }
}
