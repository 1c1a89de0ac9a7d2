//! Operations on the IAM role records of a project.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::access;
use crate::answer::Answer;
use crate::aws::Refusal;
use crate::error::ApiError;
use crate::moment::Moment;
use crate::records::projects::Project;

use super::Call;

/// The providers of the Atlas API spec.
const PROVIDERS: [&str; 3] = ["AWS", "AZURE", "GCP"];

/// `GET …/cloudProviderAccess`. Not paginated.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let sim = call.sim;
    sim.project_at(call.group(), |project, moment| Ok(Answer::ok(to_json(project, moment, &sim.atlas_account))))
}

/// All role records of a project.
pub(crate) fn to_json(project: &Project, moment: Moment, atlas_account: &str) -> Value {
    let roles: Vec<Value> = project
        .access
        .roles()
        .iter()
        .map(|role| role.to_json(atlas_account, project.uses_for_encryption(role, moment)))
        .collect();
    json!({"awsIamRoles": roles, "azureServicePrincipals": [], "gcpServiceAccounts": []})
}

/// `POST …/cloudProviderAccess`: every call makes one more record.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut body = call.attributes()?;
    require_aws(&body.require_string("providerName")?)?;
    body.finish()?;
    call.sim.project(call.group(), |project| {
        let role = project.access.create();
        Ok(Answer::ok(role.to_json(&call.sim.atlas_account, false)))
    })
}

/// `GET …/cloudProviderAccess/{roleId}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.project_at(call.group(), |project, moment| {
        let role = project.access.get(call.parameter(1))?;
        let in_use = project.uses_for_encryption(role, moment);
        Ok(Answer::ok(role.to_json(&call.sim.atlas_account, in_use)))
    })
}

/// `PATCH …/cloudProviderAccess/{roleId}`: Atlas tries the role now.
pub(super) async fn authorize(call: &Call<'_>) -> Result<Answer, ApiError> {
    let (sim, group) = (call.sim, call.group());
    let mut body = call.attributes()?;
    require_aws(&body.require_string("providerName")?)?;
    let arn = body.require_string("iamAssumedRoleArn")?;
    body.finish()?;
    if !is_role_arn(&arn) {
        return Err(ApiError::invalid_attribute("iamAssumedRoleArn"));
    }
    let role = sim.project(group, |project| project.access.get(call.parameter(1)).cloned())?;
    match access::assume(sim, &role, &arn).await {
        Ok(_) => {}
        Err(Refusal::Unreachable(why)) => return Err(access::unreachable_aws(&why)),
        Err(_) => return Err(ApiError::cannot_assume_role(&arn)),
    }
    let fails_once_more = sim.state().behaviour.fail_once_after_authorize;
    sim.project_at(group, |project, moment| {
        let role = project.access.authorize(&role.role_id, &arn, fails_once_more)?;
        let in_use = project.uses_for_encryption(&role, moment);
        Ok(Answer::ok(role.to_json(&sim.atlas_account, in_use)))
    })
}

/// `DELETE …/cloudProviderAccess/{cloudProvider}/{roleId}`.
pub(super) fn deauthorize(call: &Call<'_>) -> Result<Answer, ApiError> {
    require_aws(call.parameter(1))?;
    call.sim.project_at(call.group(), |project, moment| {
        let role_id = call.parameter(2);
        let in_use = project.uses_for_encryption(project.access.get(role_id)?, moment);
        project.access.remove(role_id, in_use)?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    })
}

fn require_aws(provider: &str) -> Result<(), ApiError> {
    match provider {
        "AWS" => Ok(()),
        other if PROVIDERS.contains(&other) => Err(ApiError::not_simulated("cloud providers other than AWS")),
        other => Err(ApiError::invalid_enum_value(other)),
    }
}

/// 20 to 2048 characters (Atlas API spec) that name an IAM role.
fn is_role_arn(arn: &str) -> bool {
    (20..=2048).contains(&arn.len()) && arn.starts_with("arn:aws") && arn.contains(":iam::") && arn.contains(":role/")
}
