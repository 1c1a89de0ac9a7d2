//! Whether the private endpoints that are to be deleted still exist. What Atlas has recreated in the meantime has
//! another id, and is found here like the rest.

use super::{Output, list};
use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    ids::{PrivateEndpointId, Region},
    model::endpoints::EndpointsState,
};

/// What is left of the endpoints in `regions`, or of all, given every endpoint of the project.
pub(super) fn assess(regions: Option<&[Region]>, endpoints: &[PrivateEndpoint]) -> Output {
    let concerned =
        |endpoint: &&PrivateEndpoint| regions.is_none_or(|regions| regions.iter().any(|region| endpoint.is_in(region)));
    let there: Vec<&PrivateEndpoint> = endpoints.iter().filter(concerned).collect();
    let to_delete: Vec<PrivateEndpointId> = there
        .iter()
        .filter(|endpoint| endpoint.status != EndpointStatus::Deleting)
        .map(|endpoint| endpoint.id.clone())
        .collect();
    let summary = list(there.iter().map(|endpoint| format!("{} is {}", endpoint.region_name, endpoint.status)));
    Output {
        state: match (there.is_empty(), to_delete.is_empty()) {
            (true, _) => EndpointsState::Gone,
            (false, false) => EndpointsState::Present,
            (false, true) => EndpointsState::Deleting,
        },
        to_delete,
        no_endpoints_left: endpoints.is_empty(),
        endpoints: Vec::new(),
        summary: summary.unwrap_or_else(|| "every private endpoint is gone".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::endpoint;

    #[test]
    fn an_endpoint_counts_until_it_is_gone_and_one_that_was_made_again_is_found() {
        let west: Vec<Region> = vec!["eu-west-1".parse().unwrap()];
        for (endpoints, regions, state, to_delete, no_endpoints_left) in [
            (vec![], None, EndpointsState::Gone, 0, true),
            (vec![endpoint(1, "US_EAST_1", "ACTIVE")], None, EndpointsState::Present, 1, false),
            (vec![endpoint(1, "US_EAST_1", "DELETING")], None, EndpointsState::Deleting, 0, false),
            (
                vec![endpoint(1, "EU_WEST_1", "DELETING"), endpoint(2, "EU_WEST_1", "INITIATING")],
                None,
                EndpointsState::Present,
                1,
                false,
            ),
            (vec![endpoint(1, "US_EAST_1", "ACTIVE")], Some(&west), EndpointsState::Gone, 0, false),
            (
                vec![endpoint(1, "US_EAST_1", "ACTIVE"), endpoint(2, "EU_WEST_1", "FAILED")],
                Some(&west),
                EndpointsState::Present,
                1,
                false,
            ),
        ] {
            let output = assess(regions.map(Vec::as_slice), &endpoints);
            let found = (output.state, output.to_delete.len(), output.no_endpoints_left);
            assert_eq!(found, (state, to_delete, no_endpoints_left), "{endpoints:?}");
        }
    }
}
