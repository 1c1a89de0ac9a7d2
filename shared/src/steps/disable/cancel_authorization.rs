//! `cancel-authorization`: an access role record that was never authorized, removed: that of an enablement that came no
//! further, or one that is named. One that is authorized is left to `disable-encryption`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    atlas::AccessRole,
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, ProjectId, SecretId},
    model::access_records::RemoveRecord,
    registry,
    step::{Actions, Converge, Readers, Step, Writers, actions, sample_file},
};

/// The step.
pub struct CancelAuthorization;

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The record; the one that is registered of the project unless given. `describe` lists them.
    #[serde(default)]
    pub role_id: Option<AccessRoleId>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

/// The record as it is now: gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The record.
    pub role_id: AccessRoleId,
}

/// The records of the project, and which of them is meant.
pub struct Found {
    registered: Option<AccessRoleId>,
    records: Vec<AccessRole>,
}

impl Step for CancelAuthorization {
    const NAME: &'static str = "cancel-authorization";
    const ABOUT: &'static str = "Removes an access role record that was never authorized: the registered one, or a \
        named one";
    const ACTIONS: Actions = &[actions::ATLAS, &["dynamodb:GetItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/cancel-authorization.json"))
    }
}

impl Converge for CancelAuthorization {
    type Observation = Found;
    type Change = RemoveRecord;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let registered = match &input.role_id {
            Some(_) => None,
            None => {
                let project = registry::read(&readers.registry()?, &input.project_id).await?;
                project.and_then(|project| project.entry().map(|entry| entry.role_id.clone()))
            }
        };
        Ok(Found { registered, records: readers.atlas.access_roles(&input.project_id).await? })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<RemoveRecord>> {
        let role_id = meant(input, found)?;
        match found.records.iter().find(|record| record.role_id == *role_id) {
            None => Ok(Vec::new()),
            Some(record) if record.is_pending() => Ok(vec![RemoveRecord::new(&input.project_id, record)]),
            Some(record) => Err(Error::new(
                ErrorName::AtlasConflict,
                format!(
                    "access role record {role_id} is authorized for {} and was not removed: use disable-encryption, or \
                     deauthorize it in Atlas",
                    record.iam_assumed_role_arn.as_deref().unwrap_or("an IAM role")
                ),
            )),
        }
    }

    async fn act(writers: &Writers, input: &Input, found: Found, changes: &[RemoveRecord]) -> Result<Output> {
        let role_id = meant(input, &found)?.clone();
        for _ in changes {
            writers.atlas().remove_access_role(&input.project_id, &role_id).await?;
        }
        Ok(Output { role_id })
    }
}

fn meant<'a>(input: &'a Input, found: &'a Found) -> Result<&'a AccessRoleId> {
    input.role_id.as_ref().or(found.registered.as_ref()).ok_or_else(|| {
        Error::new(
            ErrorName::InputInvalid,
            format!(
                "roleId: missing, and no access role record is registered for project {}; give the id of one that \
                 describe lists as pending",
                input.project_id
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Described;

    const OURS: &str = "6a793f88c0eb9e7a17716581";
    const OTHER: &str = "6a793f88c0eb9e7a17716582";

    fn decide(named: Option<&str>, registered: Option<&str>) -> Result<Vec<String>> {
        let input: Input =
            serde_json::from_value(json!({"projectId": "66f0a1b2c3d4e5f601234567", "roleId": named})).unwrap();
        let pending = json!({"roleId": OURS});
        let authorized = json!({
            "roleId": OTHER, "iamAssumedRoleArn": "arn:aws:iam::444455556666:role/a", "authorizedDate": "2026-01-01T00:00:00Z",
        });
        let records = [pending, authorized].map(|record| serde_json::from_value(record).unwrap()).to_vec();
        let found = Found { registered: registered.map(|id| id.parse().unwrap()), records };
        let changes = CancelAuthorization::decide(&input, &found)?;
        Ok(changes.iter().map(|change| change.description().made(CancelAuthorization::NAME).resource).collect())
    }

    #[test]
    fn only_a_record_that_is_ours_or_named_and_was_never_authorized_is_cancelled() {
        let path = [format!("/groups/66f0a1b2c3d4e5f601234567/cloudProviderAccess/{OURS}")];
        assert_eq!(decide(None, Some(OURS)).unwrap(), path);
        assert_eq!(decide(Some(OURS), None).unwrap(), path);
        assert_eq!(decide(Some("6a793f88c0eb9e7a17716583"), None).unwrap(), [] as [String; 0], "it is gone");
        assert_eq!(decide(None, None).unwrap_err().name(), ErrorName::InputInvalid, "nobody said which");
        for (named, registered) in [(Some(OTHER), Some(OURS)), (None, Some(OTHER))] {
            assert_eq!(decide(named, registered).unwrap_err().name(), ErrorName::AtlasConflict);
        }
    }
}
