//! Where a cluster stands on its way to the key, or away from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    atlas::{Cluster, ClusterRefusal, EncryptionProvider},
    error::{Error, ErrorName, Result},
    ids::{ClusterName, ProjectId},
};

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClusterState {
    /// It is as it is to be, and every change has been applied.
    Done,
    /// It can be switched now.
    Ready,
    /// Atlas is at work on it.
    Busy,
    /// It was paused or made smaller in the meantime, and cannot be switched to the key.
    Skipped,
}

/// What of it is there.
pub type FoundCluster = Option<std::result::Result<Cluster, ClusterRefusal>>;

/// Where a cluster stands on its way to the key or away from it, and the rest of a sentence that begins with its name.
pub(crate) fn towards(
    provider: EncryptionProvider,
    project: &ProjectId,
    name: &ClusterName,
    found: &FoundCluster,
) -> Result<(ClusterState, String)> {
    match provider {
        EncryptionProvider::Aws => coming(project, name, found),
        EncryptionProvider::None => leaving(project, name, found),
    }
}

fn coming(project: &ProjectId, name: &ClusterName, found: &FoundCluster) -> Result<(ClusterState, String)> {
    let cluster = match found {
        None => {
            return Err(conflict(format!("cluster {name} no longer exists in project {project}; run again")));
        }
        Some(Err(refusal)) => return Ok((ClusterState::Skipped, format!("is skipped: {}", refusal.as_str()))),
        Some(Ok(cluster)) => cluster,
    };
    Ok(match (cluster.uses_aws(), cluster.is_idle(), cluster.refusal()) {
        (true, true, _) => (ClusterState::Done, "uses the key and is IDLE".to_owned()),
        (false, _, Some(refusal)) => (ClusterState::Skipped, format!("is skipped: {}", refusal.as_str())),
        (false, true, None) => (ClusterState::Ready, "is IDLE and does not use the key".to_owned()),
        _ => (ClusterState::Busy, format!("is {}", state_of(cluster))),
    })
}

/// One that is being deleted is waited for: until it is gone, it counts.
fn leaving(project: &ProjectId, name: &ClusterName, found: &FoundCluster) -> Result<(ClusterState, String)> {
    let Some(Ok(cluster)) = found else {
        return Ok((ClusterState::Done, "no longer exists, or can never use a customer-managed key".to_owned()));
    };
    match (cluster.uses_aws(), cluster.is_idle()) {
        (false, true) => Ok((ClusterState::Done, "does not use the key and is IDLE".to_owned())),
        (true, _) if cluster.is_paused() => Err(conflict(format!(
            "cluster {name} of project {project} is paused, and Atlas cannot change a paused cluster; resume it and run again"
        ))),
        (true, true) => Ok((ClusterState::Ready, "is IDLE and uses the key".to_owned())),
        (_, false) => Ok((ClusterState::Busy, format!("is {}", state_of(cluster)))),
    }
}

fn state_of(cluster: &Cluster) -> &str {
    cluster.state_name.as_deref().unwrap_or("in an unknown state")
}

fn conflict(message: String) -> Error {
    Error::new(ErrorName::AtlasConflict, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn assess(provider: EncryptionProvider, found: &FoundCluster) -> Result<ClusterState> {
        let (project, name) = ("66f0a1b2c3d4e5f601234567".parse().unwrap(), "orders".parse().unwrap());
        Ok(towards(provider, &project, &name, found)?.0)
    }

    fn found(cluster: &Value) -> Cluster {
        serde_json::from_value(cluster.clone()).unwrap()
    }

    #[test]
    fn the_loop_learns_whether_to_wait_to_switch_or_to_end() {
        for (state, provider, paused, expected) in [
            ("IDLE", "NONE", false, ClusterState::Ready),
            ("UPDATING", "NONE", false, ClusterState::Busy),
            ("UPDATING", "AWS", false, ClusterState::Busy),
            ("REPAIRING", "AWS", false, ClusterState::Busy),
            ("IDLE", "AWS", false, ClusterState::Done),
            ("IDLE", "AWS", true, ClusterState::Done),
            ("IDLE", "NONE", true, ClusterState::Skipped),
            ("IDLE", "GCP", false, ClusterState::Skipped),
        ] {
            let cluster =
                json!({"name": "orders", "stateName": state, "encryptionAtRestProvider": provider, "paused": paused});
            assert_eq!(assess(EncryptionProvider::Aws, &Some(Ok(found(&cluster)))).unwrap(), expected, "{cluster}");
        }
        assert_eq!(assess(EncryptionProvider::Aws, &Some(Err(ClusterRefusal::Shared))).unwrap(), ClusterState::Skipped);
        assert_eq!(assess(EncryptionProvider::Aws, &None).unwrap_err().name(), ErrorName::AtlasConflict);
    }

    #[test]
    fn on_the_way_back_a_cluster_that_is_gone_is_done_and_one_that_is_going_is_waited_for() {
        for (state, provider, expected) in [
            ("IDLE", "AWS", ClusterState::Ready),
            ("UPDATING", "AWS", ClusterState::Busy),
            ("UPDATING", "NONE", ClusterState::Busy),
            ("DELETING", "AWS", ClusterState::Busy),
            ("IDLE", "NONE", ClusterState::Done),
            ("IDLE", "GCP", ClusterState::Done),
        ] {
            let cluster = json!({"name": "orders", "stateName": state, "encryptionAtRestProvider": provider});
            assert_eq!(assess(EncryptionProvider::None, &Some(Ok(found(&cluster)))).unwrap(), expected, "{cluster}");
        }
        assert_eq!(assess(EncryptionProvider::None, &None).unwrap(), ClusterState::Done);
        let paused = json!({"name": "orders", "stateName": "IDLE", "encryptionAtRestProvider": "AWS", "paused": true});
        assert_eq!(
            assess(EncryptionProvider::None, &Some(Ok(found(&paused)))).unwrap_err().name(),
            ErrorName::AtlasConflict
        );
    }
}
