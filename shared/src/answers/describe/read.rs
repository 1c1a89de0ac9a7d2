//! Everything about a project, read from both clouds.

use jiff::Timestamp;

use super::{
    AccessRoleInfo, AccessRoleState, ClusterInfo, EncryptionInfo, EndpointInfo, Input, KeyInfo, Output, ProjectInfo,
};
use crate::{
    answers::{
        survey::{InAtlas, Parts, RegionalKey},
        verify::{self, compare},
    },
    atlas::{AccessRole, Cluster, EncryptionAtRest, PrivateEndpoint},
    aws::{Caller, KeyState},
    error::{Error, ErrorName, Result},
    ids::{ClusterName, ProjectId},
    model::role_policies::RolePolicies,
    registry::{self, Entry, Stage},
    report::Difference,
    request::{Clusters, regional_keys},
    step::Readers,
};

pub(super) async fn project(readers: &Readers, input: &Input) -> Result<Output> {
    let (id, atlas) = (&input.project_id, &readers.atlas);
    let known = registry::read(&readers.registry()?, id).await?;
    let entry = known.as_ref().and_then(|project| project.entry());
    let account = input.account.clone().or_else(|| entry.and_then(|entry| entry.desired.account.clone()));
    let caller = Caller { account: account.as_ref(), execution: None };

    let project = atlas.project(id).await?;
    let in_atlas = InAtlas::read(atlas, Some(id), Parts::ALL).await.complete()?;
    let mut clusters = Vec::new();
    for cluster in in_atlas.clusters() {
        clusters.push(cluster_info(readers, id, cluster).await?);
    }
    clusters.extend(in_atlas.flex_clusters.clone()?.into_iter().map(flex_info));
    let mut keys = Vec::new();
    for arn in entry.iter().flat_map(|entry| regional_keys(&entry.key_arn, entry.desired.regions())) {
        keys.push(key_info(RegionalKey::describe(readers, caller, arn).await)?);
    }
    let registered = entry.map(|entry| &entry.role_id);
    let access_roles = in_atlas.access_roles().iter().map(|record| AccessRoleInfo {
        is_registered: registered == Some(&record.role_id),
        ..role_info(record, readers.now)
    });
    let mut private_endpoints: Vec<EndpointInfo> = in_atlas.endpoints().iter().map(endpoint_info).collect();
    private_endpoints.sort_by(|one, other| one.region.cmp(&other.region));
    let differences = match (entry, known.as_ref().map(registry::Project::stage)) {
        (Some(entry), Some(Stage::Enabled | Stage::Enabling)) => {
            let arn = &entry.desired.role_arn;
            match RolePolicies::read(readers, caller, arn).await {
                Ok(iam_role) => compare(&expected(id, entry, &in_atlas), &in_atlas, Some(&iam_role)).differences,
                Err(error) if is_out_of_reach(&error) => {
                    let difference = format!("it could not be compared: {}", error.message());
                    vec![Difference { resource: arn.to_string(), difference }]
                }
                Err(error) => return Err(error),
            }
        }
        _ => Vec::new(),
    };
    Ok(Output {
        project: ProjectInfo { id: project.id, name: project.name, org_id: project.org_id },
        access_roles: access_roles.collect(),
        encryption: encryption_info(&in_atlas.encryption.clone()?),
        private_endpoints,
        clusters,
        keys,
        registered: known,
        differences,
    })
}

/// What is registered, as `verify` would be asked for it.
fn expected(project: &ProjectId, entry: &Entry, in_atlas: &InAtlas) -> verify::Input {
    let desired = &entry.desired;
    let all = || in_atlas.clusters().iter().filter(|cluster| cluster.refusal().is_none());
    let clusters: Vec<ClusterName> = match desired.clusters() {
        Clusters::Named(names) => names.clone(),
        Clusters::All => all().filter_map(|it| it.name.parse().ok()).collect(),
        Clusters::None => Vec::new(),
    };
    verify::Input {
        project_id: project.clone(),
        role_arn: desired.role_arn.clone(),
        key_arn: entry.key_arn.clone(),
        regions: desired.regions().to_vec(),
        manage_role: desired.manage_role(),
        search_nodes: desired.search_nodes,
        clusters,
        account: None,
        execution: None,
        atlas_secret_id: None,
    }
}

fn role_info(record: &AccessRole, now: Timestamp) -> AccessRoleInfo {
    AccessRoleInfo {
        role_id: record.role_id.clone(),
        state: if record.is_pending() { AccessRoleState::Pending } else { AccessRoleState::Authorized },
        role_arn: record.iam_assumed_role_arn.clone(),
        atlas_aws_account_arn: record.atlas_aws_account_arn.clone(),
        external_id: record.external_id.clone(),
        created_at: record.created_date.clone(),
        age_hours: record.created_date.as_deref().and_then(|created| hours_since(created, now)),
        authorized_at: record.authorized_date.clone(),
        used_by: record.features().into_iter().map(str::to_owned).collect(),
        is_registered: false,
    }
}

fn hours_since(then: &str, now: Timestamp) -> Option<i64> {
    let then: Timestamp = then.parse().ok()?;
    Some((now.as_second() - then.as_second()) / 3600)
}

fn encryption_info(encryption: &EncryptionAtRest) -> EncryptionInfo {
    let kms = encryption.aws_kms.clone().unwrap_or_default();
    let others = [(&encryption.azure_key_vault, "AZURE"), (&encryption.google_cloud_kms, "GCP")];
    EncryptionInfo {
        enabled: kms.enabled == Some(true),
        valid: kms.valid == Some(true),
        key: kms.customer_master_key_id,
        region: kms.region,
        role_id: kms.role_id,
        require_private_networking: kms.require_private_networking == Some(true),
        search_nodes: encryption.enabled_for_search_nodes == Some(true),
        other_providers: others
            .into_iter()
            .filter(|(provider, _)| provider.as_ref().is_some_and(|it| it.enabled == Some(true)))
            .map(|(_, name)| name.to_owned())
            .collect(),
    }
}

fn endpoint_info(endpoint: &PrivateEndpoint) -> EndpointInfo {
    EndpointInfo {
        region: endpoint.region().map_or_else(|| endpoint.region_name.clone(), |region| region.to_string()),
        id: endpoint.id.clone(),
        status: endpoint.status.to_string(),
        error_message: endpoint.error_message().map(str::to_owned),
    }
}

async fn cluster_info(readers: &Readers, project: &ProjectId, cluster: &Cluster) -> Result<ClusterInfo> {
    let refusal = cluster.refusal();
    // Those that share their machines have no search nodes.
    let search_nodes = match refusal {
        Some(crate::atlas::ClusterRefusal::Shared) => None,
        _ => readers.atlas.search_nodes(project, &cluster.name).await?,
    };
    Ok(ClusterInfo {
        name: cluster.name.clone(),
        encryption_at_rest_provider: cluster.encryption_at_rest_provider.clone().unwrap_or_else(|| "NONE".to_owned()),
        state: cluster.state_name.clone().unwrap_or_else(|| "unknown".to_owned()),
        paused: cluster.is_paused(),
        regions: cluster.regions().into_iter().map(str::to_owned).collect(),
        search_nodes_encryption_provider: search_nodes
            .map(|it| it.encryption_at_rest_provider.unwrap_or_else(|| "unknown".to_owned())),
        cannot_use_key: refusal.map(|refusal| refusal.as_str().to_owned()),
    })
}

fn flex_info(name: String) -> ClusterInfo {
    ClusterInfo {
        name,
        encryption_at_rest_provider: "NONE".to_owned(),
        state: "unknown".to_owned(),
        paused: false,
        regions: Vec::new(),
        search_nodes_encryption_provider: None,
        cannot_use_key: Some(crate::atlas::ClusterRefusal::Shared.as_str().to_owned()),
    }
}

fn key_info(RegionalKey { arn: key_arn, key, .. }: RegionalKey) -> Result<KeyInfo> {
    let key = match key {
        Err(error) if is_out_of_reach(&error) => {
            return Ok(KeyInfo { key_arn, state: format!("unknown: {}", error.message()) });
        }
        other => other?,
    };
    let state = match key.map(|key| key.state) {
        None => "missing".to_owned(),
        Some(KeyState::Other(state)) => state,
        Some(state) => format!("{state:?}"),
    };
    Ok(KeyInfo { key_arn, state })
}

/// What the other account does not show hides nothing of the rest.
fn is_out_of_reach(error: &Error) -> bool {
    matches!(error.name(), ErrorName::AccountAccessDenied | ErrorName::AccountNotReady | ErrorName::InputInvalid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_half_done_authorization_is_reported_with_its_age_and_its_external_id() {
        let record = json!({
            "roleId": "6a793f88c0eb9e7a17716581", "atlasAssumedRoleExternalId": "b63a96a9", "createdDate": "2026-08-10T03:03:36Z",
            "authorizedDate": null, "iamAssumedRoleArn": null, "featureUsages": [],
        });
        let info = role_info(&serde_json::from_value(record).unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!((info.state, info.external_id.as_deref()), (AccessRoleState::Pending, Some("b63a96a9")));
        assert!(info.age_hours.is_some());
        let now = "2026-08-11T04:00:00Z".parse().unwrap();
        assert_eq!(hours_since("2026-08-10T03:03:36Z", now), Some(24));
        assert_eq!(hours_since("yesterday", now), None);
    }
}
