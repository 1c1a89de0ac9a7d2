//! `delete-endpoint`: a private endpoint, asked to go. Atlas deletes none that it is still creating: the state machine
//! retries that by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::{EndpointStatus, PrivateEndpoint},
    error::{ErrorName, Result},
    ids::{PrivateEndpointId, ProjectId, SecretId},
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct DeleteEndpoint;

/// The endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The endpoint, by its id: a region may have several of them for a while.
    pub endpoint_id: PrivateEndpointId,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// The endpoint as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The endpoint.
    pub endpoint_id: PrivateEndpointId,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    project: ProjectId,
    endpoint: PrivateEndpoint,
}

impl Described for Delete {
    fn description(&self) -> Description {
        let (project, endpoint) = (&self.project, &self.endpoint);
        let region = endpoint.region().map_or_else(|| endpoint.region_name.clone(), |it| it.to_string());
        let resource = format!("/groups/{project}/encryptionAtRest/AWS/privateEndpoints/{}", endpoint.id);
        Description::delete(resource, format!("private endpoint in {region} deleted"))
            .before(json!({"regionName": endpoint.region_name, "status": endpoint.status.as_str()}))
    }
}

impl Step for DeleteEndpoint {
    const NAME: &'static str = "delete-endpoint";
    const ABOUT: &'static str = "Requests the deletion of one private endpoint, in any state that Atlas accepts";
    const RETRIES: Retries = Retries::Hours(&[ErrorName::EndpointProvisioning]);
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"projectId": "66f0a1b2c3d4e5f601234567", "endpointId": "6a793f88c0eb9e7a17716599"})
    }
}

impl Converge for DeleteEndpoint {
    type Observation = Option<PrivateEndpoint>;
    type Change = Delete;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<PrivateEndpoint>> {
        Ok(readers.atlas.private_endpoint(&input.project_id, &input.endpoint_id).await?)
    }

    fn decide(input: &Input, found: &Option<PrivateEndpoint>) -> Result<Vec<Delete>> {
        Ok(found.iter().filter_map(|endpoint| change(&input.project_id, endpoint)).collect())
    }

    async fn act(writers: &Writers, input: &Input, _: Option<PrivateEndpoint>, changes: &[Delete]) -> Result<Output> {
        for change in changes {
            writers.atlas().delete_private_endpoint(&change.project, &change.endpoint.id).await?;
        }
        Ok(Output { endpoint_id: input.endpoint_id.clone() })
    }
}

/// What there is to do about an endpoint: nothing, if it is on its way out.
pub(crate) fn change(project: &ProjectId, endpoint: &PrivateEndpoint) -> Option<Delete> {
    let going = endpoint.status == EndpointStatus::Deleting;
    (!going).then(|| Delete { project: project.clone(), endpoint: endpoint.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn an_endpoint_is_deleted_in_every_state_but_one() {
        let input = Input {
            project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            endpoint_id: "000000000000000000000001".parse().unwrap(),
            atlas_secret_id: None,
        };
        assert_eq!(DeleteEndpoint::decide(&input, &None).unwrap(), []);
        for (status, changes) in [
            ("INITIATING", 1),
            ("PENDING_ACCEPTANCE", 1),
            ("ACTIVE", 1),
            ("FAILED", 1),
            ("PENDING_RECREATION", 1),
            ("SOMETHING_NEW", 1),
            ("DELETING", 0),
        ] {
            let found = fixtures::endpoint(1, "EU_WEST_1", status);
            let decided = DeleteEndpoint::decide(&input, &Some(found)).unwrap();
            assert_eq!(decided.len(), changes, "{status}");
            assert!(
                decided
                    .iter()
                    .all(|change| change.description().made("").summary == "private endpoint in eu-west-1 deleted")
            );
        }
    }
}
