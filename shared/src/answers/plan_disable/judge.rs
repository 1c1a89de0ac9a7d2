//! What there is to do about what was found. Every step's own decision says it, as it would on its turn.

use super::{Output, Remains};
use jiff::Timestamp;

use crate::{
    answers::{order, survey::InAtlas},
    atlas::{Cluster, EncryptionProvider, PrivateEndpoint},
    error::{ErrorName, Result},
    ids::{ClusterName, ProjectId, Region},
    registry::approvals,
    report::{Finding, Kept},
    request::{DisableEncryption, Scope},
    step::{Converge, Step},
    steps::{
        disable::{
            deauthorize_role::{self, DeauthorizeRole},
            delete_endpoint::{self, DeleteEndpoint},
            remove_key_use::{self, RemoveKeyUse},
            remove_trust::{self, RemoveTrust},
            unregister::{self, Unregister},
            update_encryption::{self, UpdateEncryption},
        },
        enable::set_cluster_encryption::{SetClusterEncryption, Switch},
    },
};

pub(super) fn judge(request: &DisableEncryption, found: &Remains, now: Timestamp) -> Result<Output> {
    let mut plan = Planner(order::Plan::in_order(&order::DISABLING));
    let concerned: Vec<&PrivateEndpoint> = match &found.atlas {
        Some(atlas) => endpoints(request, atlas).collect(),
        None => Vec::new(),
    };
    for endpoint in &concerned {
        plan.0.add(
            DeleteEndpoint::NAME,
            &delete_endpoint::change(&request.project_id, endpoint).into_iter().collect::<Vec<_>>(),
        )?;
    }
    let stop_private_networking = found.atlas.as_ref().is_some_and(|atlas| leaves_private_networking(request, atlas));
    if stop_private_networking {
        plan.kms(request, found, update_encryption::Part::PrivateNetworking)?;
    }
    let names = |clusters: Vec<&Cluster>| -> Vec<ClusterName> {
        clusters.into_iter().filter_map(|cluster| cluster.name.parse().ok()).collect()
    };
    let mut clusters = names(found.atlas.iter().flat_map(|atlas| clusters(request, atlas)).collect());
    for cluster in &clusters {
        plan.0
            .add(SetClusterEncryption::NAME, &[Switch::new(&request.project_id, cluster, EncryptionProvider::None)])?;
    }
    clusters.extend(names(found.atlas.iter().flat_map(|atlas| unsettled_clusters(request, atlas)).collect()));
    let switch_off_keys = request.scope >= Scope::Project && found.aws_kms().is_some();
    if switch_off_keys {
        plan.kms(request, found, update_encryption::Part::Keys)?;
    }
    let kept = if request.scope == Scope::Role { plan.role(request, found)? } else { Vec::new() };
    let record = found.own_record(&request.project_id).filter(|_| request.scope == Scope::Role);
    // What could not be reached has to be found again.
    let unfinished = !deauthorize_role::used_by(record).is_empty() || !found.out_of_reach.is_empty();
    let remaining_clusters = names(found.atlas.iter().flat_map(|atlas| remaining(request, atlas)).collect());
    let unregister = unregister::Input {
        project_id: request.project_id.clone(),
        scope: request.scope,
        regions: request.regions.clone(),
        clusters: request.clusters.clone(),
        remaining_clusters: remaining_clusters.clone(),
        unfinished,
        execution: None,
        planned: Vec::new(),
        reported: Vec::new(),
    };
    plan.0.add(Unregister::NAME, &Unregister::decide(&unregister, &found.written())?)?;
    let plan = plan.0.changes;
    let plan_hash = approvals::hash(&plan);
    let approved_by = found.approvals.answer(&plan_hash, &plan, now).map(|answer| answer.by.clone());
    let is_needed = request.approval == Some(true) || found.requires_approval && plan.iter().any(approvals::is_needed);
    Ok(Output {
        project_id: request.project_id.clone(),
        delete_endpoints: !concerned.is_empty(),
        regions: request.regions.clone(),
        stop_private_networking,
        clusters,
        remaining_clusters,
        switch_off_keys,
        role_id: record.map(|record| record.role_id.clone()),
        key_arns: marked_keys(&request.project_id, found),
        role_arn: found.role.as_ref().map(|(arn, _)| arn.clone()),
        manage_role: found.manage_role(),
        unfinished,
        account: found.account.clone(),
        findings: unknown(request, found)
            .into_iter()
            .chain(found.atlas.iter().flat_map(|atlas| findings(request, atlas, found)))
            .collect(),
        plan,
        plan_hash,
        ask: is_needed && approved_by.is_none(),
        approved_by,
        kept,
        keys_to_keep: keys_to_keep(found),
    })
}

/// A project that atlas-cmk has never enabled is taken down only if the input says that it is meant.
fn unknown(request: &DisableEncryption, found: &Remains) -> Option<Finding> {
    (found.registered.is_none() && request.adopt != Some(true)).then(|| {
        Finding::new(
            ErrorName::AtlasConflict,
            format!(
                "project {} was never registered here, so atlas-cmk did not enable its encryption",
                request.project_id
            ),
            "the registry has no entry of it",
            "check projectId; to disable encryption that somebody else has enabled, set adopt to true",
        )
    })
}

/// The plan, and what several of its changes need.
struct Planner(order::Plan);

impl Planner {
    fn kms(&mut self, request: &DisableEncryption, found: &Remains, part: update_encryption::Part) -> Result<()> {
        let Some(atlas) = &found.atlas else { return Ok(()) };
        let project_id = request.project_id.clone();
        let input =
            update_encryption::Input { project_id, part, atlas_secret_id: None, execution: None, plan_hash: None };
        self.0.add(
            UpdateEncryption::NAME,
            &UpdateEncryption::decide(&input, atlas.encryption.as_ref().map_err(Clone::clone)?)?,
        )?;
        Ok(())
    }

    /// The access role on both sides, and the marks on its keys. What of it stays, and why.
    fn role(&mut self, request: &DisableEncryption, found: &Remains) -> Result<Vec<Kept>> {
        let project = &request.project_id;
        let mut kept = Vec::new();
        let record = found.own_record(project);
        if let (None, Some(foreign)) = (record, found.record()) {
            kept.push(Kept {
                resource: format!("/groups/{project}/cloudProviderAccess/{}", foreign.role_id),
                reason: "atlas-cmk did not create the access role record: deauthorize it in Atlas if it is not needed"
                    .to_owned(),
            });
        }
        if let Some(record) = record {
            let input = deauthorize_role::Input {
                project_id: project.clone(),
                role_id: record.role_id.clone(),
                atlas_secret_id: None,
                execution: None,
                plan_hash: None,
            };
            self.0.add(DeauthorizeRole::NAME, &DeauthorizeRole::decide(&input, &Some(record.clone()))?)?;
            let used_by = deauthorize_role::used_by(Some(record));
            if !used_by.is_empty() {
                kept.push(Kept {
                    resource: format!("/groups/{project}/cloudProviderAccess/{}", record.role_id),
                    reason: format!("other Atlas features use the access role record: {}", used_by.join(", ")),
                });
            }
        }
        for (arn, marks) in &found.keys {
            self.0.add(RemoveKeyUse::NAME, &remove_key_use::changes(project, arn, marks.as_ref()))?;
        }
        kept.extend(found.out_of_reach.iter().cloned());
        if let Some((arn, role)) = &found.role {
            let input = remove_trust::Input {
                project_id: Some(project.clone()),
                access_name: None,
                role_arn: arn.clone(),
                manage: found.manage_role(),
                used_by: deauthorize_role::used_by(record),
                account: None,
                execution: None,
                plan_hash: None,
            };
            let (changes, left) = remove_trust::decide(&input, role)?;
            self.0.add(RemoveTrust::NAME, &changes)?;
            kept.extend(left);
        }
        Ok(kept)
    }
}

fn endpoints<'a>(request: &'a DisableEncryption, atlas: &'a InAtlas) -> impl Iterator<Item = &'a PrivateEndpoint> {
    let concerned = |endpoint: &&PrivateEndpoint| match endpoint.region() {
        Some(region) => request.takes_region(&region),
        None => request.takes_endpoints() && request.regions.is_none(),
    };
    atlas.endpoints().iter().filter(concerned)
}

/// The demand for private networking goes with the last endpoint. Where the whole configuration goes, and no cluster
/// needs the key until then, one that Atlas cannot use is not configured once more: that could only fail.
fn leaves_private_networking(request: &DisableEncryption, atlas: &InAtlas) -> bool {
    let Some(kms) = atlas.aws_kms() else { return false };
    let others_stay = endpoints(request, atlas).count() < atlas.endpoints().len();
    let is_pointless =
        request.scope >= Scope::Project && kms.valid == Some(false) && !atlas.clusters().iter().any(Cluster::uses_aws);
    request.takes_endpoints() && kms.require_private_networking == Some(true) && !others_stay && !is_pointless
}

/// The clusters that are away from the key, or on their way, and have not come to rest: they have to be waited for.
fn unsettled_clusters<'a>(request: &'a DisableEncryption, atlas: &'a InAtlas) -> impl Iterator<Item = &'a Cluster> {
    let enabled = atlas.aws_kms().is_some();
    let moving = |cluster: &&Cluster| !cluster.uses_aws() && !cluster.is_idle() && request.takes_cluster(&cluster.name);
    atlas.clusters().iter().filter(move |cluster| enabled && moving(cluster))
}

/// The clusters to switch.
fn clusters<'a>(request: &'a DisableEncryption, atlas: &'a InAtlas) -> impl Iterator<Item = &'a Cluster> {
    atlas.clusters().iter().filter(|cluster| cluster.uses_aws() && request.takes_cluster(&cluster.name))
}

/// The clusters that go on using the key.
fn remaining<'a>(request: &'a DisableEncryption, atlas: &'a InAtlas) -> impl Iterator<Item = &'a Cluster> {
    atlas.clusters().iter().filter(|cluster| cluster.uses_aws() && !request.takes_cluster(&cluster.name))
}

fn marked_keys(project: &ProjectId, found: &Remains) -> Vec<crate::ids::KmsKeyArn> {
    let marked =
        found.keys.iter().filter(|(arn, marks)| !remove_key_use::changes(project, arn, marks.as_ref()).is_empty());
    marked.map(|(arn, _)| arn.clone()).collect()
}

fn keys_to_keep(found: &Remains) -> Vec<String> {
    let mut keys = found.registered.as_ref().map(crate::registry::Project::keys).unwrap_or_default();
    let in_use = found.aws_kms().and_then(|kms| kms.customer_master_key_id.clone());
    keys.extend(in_use.filter(|key| !keys.contains(key)).into_iter().collect::<Vec<_>>());
    keys
}

/// The problems that would make the execution fail.
fn findings(request: &DisableEncryption, atlas: &InAtlas, found: &Remains) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(compliance(request, atlas, found));
    findings.extend(unknown_clusters(request, atlas));
    findings.extend(paused_clusters(request, atlas));
    findings.extend(cut_off_clusters(request, atlas));
    findings.extend(unusable_key(request, atlas));
    findings
}

fn compliance(request: &DisableEncryption, atlas: &InAtlas, found: &Remains) -> Option<Finding> {
    let demands = found.compliance.as_ref().is_some_and(|policy| policy.encryption_at_rest_enabled == Some(true));
    let concerned =
        clusters(request, atlas).next().is_some() || (request.scope >= Scope::Project && atlas.aws_kms().is_some());
    (demands && concerned).then(|| {
        Finding::new(
            ErrorName::AtlasConflict,
            "the project's backup compliance policy requires its clusters to use customer-managed keys",
            "backupCompliancePolicy of the project has encryptionAtRestEnabled true",
            "have MongoDB Support lift the policy (only they can), or keep the encryption",
        )
    })
}

fn unknown_clusters(request: &DisableEncryption, atlas: &InAtlas) -> Vec<Finding> {
    let known = |name: &ClusterName| atlas.clusters().iter().any(|cluster| cluster.name == name.as_ref());
    let named = request.clusters.iter().flatten().enumerate();
    named
        .filter(|(_, name)| !known(name))
        .map(|(index, name)| {
            Finding::new(
                ErrorName::InputInvalid,
                format!("the project has no cluster {name}"),
                format!("clusters[{index}] names it"),
                "correct the name, or remove it from clusters",
            )
        })
        .collect()
}

fn paused_clusters(request: &DisableEncryption, atlas: &InAtlas) -> Vec<Finding> {
    clusters(request, atlas)
        .filter(|cluster| cluster.is_paused())
        .map(|cluster| {
            Finding::new(
                ErrorName::AtlasConflict,
                format!(
                    "cluster {} uses the key and is paused, and Atlas cannot change a paused cluster",
                    cluster.name
                ),
                "Atlas reports paused: true",
                format!("resume cluster {} in Atlas, and run again when it is IDLE", cluster.name),
            )
        })
        .collect()
}

/// With private networking still required, a cluster needs an endpoint in each of its regions to reach the key.
fn cut_off_clusters(request: &DisableEncryption, atlas: &InAtlas) -> Vec<Finding> {
    let Some(regions) = request.regions.as_ref().filter(|_| !leaves_private_networking(request, atlas)) else {
        return Vec::new();
    };
    let required = atlas.aws_kms().is_some_and(|kms| kms.require_private_networking == Some(true));
    let mut findings = Vec::new();
    for cluster in atlas.clusters().iter().filter(|cluster| required && cluster.uses_aws()) {
        let lost = |region: &&Region| cluster.regions().contains(&region.to_atlas().as_str());
        if let Some(region) = regions.iter().find(lost) {
            findings.push(Finding::new(
                ErrorName::AtlasConflict,
                format!("cluster {} would lose access to the key in {region}", cluster.name),
                format!("it uses the key and has nodes in {region}, and the project requires private networking"),
                "move its nodes out of the region, or first disable encryption of the cluster, or remove all endpoints \
                 with scope endpoints and no regions",
            ));
        }
    }
    findings
}

/// A cluster that is switched off the key has to read what it is encrypted with.
fn unusable_key(request: &DisableEncryption, atlas: &InAtlas) -> Option<Finding> {
    let kms = atlas.aws_kms()?;
    // Atlas looks at the key before it lets go of private networking, too.
    let needed = clusters(request, atlas).next().is_some() || leaves_private_networking(request, atlas);
    let concerned = kms.valid == Some(false) && needed;
    concerned.then(|| {
        Finding::new(
            ErrorName::KmsKeyUnusable,
            "Atlas cannot use the key now, and must be able to before clusters or private networking are switched off",
            "encryptionAtRest of the project reports valid: false",
            "run enable-encryption in mode verify, which reports the cause, fix that, and run again",
        )
    })
}
