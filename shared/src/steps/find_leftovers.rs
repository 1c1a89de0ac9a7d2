//! `find-leftovers`: what was left unfinished in a project: authorizations that were never finished, private endpoints that are
//! stuck.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoChange;
use crate::{
    atlas::{AccessRole, EndpointStatus, PrivateEndpoint},
    error::Result,
    ids::{ProjectId, SecretId},
    step::{Context, Step},
};

/// The step.
pub struct FindLeftovers;

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// In a sentence each.
    pub leftovers: Vec<String>,
}

impl Step for FindLeftovers {
    const NAME: &'static str = "find-leftovers";
    type Input = Input;
    type Output = Output;
    type Observation = (Vec<AccessRole>, Vec<PrivateEndpoint>);
    type Change = NoChange;

    async fn observe(context: &Context, input: &Input) -> Result<Self::Observation> {
        let roles = context.atlas.access_roles(&input.project_id).await?;
        Ok((roles, context.atlas.private_endpoints(&input.project_id).await?))
    }

    fn decide(_: &Input, _: &Self::Observation) -> Result<Vec<NoChange>> {
        Ok(Vec::new())
    }

    async fn act(_: &Context, input: &Input, found: Self::Observation, _: &[NoChange]) -> Result<Output> {
        Ok(Output { leftovers: leftovers(&input.project_id, &found.0, &found.1, Timestamp::now()) })
    }
}

/// After how many hours an authorization counts as given up.
const GIVEN_UP_AFTER_HOURS: i64 = 24;

fn leftovers(project: &ProjectId, roles: &[AccessRole], endpoints: &[PrivateEndpoint], now: Timestamp) -> Vec<String> {
    let given_up = roles.iter().filter(|role| role.is_pending()).filter_map(|role| {
        let created = role.created_date.as_deref()?;
        let hours = (now.as_second() - created.parse::<Timestamp>().ok()?.as_second()) / 3600;
        (hours >= GIVEN_UP_AFTER_HOURS).then(|| {
            format!(
                "project {project}: access role record {} (created {created}) was never authorized: run enable-encryption, or remove it with cancel-authorization",
                role.role_id
            )
        })
    });
    let stuck = endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::Active).map(|endpoint| {
        let why = endpoint.error_message().map(|why| format!(" ({why})")).unwrap_or_default();
        format!(
            "project {project}: the private endpoint in {} is {}{why}: if it stays so, delete it and run the enablement again, or contact MongoDB Support",
            endpoint.region_name, endpoint.status
        )
    });
    given_up.chain(stuck).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_old_or_stuck_is_reported_and_what_is_under_way_or_done_is_not() {
        let role = |created: &str, authorized: Option<&str>| {
            let arn = authorized.map(|_| "arn:aws:iam::444455556666:role/atlas-cmk");
            let record = json!({"roleId": "6a793f88c0eb9e7a17716581", "createdDate": created, "authorizedDate": authorized, "iamAssumedRoleArn": arn});
            serde_json::from_value::<AccessRole>(record).unwrap()
        };
        let endpoint = |status: &str| {
            let record = json!({"id": "6824b52d55284797a423aebc", "cloudProvider": "AWS", "regionName": "US_EAST_1", "status": status, "errorMessage": null});
            serde_json::from_value::<PrivateEndpoint>(record).unwrap()
        };
        let project = "66f0a1b2c3d4e5f601234567".parse().unwrap();
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let roles = [
            role("2026-11-23T09:00:00Z", None),
            role("2026-11-22T09:00:00Z", None),
            role("2026-11-01T09:00:00Z", Some("2026-11-01T09:05:00Z")),
        ];
        let endpoints = [endpoint("ACTIVE"), endpoint("FAILED"), endpoint("DELETING")];
        let found = leftovers(&project, &roles, &endpoints, now);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("never authorized") && found[1].contains("FAILED"), "{found:?}");
    }
}
