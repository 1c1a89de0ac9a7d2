//! `authorize-role`: the access role record, authorized for the IAM role. Atlas assumes the role while it answers,
//! which usually fails for some seconds after the role was created or changed: the state machine retries it by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::AccessRole,
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, IamRoleArn, ProjectId, SecretId},
    model::enablement::{Enablement, sample},
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct AuthorizeRole;

/// The record and the IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The access role record.
    pub role_id: AccessRoleId,
    /// The IAM role it is to be authorized for.
    pub role_arn: IamRoleArn,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
}

impl Input {
    /// The input in an enablement.
    pub fn of(enablement: &Enablement<'_>) -> Self {
        Self {
            project_id: enablement.project_id.clone(),
            role_id: enablement.role_id.clone(),
            role_arn: enablement.request.role_arn.clone(),
            atlas_secret_id: enablement.request.atlas_secret_id.clone(),
        }
    }
}

/// The authorized record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The access role record.
    pub role_id: AccessRoleId,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorize(Input, Option<String>);

impl Described for Authorize {
    fn description(&self) -> Description {
        let Input { project_id, role_id, role_arn, .. } = &self.0;
        let resource = format!("/groups/{project_id}/cloudProviderAccess/{role_id}");
        Description::update(resource, format!("access role authorized for {role_arn}"))
            .before(json!({"iamAssumedRoleArn": self.1}))
            .after(json!({"iamAssumedRoleArn": role_arn}))
    }
}

impl Step for AuthorizeRole {
    const NAME: &'static str = "authorize-role";
    const ABOUT: &'static str = "Authorizes the access role record for the IAM role. Atlas assumes the role while it \
        answers";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AtlasCannotAssumeRole]);
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }
}

impl Converge for AuthorizeRole {
    type Observation = Vec<AccessRole>;
    type Change = Authorize;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<AccessRole>> {
        Ok(readers.atlas.access_roles(&input.project_id).await?)
    }

    fn decide(input: &Input, records: &Vec<AccessRole>) -> Result<Vec<Authorize>> {
        let conflict = |what: String| Error::new(ErrorName::AtlasConflict, what);
        let Some(record) = records.iter().find(|record| record.role_id == input.role_id) else {
            return Err(conflict(format!(
                "access role record {} is no longer in project {}: it was removed in the meantime; run again",
                input.role_id, input.project_id
            )));
        };
        match &record.iam_assumed_role_arn {
            _ if record.is_authorized_for(&input.role_arn) => Ok(Vec::new()),
            Some(other) if other != input.role_arn.as_ref() => Err(conflict(format!(
                "access role record {} was authorized for {other} in the meantime, and atlas-cmk does not take it over; run again",
                input.role_id
            ))),
            _ => Ok(vec![Authorize(input.clone(), record.iam_assumed_role_arn.clone())]),
        }
    }

    async fn act(writers: &Writers, input: &Input, _: Vec<AccessRole>, changes: &[Authorize]) -> Result<Output> {
        for Authorize(input, _) in changes {
            writers.atlas().authorize_access_role(&input.project_id, &input.role_id, &input.role_arn).await?;
        }
        Ok(Output { role_id: input.role_id.clone() })
    }
}

/// A record that is going to be there.
pub(crate) fn pending(role_id: AccessRoleId) -> AccessRole {
    AccessRole {
        role_id,
        atlas_aws_account_arn: None,
        external_id: None,
        iam_assumed_role_arn: None,
        authorized_date: None,
        created_date: None,
        feature_usages: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{access_role, enablement, pending_access_role, request};

    fn input() -> Input {
        Input::of(&enablement(&request(&json!({}))))
    }

    fn record(arn: Option<&str>, authorized: bool) -> AccessRole {
        let record = if authorized { access_role() } else { pending_access_role() };
        AccessRole { iam_assumed_role_arn: arn.map(str::to_owned), ..record }
    }

    #[test]
    fn a_record_is_authorized_once() {
        let ours = input().role_arn.to_string();
        for (records, changes) in [
            (vec![record(None, false)], vec![Authorize(input(), None)]),
            (vec![record(Some(&ours), false)], vec![Authorize(input(), Some(ours.clone()))]),
            (vec![record(Some(&ours), true)], vec![]),
        ] {
            assert_eq!(AuthorizeRole::decide(&input(), &records).unwrap(), changes);
        }
    }

    #[test]
    fn a_record_that_vanished_or_went_to_another_role_is_a_conflict() {
        for records in [vec![], vec![record(Some("arn:aws:iam::444455556666:role/other"), true)]] {
            assert_eq!(AuthorizeRole::decide(&input(), &records).unwrap_err().name(), ErrorName::AtlasConflict);
        }
    }
}
