//! Private endpoints by region, and how those of several regions stand together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    ids::Region,
    report::Endpoint,
};

/// The endpoint that represents its region: of several, the one that is furthest in its creation.
pub(crate) fn leading<'a>(endpoints: &'a [PrivateEndpoint], region: &Region) -> Option<&'a PrivateEndpoint> {
    endpoints.iter().filter(|endpoint| endpoint.is_in(region)).min_by_key(|endpoint| match endpoint.status {
        EndpointStatus::Active => 0,
        EndpointStatus::Initiating | EndpointStatus::PendingAcceptance | EndpointStatus::Other(_) => 1,
        EndpointStatus::PendingRecreation => 2,
        EndpointStatus::Failed => 3,
        EndpointStatus::Deleting => 4,
    })
}

/// How all endpoints stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EndpointsState {
    /// Every region has an active endpoint.
    Active,
    /// At least one region has failed, and waiting will not help it.
    Failed,
    /// None has failed, and at least one region has no endpoint: it has to be created.
    Missing,
    /// None has failed or is missing, and not all are active.
    Waiting,
    /// All that were to be deleted are gone.
    Gone,
    /// At least one exists whose deletion was not requested yet.
    Present,
    /// All that exist are being deleted.
    Deleting,
}

/// How `regions` stand, given every endpoint of the project: together, and each in the order of the regions.
pub(crate) fn regional(regions: &[Region], endpoints: &[PrivateEndpoint]) -> (EndpointsState, Vec<Endpoint>) {
    let leaders: Vec<Option<&PrivateEndpoint>> = regions.iter().map(|region| leading(endpoints, region)).collect();
    let is = |leader: Option<&PrivateEndpoint>, status: &EndpointStatus| leader.is_some_and(|it| it.status == *status);
    let state = if leaders.iter().any(|leader| is(*leader, &EndpointStatus::Failed)) {
        EndpointsState::Failed
    } else if leaders.iter().all(|leader| is(*leader, &EndpointStatus::Active)) {
        EndpointsState::Active
    } else if leaders.iter().any(Option::is_none) {
        EndpointsState::Missing
    } else {
        EndpointsState::Waiting
    };
    let regional = regions
        .iter()
        .zip(leaders)
        .map(|(region, leader)| Endpoint {
            region: region.clone(),
            id: leader.map(|endpoint| endpoint.id.clone()),
            status: leader.map_or_else(|| "MISSING".to_owned(), |endpoint| endpoint.status.to_string()),
            error_message: leader.and_then(|endpoint| endpoint.error_message().map(str::to_owned)),
        })
        .collect();
    (state, regional)
}
