//! Projects, which the API calls groups.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::identifier::{new_object_id, now_utc};

use super::cloud_provider_access::CloudProviderAccess;
use super::clusters::Cluster;
use super::encryption_at_rest::{EncryptionAtRest, Surroundings};
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
        }
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
    pub(crate) fn surroundings(&self) -> Surroundings {
        let encrypted = || self.clusters.iter().filter(|cluster| cluster.is_encrypted());
        Surroundings {
            endpoint_regions: self.endpoints.regions(),
            has_encrypted_cluster: encrypted().next().is_some(),
            has_multi_region_encrypted_cluster: encrypted().any(Cluster::is_multi_region),
        }
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

    /// Removes a project without clusters.
    pub(crate) fn remove(&mut self, id: &str) -> Result<(), ApiError> {
        if !self.get(id)?.clusters.is_empty() {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS",
                "Cannot close group while there are active clusters in the group.",
            ));
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
}
