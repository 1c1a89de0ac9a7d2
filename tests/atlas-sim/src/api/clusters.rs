//! Operations on clusters.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::records::clusters::{Cluster, ClusterChange};

use super::Call;
use super::pagination::paginate;

/// `GET …/clusters`. Paginated.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let now = call.sim.clock.now();
    let clusters = call.sim.project(call.group(), |project| {
        let to_json = |cluster: &Cluster| cluster.to_json(&project.id, now);
        Ok(project.clusters.iter().filter(|cluster| !cluster.is_flex()).map(to_json).collect())
    })?;
    paginate(call.request, clusters).map(Answer::ok)
}

/// `GET …/flexClusters`, which are in no other list. Of their shape only what names them is modelled.
pub(super) fn list_flex(call: &Call<'_>) -> Result<Answer, ApiError> {
    let clusters = call.sim.project(call.group(), |project| {
        let flex = project.clusters.iter().filter(|cluster| cluster.is_flex());
        Ok(flex.map(|it| json!({"groupId": project.id, "name": it.spec.name, "stateName": "IDLE"})).collect())
    })?;
    paginate(call.request, clusters).map(Answer::ok)
}

/// `GET …/clusters/{clusterName}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    let now = call.sim.clock.now();
    call.sim.project(call.group(), |project| {
        let cluster = project.cluster(call.parameter(1))?;
        refuse_flex(cluster)?;
        Ok(Answer::ok(cluster.to_json(call.group(), now)))
    })
}

/// `PATCH …/clusters/{clusterName}`: 200 at once, applied when IDLE again.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut body = call.attributes()?;
    let change = ClusterChange {
        encryption_at_rest_provider: body.take_string("encryptionAtRestProvider")?,
        paused: body.take_bool("paused")?,
    };
    if let Some(name) = body.unknown() {
        return Err(ApiError::not_simulated(&format!("changing {name} of a cluster")));
    }
    let now = call.sim.clock.now();
    let takes = Duration::from_secs_f64(call.sim.state().behaviour.cluster_seconds);
    call.sim.project(call.group(), |project| {
        let rules = project.rules();
        let cluster = project.cluster(call.parameter(1))?;
        refuse_flex(cluster)?;
        cluster.change(&change, rules, now, takes)?;
        Ok(Answer::ok(cluster.to_json(call.group(), now)))
    })
}

/// `DELETE …/clusters/{clusterName}`: 202 and an empty object (recorded answers), and the cluster is DELETING until
/// it is a 404.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, ApiError> {
    let now = call.sim.clock.now();
    let takes = Duration::from_secs_f64(call.sim.state().behaviour.cluster_seconds);
    call.sim.project(call.group(), |project| {
        let cluster = project.cluster(call.parameter(1))?;
        refuse_flex(cluster)?;
        cluster.delete(now, takes)?;
        Ok(Answer::json(StatusCode::ACCEPTED, json!({})))
    })
}

/// `GET …/clusters/{clusterName}/search/deployment`.
pub(super) fn search_deployment(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.project_at(call.group(), |project, moment| {
        let for_search_nodes = project.encryption.enabled_for_search_nodes;
        let cluster = project.cluster(call.parameter(1))?;
        // No source shows what Atlas says of the search nodes of a Flex cluster, which has none (inference).
        refuse_flex(cluster)?;
        Ok(Answer::ok(cluster.search_deployment(call.group(), for_search_nodes, moment.now)))
    })
}

/// A Flex cluster is a 400 here and not a 404 (recorded answers).
fn refuse_flex(cluster: &Cluster) -> Result<(), ApiError> {
    if cluster.is_flex() {
        return Err(ApiError::bad_request(
            "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API",
            "A Flex cluster cannot be used in the Cluster API.",
        ));
    }
    Ok(())
}
