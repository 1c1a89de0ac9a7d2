//! The table of operations.

use url::form_urlencoded;

use crate::auth::credentials::ProjectRole;
use crate::rate_limit::LimitSet::{self, CloudProviderAccess, EncryptionAtRest, Groups, Organization, Project};

/// An operation of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ListRoles,
    CreateRole,
    GetRole,
    AuthorizeRole,
    DeauthorizeRole,
    GetEncryption,
    UpdateEncryption,
    ListEndpoints,
    CreateEndpoint,
    GetEndpoint,
    DeleteEndpoint,
    ListClusters,
    GetCluster,
    UpdateCluster,
    DeleteCluster,
    GetSearchDeployment,
    GetBackupPolicy,
    GetServiceAccount,
    ListFlexClusters,
    ListGroups,
    CreateGroup,
    GetGroupByName,
    GetGroup,
    DeleteGroup,
    ListOrgGroups,
}

/// An operation: where it is, what it costs, which versions it has and who may call it.
#[derive(Debug)]
pub(super) struct Route {
    method: &'static str,
    path: &'static str,
    pub(super) operation: Operation,
    /// The operation's id in the Atlas API spec.
    pub(super) operation_id: &'static str,
    pub(super) limit: LimitSet,
    /// The least role in the project of the path's first parameter; `None` when the path has no project.
    pub(super) role: Option<ProjectRole>,
    pub(super) versions: &'static [&'static str],
    pub(super) gone: &'static [&'static str],
}

const V2023: &[&str] = &["2023-01-01"];
/// Older versions of clusters have another shape, which is not modelled; production answered 410 for them.
const OLD_CLUSTERS: &[&str] = &["2023-01-01", "2023-02-01"];

const READ_ONLY: Option<ProjectRole> = Some(ProjectRole::ReadOnly);
const OWNER: Option<ProjectRole> = Some(ProjectRole::Owner);

const fn route(
    method: &'static str,
    path: &'static str,
    operation: Operation,
    operation_id: &'static str,
    limit: LimitSet,
    role: Option<ProjectRole>,
) -> Route {
    Route { method, path, operation, operation_id, limit, role, versions: V2023, gone: &[] }
}

const fn cluster_route(
    method: &'static str,
    path: &'static str,
    operation: Operation,
    operation_id: &'static str,
    role: Option<ProjectRole>,
    versions: &'static [&'static str],
) -> Route {
    Route { versions, gone: OLD_CLUSTERS, ..route(method, path, operation, operation_id, LimitSet::Clusters, role) }
}

const ROLES: &str = "groups/{}/cloudProviderAccess";
const ROLE: &str = "groups/{}/cloudProviderAccess/{}";
const ROLE_OF_PROVIDER: &str = "groups/{}/cloudProviderAccess/{}/{}";
const ENCRYPTION: &str = "groups/{}/encryptionAtRest";
const ENDPOINTS: &str = "groups/{}/encryptionAtRest/{}/privateEndpoints";
const ENDPOINT: &str = "groups/{}/encryptionAtRest/{}/privateEndpoints/{}";
const CLUSTERS: &str = "groups/{}/clusters";
const FLEX_CLUSTERS: &str = "groups/{}/flexClusters";
const CLUSTER: &str = "groups/{}/clusters/{}";
const SEARCH_DEPLOYMENT: &str = "groups/{}/clusters/{}/search/deployment";
const SERVICE_ACCOUNT: &str = "groups/{}/serviceAccounts/{}";
const BACKUP_POLICY: &str = "groups/{}/backupCompliancePolicy";

#[rustfmt::skip]
static ROUTES: [Route; 25] = [
    route("GET", ROLES, Operation::ListRoles, "listGroupCloudProviderAccess", CloudProviderAccess, READ_ONLY),
    route("POST", ROLES, Operation::CreateRole, "createGroupCloudProviderAccess", CloudProviderAccess, OWNER),
    route("GET", ROLE, Operation::GetRole, "getGroupCloudProviderAccess", CloudProviderAccess, READ_ONLY),
    route("PATCH", ROLE, Operation::AuthorizeRole, "authorizeGroupCloudProviderAccessRole", CloudProviderAccess, OWNER),
    route("DELETE", ROLE_OF_PROVIDER, Operation::DeauthorizeRole, "deauthorizeGroupCloudProviderAccessRole", CloudProviderAccess, OWNER),
    route("GET", ENCRYPTION, Operation::GetEncryption, "getGroupEncryptionAtRest", EncryptionAtRest, READ_ONLY),
    route("PATCH", ENCRYPTION, Operation::UpdateEncryption, "updateGroupEncryptionAtRest", EncryptionAtRest, OWNER),
    // Even reading private endpoints takes an owner.
    route("GET", ENDPOINTS, Operation::ListEndpoints, "listGroupEncryptionAtRestPrivateEndpoints", EncryptionAtRest, OWNER),
    route("POST", ENDPOINTS, Operation::CreateEndpoint, "createGroupEncryptionAtRestPrivateEndpoint", EncryptionAtRest, OWNER),
    route("GET", ENDPOINT, Operation::GetEndpoint, "getGroupEncryptionAtRestPrivateEndpoint", EncryptionAtRest, OWNER),
    route("DELETE", ENDPOINT, Operation::DeleteEndpoint, "requestGroupEncryptionAtRestPrivateEndpointDeletion", EncryptionAtRest, OWNER),
    cluster_route("GET", CLUSTERS, Operation::ListClusters, "listGroupClusters", READ_ONLY, &["2024-08-05"]),
    cluster_route("GET", CLUSTER, Operation::GetCluster, "getGroupCluster", READ_ONLY, &["2024-08-05"]),
    cluster_route("PATCH", CLUSTER, Operation::UpdateCluster, "updateGroupCluster", OWNER, &["2024-08-05", "2024-10-23"]),
    // Which role deleting takes here is our inference: that of changing.
    cluster_route("DELETE", CLUSTER, Operation::DeleteCluster, "deleteGroupCluster", OWNER, &["2024-08-05"]),
    // Before this version a cluster without search nodes was a 400, which is not modelled.
    Route {
        versions: &["2025-03-12"],
        ..route("GET", SEARCH_DEPLOYMENT, Operation::GetSearchDeployment,
            "getGroupClusterSearchDeployment", LimitSet::SearchDeployments, READ_ONLY)
    },
    Route {
        versions: &["2024-08-05"],
        ..route("GET", SERVICE_ACCOUNT, Operation::GetServiceAccount, "getGroupServiceAccount", Project, OWNER)
    },
    Route {
        versions: &["2023-10-01"],
        ..route("GET", BACKUP_POLICY, Operation::GetBackupPolicy, "getDataProtectionSettings", LimitSet::CloudBackups, OWNER)
    },
    cluster_route("GET", FLEX_CLUSTERS, Operation::ListFlexClusters, "listGroupFlexClusters", READ_ONLY, &["2024-11-13"]),
    route("GET", "groups", Operation::ListGroups, "listGroups", Groups, None),
    route("POST", "groups", Operation::CreateGroup, "createGroup", Groups, None),
    route("GET", "groups/byName/{}", Operation::GetGroupByName, "getGroupByName", Groups, None),
    route("GET", "groups/{}", Operation::GetGroup, "getGroup", Project, READ_ONLY),
    route("DELETE", "groups/{}", Operation::DeleteGroup, "deleteGroup", Project, OWNER),
    route("GET", "orgs/{}/groups", Operation::ListOrgGroups, "getOrgGroups", Organization, None),
];

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// An operation, and the variable segments of the path.
    Route(&'static Route, Vec<String>),
    /// The path exists, but not with this method.
    OtherMethod,
    Nothing,
}

/// Finds the operation of a path below the base of the API.
pub(super) fn find(method: &str, path: &str) -> Found {
    let mut found = Found::Nothing;
    for route in &ROUTES {
        if let Some(parameters) = parameters(route.path, path) {
            if route.method == method {
                return Found::Route(route, parameters);
            }
            found = Found::OtherMethod;
        }
    }
    found
}

fn parameters(pattern: &str, path: &str) -> Option<Vec<String>> {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    if pattern.len() != path.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (expected, segment) in pattern.into_iter().zip(path) {
        if expected == "{}" {
            parameters.push(decode(segment));
        } else if expected != segment {
            return None;
        }
    }
    Some(parameters)
}

/// Decodes percent signs. In a path a plus is a plus, unlike in the forms this decoder is made for.
fn decode(segment: &str) -> String {
    form_urlencoded::parse(segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D").as_bytes())
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Option<(Operation, Vec<String>)> {
        match find(method, path) {
            Found::Route(route, parameters) => Some((route.operation, parameters)),
            _ => None,
        }
    }

    #[test]
    fn a_path_leads_to_its_operation() {
        assert_eq!(
            found("GET", "groups/a/encryptionAtRest/AWS/privateEndpoints/b"),
            Some((Operation::GetEndpoint, vec!["a".into(), "AWS".into(), "b".into()]))
        );
        assert_eq!(
            found("GET", "groups/byName/R%26D+more%20names"),
            Some((Operation::GetGroupByName, vec!["R&D+more names".into()]))
        );
    }

    #[test]
    fn deauthorizing_needs_the_provider_in_the_path() {
        assert!(matches!(find("DELETE", "groups/a/cloudProviderAccess/b"), Found::OtherMethod));
        assert!(found("DELETE", "groups/a/cloudProviderAccess/AWS/b").is_some());
    }

    #[test]
    fn other_paths_lead_nowhere() {
        assert!(matches!(find("GET", "groups/a/serverless"), Found::Nothing));
    }
}
