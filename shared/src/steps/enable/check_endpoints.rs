//! `check-endpoints`: one list call that says how the private endpoints stand, for the loops of the state machines:
//! until every region has an active one, or until those to be deleted are gone.

mod gone;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    error::Result,
    ids::{PrivateEndpointId, ProjectId, Region, SecretId},
    model::endpoints::{EndpointsState, regional},
    report::Endpoint,
    step::{Actions, Answer, Readers, Step, actions},
};

/// The step.
pub struct CheckEndpoints;

/// The endpoints that matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What the loop waits for.
    pub expect: Expect,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// What a loop waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Expect {
    /// An active endpoint in each of these regions.
    Active(Vec<Region>),
    /// No endpoint in any of these regions; in any at all if null.
    Gone(Option<Vec<Region>>),
}

/// How the endpoints stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What to do next.
    pub state: EndpointsState,
    /// Every region that is to be active, in the order of the input.
    pub endpoints: Vec<Endpoint>,
    /// The endpoints to be gone whose deletion was not requested yet.
    pub to_delete: Vec<PrivateEndpointId>,
    /// Whether the project has no endpoint at all, in any region.
    pub no_endpoints_left: bool,
    /// One sentence about what is not as expected.
    pub summary: String,
}

impl Step for CheckEndpoints {
    const NAME: &'static str = "check-endpoints";
    const ABOUT: &'static str = "Read-only: returns how the private endpoints stand, with one request: whether every \
        region has an active one, or which are left";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "projectId": "66f0a1b2c3d4e5f601234567",
            "expect": {"active": [
                "us-east-1",
                "eu-west-1",
                "ap-southeast-2"
            ]}
        })
    }
}

impl Answer for CheckEndpoints {
    type Observation = Vec<PrivateEndpoint>;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<PrivateEndpoint>> {
        Ok(readers.atlas.private_endpoints(&input.project_id).await?)
    }

    fn answer(input: &Input, endpoints: Vec<PrivateEndpoint>, _: Timestamp) -> Result<Output> {
        Ok(match &input.expect {
            Expect::Active(regions) => assess(regions, &endpoints),
            Expect::Gone(regions) => gone::assess(regions.as_deref(), &endpoints),
        })
    }
}

/// How `regions` stand, given every endpoint of the project.
fn assess(regions: &[Region], endpoints: &[PrivateEndpoint]) -> Output {
    let (state, regional) = regional(regions, endpoints);
    Output {
        state,
        summary: summarise(&regional),
        endpoints: regional,
        to_delete: Vec::new(),
        no_endpoints_left: endpoints.is_empty(),
    }
}

fn summarise(endpoints: &[Endpoint]) -> String {
    let not_active = endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::Active.as_str());
    let summary = list(not_active.map(|endpoint| match &endpoint.error_message {
        Some(message) => format!("{} is {} ({message})", endpoint.region, endpoint.status),
        None => format!("{} is {}", endpoint.region, endpoint.status),
    }));
    summary.unwrap_or_else(|| "every private endpoint is ACTIVE".to_owned())
}

/// Several things in one sentence.
fn list(things: impl Iterator<Item = String>) -> Option<String> {
    let things: Vec<String> = things.collect();
    (!things.is_empty()).then(|| things.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::endpoint;

    #[test]
    fn the_loop_goes_on_gives_up_or_waits() {
        let regions: Vec<Region> = vec!["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap()];
        for (east, west, state) in [
            (vec!["ACTIVE"], vec!["ACTIVE"], EndpointsState::Active),
            (vec!["ACTIVE"], vec![], EndpointsState::Missing),
            (vec!["INITIATING"], vec![], EndpointsState::Missing),
            (vec!["ACTIVE"], vec!["DELETING"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["INITIATING"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["PENDING_ACCEPTANCE"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["PENDING_RECREATION"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["SOMETHING_NEW"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["PENDING_RECREATION", "INITIATING"], EndpointsState::Waiting),
            (vec!["ACTIVE"], vec!["PENDING_RECREATION", "ACTIVE"], EndpointsState::Active),
            (vec!["INITIATING"], vec!["FAILED"], EndpointsState::Failed),
            (vec!["ACTIVE"], vec!["FAILED", "ACTIVE"], EndpointsState::Active),
        ] {
            let list: Vec<PrivateEndpoint> = east
                .iter()
                .map(|status| endpoint(1, "US_EAST_1", status))
                .chain(west.iter().map(|status| endpoint(2, "EU_WEST_1", status)))
                .chain([endpoint(3, "AP_SOUTH_1", "FAILED")])
                .collect();
            assert_eq!(assess(&regions, &list).state, state, "{east:?} {west:?}");
        }
    }

    #[test]
    fn what_is_not_active_is_reported_with_its_reason() {
        let regions: Vec<Region> =
            vec!["us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap(), "ap-south-1".parse().unwrap()];
        let output = assess(&regions, &[endpoint(1, "US_EAST_1", "ACTIVE"), endpoint(2, "EU_WEST_1", "FAILED")]);
        assert_eq!(output.summary, "eu-west-1 is FAILED (no replica of the key), ap-south-1 is MISSING");
    }
}
