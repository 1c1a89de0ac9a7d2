//! Operations on the encryption-at-rest configuration of a project.

use crate::access;
use crate::answer::Answer;
use crate::aws::Refusal;
use crate::error::ApiError;
use crate::records::cloud_provider_access::AwsRole;
use crate::records::encryption_at_rest::AwsKms;
use crate::records::encryption_plan::{AwsKmsChange, Plan};
use crate::sim::Sim;

use super::Call;
use super::attributes::Attributes;

/// `GET …/encryptionAtRest`: Atlas validates on every such request.
pub(super) async fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    let current = call.sim.project(call.group(), |project| {
        let kms = project.encryption.aws.clone();
        let role = kms.as_ref().and_then(|kms| project.access.get(&kms.role_id).ok()).cloned();
        Ok(kms.zip(role))
    })?;
    if let Some((kms, role)) = current {
        let valid = match access::check_key(call.sim, &role, &kms).await {
            Ok(()) => true,
            Err(Refusal::Unreachable(why)) => return Err(access::unreachable_aws(&why)),
            Err(_) => false,
        };
        call.sim.project(call.group(), |project| {
            if let Some(now) = &mut project.encryption.aws {
                now.valid = valid;
            }
            Ok(())
        })?;
    }
    answer(call)
}

/// `PATCH …/encryptionAtRest`.
pub(super) async fn update(call: &Call<'_>) -> Result<Answer, ApiError> {
    let (sim, group) = (call.sim, call.group());
    let mut body = call.attributes()?;
    let search_nodes = body.take_bool("enabledForSearchNodes")?;
    refuse_enabling(body.take_object("azureKeyVault")?)?;
    refuse_enabling(body.take_object("googleCloudKms")?)?;
    let change = body.take_object("awsKms")?.map(change).transpose()?;
    body.finish()?;

    let plan = match change {
        Some(change) => {
            sim.project_at(group, |project, moment| project.encryption.plan(change, &project.surroundings(moment)))?
        }
        None => Plan::Keep,
    };
    let aws = match plan {
        Plan::Keep => None,
        Plan::Disable => Some(None),
        Plan::Configure { wanted, first_check } => Some(Some(checked(sim, group, wanted, first_check).await?)),
    };
    sim.project_at(group, |project, moment| {
        if let Some(search_nodes) = search_nodes {
            project.encryption.enabled_for_search_nodes = search_nodes;
        }
        if let Some(aws) = aws {
            project.configure(aws, moment.now);
        }
        Ok(())
    })?;
    answer(call)
}

fn answer(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.project(call.group(), |project| Ok(Answer::ok(project.encryption.to_json())))
}

/// The wanted configuration, once Atlas has seen that it works.
async fn checked(sim: &Sim, group: &str, mut wanted: AwsKms, first_check: Option<AwsKms>) -> Result<AwsKms, ApiError> {
    if let Some(current) = first_check {
        let role = authorized(sim, group, &current.role_id)?;
        access::check_key(sim, &role, &current).await.map_err(|refusal| match refusal {
            Refusal::Unreachable(why) => access::unreachable_aws(&why),
            _ => ApiError::bad_request(
                "ENCRYPTION_AT_REST_SETTINGS_INVALID",
                "The current Encryption at Rest key cannot be accessed, and cannot be changed until it can.",
            ),
        })?;
    }
    let role = authorized(sim, group, &wanted.role_id)?;
    if sim.project(group, |project| Ok(project.access.take_failure(&role.role_id)))? {
        return Err(ApiError::cannot_assume_role(&role.role_id));
    }
    access::check_key(sim, &role, &wanted).await.map_err(|refusal| access::error_of_patch(refusal, &role.role_id))?;
    wanted.valid = true;
    Ok(wanted)
}

fn authorized(sim: &Sim, group: &str, role_id: &str) -> Result<AwsRole, ApiError> {
    sim.project(group, |project| project.access.authorized(role_id).cloned())
}

fn change(mut block: Attributes) -> Result<AwsKmsChange, ApiError> {
    let has_access_key = block.take_presence("accessKeyID");
    let has_secret = block.take_presence("secretAccessKey");
    // Read-only, and ignored when sent back.
    block.take_presence("valid");
    let change = AwsKmsChange {
        enabled: block.take_bool("enabled")?,
        role_id: block.take_string("roleId")?,
        key: block.take_string("customerMasterKeyID")?,
        region: block.take_string("region")?,
        require_private_networking: block.take_bool("requirePrivateNetworking")?,
        has_access_keys: has_access_key || has_secret,
    };
    block.finish()?;
    Ok(change)
}

/// The other clouds can be switched off, as Terraform does on every destroy, but not on.
fn refuse_enabling(block: Option<Attributes>) -> Result<(), ApiError> {
    let Some(mut block) = block else {
        return Ok(());
    };
    match block.take_bool("enabled")? {
        Some(false) => Ok(()),
        _ => Err(ApiError::not_simulated("encryption at rest with other clouds than AWS")),
    }
}
