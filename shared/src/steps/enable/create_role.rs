//! `create-role`: the access role record of Atlas, from which the trust policy takes its principal and external ID.
//!
//! Creating a record is not idempotent and a record has no natural key before it is authorized, so the list is always
//! looked at first: adopt the record authorized for our IAM role, else reuse one that never was, else make one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    atlas::AccessRole,
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, ExternalId, IamRoleArn, PrincipalArn, ProjectId, SecretId},
    model::enablement::{Enablement, sample},
    report::{Described, Description},
    step::{Actions, Converge, Readers, Step, Writers, actions},
};

/// The step.
pub struct CreateRole;

/// The role to have a record for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The IAM role that Atlas is going to assume.
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
            role_arn: enablement.request.role_arn.clone(),
            atlas_secret_id: enablement.request.atlas_secret_id.clone(),
        }
    }
}

/// The access role, and what a trust policy must say for Atlas to assume the IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Atlas's id of the record.
    pub role_id: AccessRoleId,
    /// The principal of the trust policy.
    pub atlas_aws_account_arn: PrincipalArn,
    /// The external ID of the trust policy.
    pub external_id: ExternalId,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    project: ProjectId,
    role: IamRoleArn,
}

impl Described for NewRecord {
    fn description(&self) -> Description {
        let resource = format!("/groups/{}/cloudProviderAccess", self.project);
        Description::create(resource, format!("access role record for {}", self.role))
            .after(json!({"providerName": "AWS"}))
    }
}

impl Step for CreateRole {
    const NAME: &'static str = "create-role";
    const ABOUT: &'static str = "Chooses the Atlas access role record: the one authorized for this IAM role, else one \
        that was never authorized, else a new one";
    const ACTIONS: Actions = &[actions::ATLAS];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(Input::of)
    }
}

impl Converge for CreateRole {
    type Observation = Vec<AccessRole>;
    type Change = NewRecord;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<AccessRole>> {
        Ok(readers.atlas.access_roles(&input.project_id).await?)
    }

    fn decide(input: &Input, records: &Vec<AccessRole>) -> Result<Vec<NewRecord>> {
        Ok(match choose(&input.role_arn, &input.project_id, records)? {
            Some(_) => Vec::new(),
            None => vec![NewRecord { project: input.project_id.clone(), role: input.role_arn.clone() }],
        })
    }

    async fn act(writers: &Writers, input: &Input, records: Vec<AccessRole>, changes: &[NewRecord]) -> Result<Output> {
        let checked = |record: &AccessRole| {
            let output = output(record)?;
            writers.check_principal_of_atlas(output.atlas_aws_account_arn.as_ref())?;
            Ok(output)
        };
        if let ([], Some(record)) = (changes, choose(&input.role_arn, &input.project_id, &records)?) {
            return checked(record);
        }
        let made = writers.atlas().create_access_role(&input.project_id).await?;
        // Another execution may have made one at the same time. Both then go on with the older, and the other is reused
        // by whoever needs a record next.
        let records = writers.atlas.access_roles(&input.project_id).await?;
        checked(choose(&input.role_arn, &input.project_id, &records)?.unwrap_or(&made))
    }
}

/// The record to use: the one that names our IAM role, else the oldest that was never authorized.
///
/// The oldest, because a run that died between its first and its third step left one behind, and every repetition of it
/// has to find the same one again.
pub(crate) fn choose<'a>(
    role_arn: &IamRoleArn,
    project: &ProjectId,
    records: &'a [AccessRole],
) -> Result<Option<&'a AccessRole>> {
    let names_our_role = |record: &&AccessRole| record.iam_assumed_role_arn.as_deref() == Some(role_arn.as_ref());
    let ours: Vec<&AccessRole> = records.iter().filter(names_our_role).collect();
    match ours.as_slice() {
        [record] => Ok(Some(record)),
        [] => Ok(records.iter().filter(|record| record.is_pending()).min_by_key(|record| &record.created_date)),
        several => Err(Error::new(
            ErrorName::AtlasConflict,
            format!(
                "{} access role records of project {} are authorized for {}: {}; deauthorize all but the one in use",
                several.len(),
                project,
                role_arn,
                several.iter().map(|record| record.role_id.as_ref()).collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

pub(crate) fn output(record: &AccessRole) -> Result<Output> {
    let unusable = |field: &str, why: &str| {
        Error::new(
            ErrorName::AtlasRejected,
            format!("access role record {} has no usable {field}: {why}", record.role_id),
        )
    };
    let principal = record.atlas_aws_account_arn.as_deref().unwrap_or_default();
    let external_id = record.external_id.as_deref().unwrap_or_default();
    Ok(Output {
        role_id: record.role_id.clone(),
        atlas_aws_account_arn: principal
            .parse()
            .map_err(|error: crate::ids::InvalidId| unusable("atlasAWSAccountArn", &error.to_string()))?,
        external_id: external_id
            .parse()
            .map_err(|error: crate::ids::InvalidId| unusable("atlasAssumedRoleExternalId", &error.to_string()))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ROLE as OURS, access_role, enablement, pending_access_role, request};

    const OTHER: &str = "arn:aws:iam::444455556666:role/backup-export";

    fn input() -> Input {
        Input::of(&enablement(&request(&json!({}))))
    }

    fn chosen(records: &[AccessRole]) -> Option<&AccessRole> {
        let input = input();
        choose(&input.role_arn, &input.project_id, records).unwrap()
    }

    fn record(id: u8, arn: Option<&str>, created: &str) -> AccessRole {
        AccessRole {
            role_id: format!("{id:024x}").parse().unwrap(),
            external_id: Some(format!("external-{id}")),
            iam_assumed_role_arn: arn.map(str::to_owned),
            created_date: Some(created.to_owned()),
            ..if arn.is_some() { access_role() } else { pending_access_role() }
        }
    }

    #[test]
    fn a_record_is_adopted_before_one_is_reused_before_one_is_made() {
        let pending = record(1, None, "2026-01-03T00:00:00Z");
        let older = record(2, None, "2026-01-02T00:00:00Z");
        let ours = record(3, Some(OURS), "2026-01-04T00:00:00Z");
        let foreign = record(4, Some(OTHER), "2026-01-01T00:00:00Z");
        for (records, expected) in [
            (vec![], None),
            (vec![foreign.clone()], None),
            (vec![foreign.clone(), pending.clone()], Some(&pending)),
            (vec![pending.clone(), older.clone()], Some(&older)),
            (vec![pending.clone(), foreign, ours.clone(), older.clone()], Some(&ours)),
        ] {
            assert_eq!(chosen(&records), expected);
            assert_eq!(CreateRole::decide(&input(), &records).unwrap().len(), usize::from(expected.is_none()));
        }
    }

    #[test]
    fn two_records_for_one_role_are_a_conflict_that_names_both() {
        let records = vec![record(1, Some(OURS), ""), record(2, Some(OURS), "")];
        let error = CreateRole::decide(&input(), &records).unwrap_err();
        assert_eq!(error.name(), ErrorName::AtlasConflict);
        assert!(
            error.message().contains(records[0].role_id.as_ref())
                && error.message().contains(records[1].role_id.as_ref())
        );
    }

    #[test]
    fn a_principal_that_would_let_anyone_in_is_never_passed_on() {
        for principal in [None, Some("*"), Some("")] {
            let record = AccessRole { atlas_aws_account_arn: principal.map(str::to_owned), ..record(1, None, "") };
            assert!(output(&record).is_err(), "{principal:?}");
        }
    }
}
