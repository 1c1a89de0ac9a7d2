//! `check-endpoints-gone`: one list call that returns the private endpoints that still exist, for the loop of the state machine. What Atlas
//! has recreated in the meantime has another id, and is found here like the rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoChange;
use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    error::Result,
    ids::{PrivateEndpointId, ProjectId, Region, SecretId},
    step::{Context, Step},
};

/// The step.
pub struct CheckEndpointsGone;

/// The endpoints that are to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Only those of these regions; all unless given.
    #[serde(default)]
    pub regions: Option<Vec<Region>>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// What is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What to do next.
    pub state: State,
    /// The endpoints whose deletion was not requested yet.
    pub to_delete: Vec<PrivateEndpointId>,
    /// Whether the project has no endpoint left at all.
    pub none_left: bool,
    /// The state in one sentence.
    pub summary: String,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Continue: all of them are deleted.
    Gone,
    /// Request the deletions that were not requested yet.
    There,
    /// Wait: they are being deleted.
    Going,
}

impl Step for CheckEndpointsGone {
    const NAME: &'static str = "check-endpoints-gone";
    type Input = Input;
    type Output = Output;
    type Observation = Vec<PrivateEndpoint>;
    type Change = NoChange;

    async fn observe(context: &Context, input: &Input) -> Result<Vec<PrivateEndpoint>> {
        Ok(context.atlas.private_endpoints(&input.project_id).await?)
    }

    fn decide(_: &Input, _: &Vec<PrivateEndpoint>) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(_: &Context, input: &Input, endpoints: Vec<PrivateEndpoint>, _: &[NoChange]) -> Result<Output> {
        Ok(assess(input.regions.as_deref(), &endpoints))
    }
}

fn assess(regions: Option<&[Region]>, endpoints: &[PrivateEndpoint]) -> Output {
    let concerned =
        |endpoint: &&PrivateEndpoint| regions.is_none_or(|regions| regions.iter().any(|region| endpoint.is_in(region)));
    let there: Vec<&PrivateEndpoint> = endpoints.iter().filter(concerned).collect();
    let to_delete: Vec<PrivateEndpointId> = there
        .iter()
        .filter(|endpoint| endpoint.status != EndpointStatus::Deleting)
        .map(|endpoint| endpoint.id.clone())
        .collect();
    let summaries: Vec<String> =
        there.iter().map(|endpoint| format!("{} is {}", endpoint.region_name, endpoint.status)).collect();
    Output {
        state: match (there.is_empty(), to_delete.is_empty()) {
            (true, _) => State::Gone,
            (false, false) => State::There,
            (false, true) => State::Going,
        },
        to_delete,
        none_left: endpoints.is_empty(),
        summary: if summaries.is_empty() { "every private endpoint is gone".to_owned() } else { summaries.join(", ") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_counts_until_it_is_gone_and_one_that_was_made_again_is_found() {
        let endpoint = |n: u8, region: &str, status: &str| PrivateEndpoint {
            id: format!("{n:024x}").parse().unwrap(),
            region_name: region.to_owned(),
            status: status.parse().unwrap(),
            error_message: None,
        };
        let west: Vec<Region> = vec!["eu-west-1".parse().unwrap()];
        for (endpoints, regions, state, to_delete, none_left) in [
            (vec![], None, State::Gone, 0, true),
            (vec![endpoint(1, "US_EAST_1", "ACTIVE")], None, State::There, 1, false),
            (vec![endpoint(1, "US_EAST_1", "DELETING")], None, State::Going, 0, false),
            (
                vec![endpoint(1, "EU_WEST_1", "DELETING"), endpoint(2, "EU_WEST_1", "INITIATING")],
                None,
                State::There,
                1,
                false,
            ),
            (vec![endpoint(1, "US_EAST_1", "ACTIVE")], Some(&west), State::Gone, 0, false),
            (
                vec![endpoint(1, "US_EAST_1", "ACTIVE"), endpoint(2, "EU_WEST_1", "FAILED")],
                Some(&west),
                State::There,
                1,
                false,
            ),
        ] {
            let output = assess(regions.map(Vec::as_slice), &endpoints);
            let found = (output.state, output.to_delete.len(), output.none_left);
            assert_eq!(found, (state, to_delete, none_left), "{endpoints:?}");
        }
    }
}
