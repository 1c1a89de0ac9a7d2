//! `deauthorize-role`: the access role record, removed from the project, which is how Atlas takes an authorization
//! away. Right after encryption was switched off, Atlas may still count it as in use: the state machine retries that by
//! name. A record that other features use is left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::AccessRole,
    error::{ErrorName, Result},
    ids::{AccessRoleId, ProjectId, SecretId},
    model::access_records::RemoveRecord,
    registry::approvals::PartOfPlan,
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct DeauthorizeRole;

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The access role record.
    pub role_id: AccessRoleId,
    /// The secret with the Atlas credentials, if it is not the secret of the stack.
    #[serde(default)]
    pub atlas_secret_id: Option<SecretId>,
    /// The name of the execution.
    #[serde(default)]
    pub execution: Option<String>,
    /// The hash of the plan that was approved.
    #[serde(default)]
    pub plan_hash: Option<String>,
}

/// The record as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Whether it is gone.
    pub gone: bool,
    /// The features that use it, for which it was left.
    pub used_by: Vec<String>,
}

impl Step for DeauthorizeRole {
    const NAME: &'static str = "deauthorize-role";
    const ABOUT: &'static str = "Removes the access role record, unless another Atlas feature uses it";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AtlasRoleInUse]);
    const ACTIONS: Actions = &[actions::ATLAS, &["dynamodb:GetItem"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({"projectId": "66f0a1b2c3d4e5f601234567", "roleId": "6a793f88c0eb9e7a17716581"})
    }
}

impl Converge for DeauthorizeRole {
    type Observation = Option<AccessRole>;
    type Change = RemoveRecord;

    async fn observe(readers: &Readers, input: &Input) -> Result<Option<AccessRole>> {
        let records = readers.atlas.access_roles(&input.project_id).await?;
        Ok(records.into_iter().find(|record| record.role_id == input.role_id))
    }

    fn decide(input: &Input, record: &Option<AccessRole>) -> Result<Vec<RemoveRecord>> {
        let unused = record.iter().filter(|record| record.other_features().is_empty());
        Ok(unused.map(|record| RemoveRecord::new(&input.project_id, record)).collect())
    }

    fn part_of_plan(input: &Input) -> Option<PartOfPlan<'_>> {
        let (execution, plan_hash) = (input.execution.as_deref(), input.plan_hash.as_deref());
        Some(PartOfPlan { project_id: &input.project_id, execution, plan_hash })
    }

    async fn act(writers: &Writers, _: &Input, record: Option<AccessRole>, changes: &[RemoveRecord]) -> Result<Output> {
        for change in changes {
            writers.atlas().remove_access_role(&change.project, &change.record.role_id).await?;
        }
        let used_by = used_by(record.as_ref());
        Ok(Output { gone: used_by.is_empty(), used_by })
    }
}

/// The features for which a record is left.
pub(crate) fn used_by(record: Option<&AccessRole>) -> Vec<String> {
    record.iter().flat_map(|record| record.other_features()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_removed_unless_another_feature_uses_it() {
        let input = Input {
            project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            role_id: "6a793f88c0eb9e7a17716581".parse().unwrap(),
            atlas_secret_id: None,
            execution: None,
            plan_hash: None,
        };
        assert_eq!(DeauthorizeRole::decide(&input, &None).unwrap(), []);
        for (features, changes) in [
            (vec![], 1),
            (vec!["ENCRYPTION_AT_REST"], 1),
            (vec!["ENCRYPTION_AT_REST", "EXPORT_SNAPSHOT"], 0),
            (vec!["ATLAS_DATA_LAKE"], 0),
        ] {
            let usages: Vec<Value> =
                features.iter().map(|name| json!({"featureType": name, "featureId": null})).collect();
            let record = json!({"roleId": input.role_id, "featureUsages": usages});
            let record: AccessRole = serde_json::from_value(record).unwrap();
            let decided = DeauthorizeRole::decide(&input, &Some(record.clone())).unwrap();
            assert_eq!(decided.len(), changes, "{features:?}");
            assert_eq!(used_by(Some(&record)).is_empty(), changes == 1, "{features:?}");
        }
    }
}
