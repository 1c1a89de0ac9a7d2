//! The clusters: which of them can use the key, and what private networking asks of them.

use crate::{
    answers::survey::Survey,
    atlas::{Cluster, EndpointStatus},
    error::ErrorName,
    report::Finding,
    request::{Clusters, EnableEncryption},
};

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let in_atlas = &survey.in_atlas;
    let (Ok(clusters), Ok(flex)) = (&in_atlas.clusters, &in_atlas.flex_clusters) else { return Vec::new() };
    let mut findings = Vec::new();
    if let Clusters::Named(names) = request.clusters() {
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
    let required = in_atlas.encryption.as_ref().is_ok_and(|encryption| {
        encryption.aws_kms.as_ref().is_some_and(|kms| kms.require_private_networking == Some(true))
    });
    if request.regions().is_empty() && !required {
        return findings;
    }
    let active = in_atlas.endpoints().iter().filter(|endpoint| endpoint.status == EndpointStatus::Active);
    let mut covered: Vec<String> = active.map(|endpoint| endpoint.region_name.clone()).collect();
    covered.extend(request.regions().iter().map(crate::ids::Region::to_atlas));
    let (selected, _) = in_atlas.select_clusters(request);
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
