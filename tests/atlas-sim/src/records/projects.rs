//! Projects, which the API calls groups.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::behaviour::EndpointSeconds;
use crate::error::ApiError;
use crate::identifier::{new_object_id, now_utc};
use crate::moment::Moment;

use super::backup_compliance_policy::{self, BackupCompliancePolicy};
use super::cloud_provider_access::{AwsRole, CloudProviderAccess};
use super::clusters::{Cluster, Rules};
use super::encryption_at_rest::{AwsKms, EncryptionAtRest};
use super::encryption_plan::Surroundings;
use super::private_endpoints::PrivateEndpoints;

/// The organization of projects that name no other.
pub(crate) const DEFAULT_ORG: &str = "5f0000000000000000000001";

/// A project and everything in it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) org_id: String,
    pub(crate) name: String,
    created: String,
    pub(crate) access: CloudProviderAccess,
    pub(crate) encryption: EncryptionAtRest,
    pub(crate) endpoints: PrivateEndpoints,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) backup_policy: Option<BackupCompliancePolicy>,
    /// When the latest cluster that is gone ceased to use the key.
    key_until: Option<Duration>,
}

impl Project {
    /// An empty project; without an id it gets a new one.
    pub(crate) fn new(id: Option<String>, org_id: Option<String>, name: String) -> Self {
        Self {
            id: id.unwrap_or_else(new_object_id),
            org_id: org_id.unwrap_or_else(|| DEFAULT_ORG.to_owned()),
            name,
            created: now_utc(),
            access: CloudProviderAccess::default(),
            encryption: EncryptionAtRest::default(),
            endpoints: PrivateEndpoints::default(),
            clusters: Vec::new(),
            backup_policy: None,
            key_until: None,
        }
    }

    /// Lets everything happen that is due at `now`.
    pub(crate) fn advance(&mut self, now: Duration, phases: EndpointSeconds) {
        self.endpoints.advance(now, phases);
        let gone = self.clusters.extract_if(.., |cluster| cluster.is_gone(now));
        self.key_until = gone.filter_map(|cluster| cluster.key_until()).chain(self.key_until).max();
    }

    /// Changes the configuration, whatever it was; `None` switches customer-managed keys off.
    pub(crate) fn configure(&mut self, aws: Option<AwsKms>, now: Duration) {
        // Atlas removes the configuration (Atlas API spec); that this flag is part of it is our inference.
        self.encryption.enabled_for_search_nodes &= aws.is_some();
        let before = std::mem::replace(&mut self.encryption.aws, aws);
        if let Some(before) = before
            && !self.encryption.uses_role(&before.role_id)
        {
            self.access.leave(&before.role_id, now);
        }
    }

    /// Whether a record is used by encryption at rest, or still counts as used.
    pub(crate) fn uses_for_encryption(&self, role: &AwsRole, moment: Moment) -> bool {
        self.encryption.uses_role(&role.role_id) || role.was_just_left(moment)
    }

    /// A cluster by name.
    pub(crate) fn cluster(&mut self, name: &str) -> Result<&mut Cluster, ApiError> {
        let group_id = &self.id;
        self.clusters.iter_mut().find(|cluster| cluster.spec.name == name).ok_or_else(|| {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "CLUSTER_NOT_FOUND",
                format!("No cluster named {name} exists in group {group_id}."),
            )
            .with(name)
            .with(group_id.as_str())
        })
    }

    /// What stands against changing encryption at rest.
    pub(crate) fn surroundings(&self, moment: Moment) -> Surroundings {
        let clusters = &self.clusters;
        Surroundings {
            endpoint_regions: self.endpoints.regions(moment),
            has_encrypted_cluster: clusters.iter().any(|cluster| cluster.holds_key(moment))
                || self.key_until.is_some_and(|until| moment.counts_cluster(until)),
            has_multi_region_encrypted_cluster: clusters.iter().any(|it| it.is_encrypted() && it.is_multi_region()),
            policy_demands_encryption: self.policy_demands_encryption(),
        }
    }

    /// What the project allows its clusters.
    pub(crate) fn rules(&self) -> Rules {
        Rules { has_key: self.encryption.aws.is_some(), must_encrypt: self.policy_demands_encryption() }
    }

    fn policy_demands_encryption(&self) -> bool {
        self.backup_policy.as_ref().is_some_and(|policy| policy.encryption_at_rest_enabled)
    }

    /// The group object.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "clusterCount": self.clusters.len(),
            "created": self.created,
            "id": self.id,
            "links": [],
            "name": self.name,
            "orgId": self.org_id,
            "tags": [],
        })
    }
}

/// All projects, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Projects {
    projects: Vec<Project>,
}

impl Projects {
    /// All projects.
    pub(crate) fn all(&self) -> &[Project] {
        &self.projects
    }

    /// Lets everything happen that is due at `now`.
    pub(crate) fn advance(&mut self, now: Duration, phases: EndpointSeconds) {
        for project in &mut self.projects {
            project.advance(now, phases);
        }
    }

    /// A project by id.
    pub(crate) fn get(&mut self, id: &str) -> Result<&mut Project, ApiError> {
        self.projects.iter_mut().find(|project| project.id == id).ok_or_else(|| ApiError::group_not_found(id))
    }

    /// Adds a project whose id, and name within its organization, are new.
    pub(crate) fn add(&mut self, project: Project) -> Result<(), ApiError> {
        if !is_valid_name(&project.name) {
            return Err(ApiError::bad_request(
                "INVALID_GROUP_NAME",
                format!("An invalid group name \"{}\" was specified.", project.name),
            )
            .with(project.name));
        }
        let is_taken = self
            .projects
            .iter()
            .any(|other| other.id == project.id || (other.org_id == project.org_id && other.name == project.name));
        if is_taken {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "GROUP_ALREADY_EXISTS",
                format!("A group with name \"{}\" already exists.", project.name),
            )
            .with(project.name));
        }
        self.projects.push(project);
        Ok(())
    }

    /// Removes a project without clusters and backup compliance policy.
    pub(crate) fn remove(&mut self, id: &str) -> Result<(), ApiError> {
        let project = self.get(id)?;
        if !project.clusters.is_empty() {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS",
                "Cannot close group while there are active clusters in the group.",
            ));
        }
        if project.backup_policy.is_some() {
            return Err(backup_compliance_policy::keeps_group());
        }
        self.projects.retain(|project| project.id != id);
        Ok(())
    }
}

/// `^[\p{L}\p{N}\-_.(),:&@+']{1,64}$` and, as real names have them, spaces.
fn is_valid_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count())
        && name.chars().all(|letter| letter.is_alphanumeric() || " -_.(),:&@+'".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Lags;

    fn add(projects: &mut Projects, name: &str) -> Result<(), String> {
        projects.add(Project::new(None, None, name.to_owned())).map_err(|error| error.code)
    }

    #[test]
    fn names_are_unique_in_an_organization_and_of_certain_letters() {
        let mut projects = Projects::default();
        assert_eq!(add(&mut projects, "payments-prod"), Ok(()));
        assert_eq!(add(&mut projects, "payments-prod"), Err("GROUP_ALREADY_EXISTS".to_owned()));
        assert_eq!(add(&mut projects, "a/b"), Err("INVALID_GROUP_NAME".to_owned()));
        assert_eq!(add(&mut projects, ""), Err("INVALID_GROUP_NAME".to_owned()));
    }

    #[test]
    fn a_project_with_clusters_cannot_be_closed() -> Result<(), ApiError> {
        let mut projects = Projects::default();
        let mut project = Project::new(None, None, "p".to_owned());
        let id = project.id.clone();
        let spec = json!({"name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"]});
        project.clusters.push(Cluster::new(serde_json::from_value(spec).expect("a cluster")));
        projects.add(project)?;
        assert!(projects.remove(&id).is_err());
        projects.get(&id)?.clusters.clear();
        projects.remove(&id)
    }

    #[test]
    fn a_project_with_a_backup_compliance_policy_cannot_be_closed() -> Result<(), ApiError> {
        let mut projects = Projects::default();
        let mut project = Project::new(None, None, "p".to_owned());
        let id = project.id.clone();
        project.backup_policy = Some(BackupCompliancePolicy::new(false));
        projects.add(project)?;
        let refused = projects.remove(&id).map_err(|error| error.code);
        assert_eq!(refused, Err("CANNOT_CLOSE_GROUP_ACTIVE_BACKUP_COMPLIANCE_POLICY".to_owned()));
        projects.get(&id)?.backup_policy = None;
        projects.remove(&id)
    }

    const PHASES: EndpointSeconds = EndpointSeconds { initiating: 100.0, deleting: 50.0 };

    /// A moment at which Atlas lags a minute behind in everything.
    fn slow(seconds: u64) -> Moment {
        let lags = Lags { role_in_use: 60.0, endpoint: 60.0, cluster: 60.0 };
        Moment { now: Duration::from_secs(seconds), lags }
    }

    #[test]
    fn a_deleted_cluster_leaves_the_project_and_counts_as_long_as_atlas_lags() -> Result<(), ApiError> {
        let mut project = Project::new(None, None, "p".to_owned());
        let spec = json!({"name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"],
            "encryptionAtRestProvider": "AWS"});
        project.clusters.push(Cluster::new(serde_json::from_value(spec).expect("a cluster")));
        project.cluster("c")?.delete(Duration::ZERO, Duration::from_secs(30))?;
        project.advance(Duration::from_secs(29), PHASES);
        assert_eq!(project.to_json()["clusterCount"], 1);
        for (seconds, expected) in [(30, true), (89, true), (90, false)] {
            project.advance(Duration::from_secs(seconds), PHASES);
            assert_eq!(project.to_json()["clusterCount"], 0);
            assert_eq!(project.surroundings(slow(seconds)).has_encrypted_cluster, expected, "after {seconds} s");
        }
        Ok(())
    }

    #[test]
    fn a_role_that_encryption_left_counts_as_long_as_atlas_lags() -> Result<(), ApiError> {
        let mut project = Project::new(None, None, "p".to_owned());
        let (first, second) = (project.access.create(), project.access.create());
        let kms = |role: &AwsRole| AwsKms {
            role_id: role.role_id.clone(),
            key: "0123".to_owned(),
            region: "EU_WEST_1".to_owned(),
            require_private_networking: false,
            valid: true,
        };
        let used = |project: &Project, role: &AwsRole, seconds| -> Result<bool, ApiError> {
            Ok(project.uses_for_encryption(project.access.get(&role.role_id)?, slow(seconds)))
        };
        project.configure(Some(kms(&first)), Duration::ZERO);
        project.configure(Some(kms(&second)), Duration::from_secs(100));
        assert_eq!([used(&project, &first, 159)?, used(&project, &first, 160)?], [true, false]);
        // A configuration that stays with its role leaves none.
        project.configure(Some(kms(&second)), Duration::from_secs(200));
        project.configure(None, Duration::from_mins(5));
        assert_eq!([used(&project, &second, 359)?, used(&project, &second, 360)?], [true, false]);
        Ok(())
    }

    #[test]
    fn without_customer_managed_keys_search_nodes_have_none_either() {
        let mut project = Project::new(None, None, "p".to_owned());
        project.encryption.enabled_for_search_nodes = true;
        project.configure(None, Duration::ZERO);
        assert!(!project.encryption.enabled_for_search_nodes);
    }
}
