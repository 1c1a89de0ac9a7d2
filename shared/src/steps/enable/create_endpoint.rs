//! `create-endpoint`: the private endpoint of one region. It asks for one and does not wait for it.
//!
//! An endpoint is known by its region: Atlas recreates endpoints under new ids, and for a while shows both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    error::{Error, ErrorName, Result},
    ids::{ProjectId, Region, SecretId},
    model::{
        enablement::{Enablement, sample},
        endpoints::leading,
    },
    report::{Described, Description},
    step::{Actions, Converge, Readers, Step, Writers, actions},
};

/// The step.
pub struct CreateEndpoint;

/// Where the endpoint is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The region.
    pub region: Region,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

impl Input {
    /// The input in an enablement, for a region.
    pub fn of(enablement: &Enablement<'_>, region: &Region) -> Self {
        Self {
            project_id: enablement.project_id.clone(),
            region: region.clone(),
            atlas_secret_id: enablement.request.atlas_secret_id.clone(),
        }
    }
}

/// The endpoint as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The region.
    pub region: Region,
    /// Atlas's status of it, for example `INITIATING`.
    pub status: String,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint(Input);

impl Described for NewEndpoint {
    fn description(&self) -> Description {
        let Input { project_id, region, .. } = &self.0;
        let resource = format!("/groups/{project_id}/encryptionAtRest/AWS/privateEndpoints");
        Description::create(resource, format!("private endpoint in {region}"))
            .consequence("Atlas charges for each private endpoint by the hour")
            .after(json!({"regionName": region.to_atlas()}))
    }
}

impl Step for CreateEndpoint {
    const NAME: &'static str = "create-endpoint";
    const ABOUT: &'static str = "Requests the private endpoint of one region";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(|enablement| Input::of(enablement, &enablement.primary_region))
    }
}

impl Converge for CreateEndpoint {
    type Observation = Vec<PrivateEndpoint>;
    type Change = NewEndpoint;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<PrivateEndpoint>> {
        Ok(readers.atlas.private_endpoints(&input.project_id).await?)
    }

    fn decide(input: &Input, endpoints: &Vec<PrivateEndpoint>) -> Result<Vec<NewEndpoint>> {
        match leading(endpoints, &input.region) {
            None => Ok(vec![NewEndpoint(input.clone())]),
            Some(endpoint) if endpoint.status == EndpointStatus::Failed => Err(Error::new(
                ErrorName::EndpointFailed,
                format!(
                    "the private endpoint in {} failed: {}; remove the cause, delete the endpoint {} in Atlas and run again",
                    input.region,
                    endpoint.error_message().unwrap_or("Atlas gives no reason"),
                    endpoint.id
                ),
            )),
            Some(_) => Ok(Vec::new()),
        }
    }

    async fn act(
        writers: &Writers,
        input: &Input,
        endpoints: Vec<PrivateEndpoint>,
        changes: &[NewEndpoint],
    ) -> Result<Output> {
        let status = match changes {
            [] => leading(&endpoints, &input.region).map(|endpoint| endpoint.status.clone()),
            _ => Some(writers.atlas().create_private_endpoint(&input.project_id, &input.region).await?.status),
        };
        Ok(Output { region: input.region.clone(), status: status.map(|status| status.to_string()).unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::{enablement, endpoint, region, request};

    fn input() -> Input {
        Input::of(&enablement(&request(&json!({}))), &region("eu-west-1"))
    }

    fn endpoints(list: &[(&str, &str)]) -> Vec<PrivateEndpoint> {
        list.iter().enumerate().map(|(n, (region, status))| endpoint(n, region, status)).collect()
    }

    #[test]
    fn a_region_gets_an_endpoint_unless_it_has_one_on_its_way() {
        for (list, creates) in [
            (vec![], true),
            (vec![("US_EAST_1", "ACTIVE")], true),
            (vec![("EU_WEST_1", "ACTIVE")], false),
            (vec![("EU_WEST_1", "INITIATING")], false),
            (vec![("EU_WEST_1", "PENDING_ACCEPTANCE")], false),
            (vec![("EU_WEST_1", "PENDING_RECREATION")], false),
            (vec![("EU_WEST_1", "SOMETHING_NEW")], false),
            // It has to be gone first: the loop of the state machine comes back.
            (vec![("EU_WEST_1", "DELETING")], false),
            (vec![("EU_WEST_1", "FAILED"), ("EU_WEST_1", "INITIATING")], false),
            (vec![("EU_WEST_1", "DELETING"), ("EU_WEST_1", "ACTIVE")], false),
        ] {
            let changes = CreateEndpoint::decide(&input(), &endpoints(&list)).unwrap();
            assert_eq!(!changes.is_empty(), creates, "{list:?}");
        }
    }

    proptest! {
        #[test]
        fn after_the_request_nothing_is_left_to_decide(
            statuses in prop::collection::vec(
                prop::sample::select(vec!["ACTIVE", "INITIATING", "PENDING_ACCEPTANCE", "PENDING_RECREATION", "DELETING"]),
                0..3,
            ),
        ) {
            let mut list: Vec<(&str, &str)> = statuses.iter().map(|status| ("EU_WEST_1", *status)).collect();
            let changes = CreateEndpoint::decide(&input(), &endpoints(&list)).unwrap();
            list.extend(changes.iter().map(|_| ("EU_WEST_1", "INITIATING")));
            prop_assert_eq!(CreateEndpoint::decide(&input(), &endpoints(&list)).unwrap(), vec![]);
        }
    }

    #[test]
    fn a_failed_endpoint_is_reported_with_its_reason_and_never_doubled() {
        let error = CreateEndpoint::decide(&input(), &endpoints(&[("EU_WEST_1", "FAILED")])).unwrap_err();
        assert_eq!(error.name(), ErrorName::EndpointFailed);
        assert!(error.message().contains("no replica of the key") && error.message().contains("eu-west-1"), "{error}");
    }
}
