//! The clusters: which of them can use the key, and what private networking asks of them.

use super::{Survey, asks_for_clusters};
use crate::{
    atlas::{Cluster, ClusterRefusal, EndpointStatus},
    error::{ErrorName, Result},
    ids::ProjectId,
    report::{Finding, SkippedCluster},
    request::{ClusterSelection, Clusters, EnableEncryption},
    step::Readers,
};

/// The clusters, where they matter: those asked for, and with private networking all that use the key.
pub(super) async fn read(
    readers: &Readers,
    request: &EnableEncryption,
    project: &ProjectId,
) -> Result<(Vec<Cluster>, Vec<String>)> {
    if !asks_for_clusters(request) && request.regions().is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let clusters = readers.atlas.clusters(project).await?;
    let flex = if asks_for_clusters(request) { readers.atlas.flex_clusters(project).await? } else { Vec::new() };
    Ok((clusters, flex))
}

pub(super) fn select<'a>(
    clusters: &'a [Cluster],
    flex: &[String],
    selection: &Clusters,
) -> (Vec<&'a Cluster>, Vec<SkippedCluster>) {
    let asked = |name: &str| match selection {
        Clusters::Some(ClusterSelection::None) => false,
        Clusters::Some(ClusterSelection::All) => true,
        Clusters::Named(names) => names.iter().any(|it| it.as_ref() == name),
    };
    let skipped = |name: &str, refusal: ClusterRefusal| SkippedCluster {
        name: name.to_owned(),
        reason: refusal.as_str().to_owned(),
    };
    let (mut selected, mut refused) = (Vec::new(), Vec::new());
    for cluster in clusters.iter().filter(|cluster| asked(&cluster.name)) {
        match cluster.refusal() {
            // One that uses the key already is left alone, paused or not.
            Some(refusal) if !cluster.uses_aws() => refused.push(skipped(&cluster.name, refusal)),
            _ => selected.push(cluster),
        }
    }
    refused.extend(flex.iter().filter(|name| asked(name)).map(|name| skipped(name, ClusterRefusal::Shared)));
    (selected, refused)
}

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let Ok((clusters, flex)) = &survey.clusters else { return Vec::new() };
    let mut findings = Vec::new();
    if let Some(Clusters::Named(names)) = &request.clusters {
        let known = |name: &str| clusters.iter().any(|it| it.name == name) || flex.iter().any(|it| it == name);
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !known(name.as_ref())) {
            findings.push(Finding::new(
                ErrorName::InputInvalid,
                format!("the project has no cluster {name}"),
                format!("clusters[{index}] names it"),
                "correct the name",
            ));
        }
    }
    let required = survey.encryption.as_ref().is_ok_and(|encryption| {
        encryption.aws_kms.as_ref().is_some_and(|kms| kms.require_private_networking == Some(true))
    });
    if request.regions().is_empty() && !required {
        return findings;
    }
    let active = survey.endpoints.iter().flatten().filter(|endpoint| endpoint.status == EndpointStatus::Active);
    let mut covered: Vec<String> = active.map(|endpoint| endpoint.region_name.clone()).collect();
    covered.extend(request.regions().iter().map(crate::ids::Region::to_atlas));
    let (selected, _) = survey.select_clusters(request);
    let concerned: Vec<&Cluster> = clusters
        .iter()
        .filter(|cluster| cluster.uses_aws() || selected.iter().any(|it| it.name == cluster.name))
        .collect();
    let single_region = survey.key_arn.as_ref().is_some_and(|key| !key.is_multi_region());
    for cluster in concerned {
        let (name, regions) = (&cluster.name, cluster.regions());
        let lacking: Vec<&str> =
            regions.iter().copied().filter(|region| !covered.iter().any(|it| it == region)).collect();
        if !cluster.is_on_aws_only() {
            findings.push(Finding::new(
                ErrorName::AtlasConflict,
                format!(
                    "cluster {name} has nodes outside of AWS, and private networking supports clusters on AWS only"
                ),
                "its replicationSpecs name another provider".to_owned(),
                "omit regions, or remove the cluster from clusters",
            ));
        } else if single_region && regions.len() > 1 {
            findings.push(Finding::new(
                ErrorName::KmsNotReplicated,
                format!("cluster {name} spans several regions, for which private networking needs a multi-Region key"),
                format!("it has nodes in {}", regions.join(", ")),
                "create a multi-Region key (key.alias creates one) and run with that",
            ));
        } else if !lacking.is_empty() && selected.iter().any(|it| it.name == *name) && !cluster.uses_aws() {
            findings.push(Finding::new(
                ErrorName::InputInvalid,
                format!("cluster {name} has nodes in regions without a private endpoint"),
                format!("it has nodes in {}, which regions does not name", lacking.join(", ")),
                format!("add {} to regions, or remove the cluster from clusters", lacking.join(", ")),
            ));
        }
    }
    findings
}
