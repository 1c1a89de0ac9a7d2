//! The project, the credentials, and what else Atlas knows.

use crate::{
    answers::survey::Survey,
    atlas::EndpointStatus,
    error::{Error, ErrorName},
    model::endpoints::leading,
    report::Finding,
    request::EnableEncryption,
};

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    if let Err(error) = &survey.project {
        findings.push(Finding::from_error(error));
        return findings;
    }
    let in_atlas = &survey.in_atlas;
    let unreadable = [
        in_atlas.access_roles.as_ref().err(),
        in_atlas.encryption.as_ref().err(),
        in_atlas.clusters.as_ref().err(),
        in_atlas.flex_clusters.as_ref().err(),
    ];
    findings.extend(unreadable.into_iter().flatten().map(Finding::from_error));
    if let Err(error) = &in_atlas.endpoints {
        findings.push(not_owner(error));
    }
    if let Ok(encryption) = &in_atlas.encryption {
        for (other, name) in
            [(&encryption.azure_key_vault, "Azure Key Vault"), (&encryption.google_cloud_kms, "Google Cloud KMS")]
        {
            if other.as_ref().is_some_and(|provider| provider.enabled == Some(true)) {
                findings.push(Finding::new(
                    ErrorName::AtlasConflict,
                    format!("the project uses keys of {name}, which atlas-cmk does not switch off"),
                    format!("encryptionAtRest of the project has {name} enabled"),
                    "disable them in Atlas first",
                ));
            }
        }
    }
    findings.extend(region_unknown(request));
    findings.extend(failed_endpoints(survey, request));
    findings.extend(duplicate_authorizations(survey, request));
    findings
}

/// Reading private endpoints takes the same role as changing anything, which reading the rest does not.
fn not_owner(error: &Error) -> Finding {
    if error.name() != ErrorName::AtlasUnauthorized {
        return Finding::from_error(error);
    }
    Finding::new(
        ErrorName::AtlasUnauthorized,
        "the Atlas credentials lack the role Project Owner on the project",
        error.message(),
        "grant the API key or the service account the role Project Owner on the project",
    )
}

/// Two records for one role: it is not known which one is in use.
fn duplicate_authorizations(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let records = survey.in_atlas.access_roles().iter();
    let ours: Vec<&str> = records
        .filter(|record| record.iam_assumed_role_arn.as_deref() == Some(request.role_arn.as_ref()))
        .map(|record| record.role_id.as_ref())
        .collect();
    (ours.len() > 1).then(|| {
        Finding::new(
            ErrorName::AtlasConflict,
            format!("several access role records are authorized for {}", request.role_arn),
            format!("their ids are {}", ours.join(", ")),
            "deauthorize all but the one in use",
        )
    })
}

/// The regions of AWS that Atlas had in August 2026 (Atlas Administration API, region names of `AWSHardwareSpec`).
const REGIONS: [&str; 38] = [
    "us-gov-west-1",
    "us-gov-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ap-south-1",
    "ap-south-2",
    "sa-east-1",
    "cn-north-1",
    "cn-northwest-1",
    "me-south-1",
    "me-central-1",
    "af-south-1",
    "il-central-1",
    "mx-central-1",
];

fn region_unknown(request: &EnableEncryption) -> Vec<Finding> {
    let keys = request.key_arn.iter().map(crate::ids::KmsKeyArn::region);
    let unknown = request.regions().iter().chain(keys).filter(|region| !REGIONS.contains(&region.as_ref()));
    unknown
        .map(|region| {
            Finding::new(
                ErrorName::InputInvalid,
                format!("Atlas does not support AWS region {region}"),
                format!("regions or keyArn name {region}"),
                "correct the region; if Atlas has added it since August 2026, update atlas-cmk",
            )
        })
        .collect()
}

/// An endpoint that has failed stays failed, until somebody deletes it.
fn failed_endpoints(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let Ok(endpoints) = &survey.in_atlas.endpoints else { return Vec::new() };
    let leading = request.regions().iter().filter_map(|region| Some((region, leading(endpoints, region)?)));
    leading
        .filter(|(_, endpoint)| endpoint.status == EndpointStatus::Failed)
        .map(|(region, endpoint)| {
            Finding::new(
                ErrorName::EndpointFailed,
                format!("the private endpoint in {region} failed"),
                format!("Atlas reports: {}", endpoint.error_message().unwrap_or("no reason")),
                format!("remove the cause, delete the endpoint {} in Atlas and run again", endpoint.id),
            )
        })
        .collect()
}
