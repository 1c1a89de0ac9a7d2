//! Projects, which the API calls groups.

use serde::{Deserialize, Serialize};

use super::{
    AtlasError, AtlasReader, AtlasWriter, ErrorCode,
    transport::{Call, V2023_01_01},
};
use crate::ids::{OrganizationId, ProjectId, ProjectName};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, which is unique within its organization.
    pub name: String,
    /// The organization it is in.
    pub org_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    name: &'a ProjectName,
    org_id: &'a OrganizationId,
}

impl AtlasReader {
    /// A project by its id.
    ///
    /// # Errors
    /// Any [`AtlasError`]; one that is missing, or not ours to see, among them.
    pub async fn project(&self, id: &ProjectId) -> Result<Project, AtlasError> {
        self.call(Call::get(V2023_01_01, format!("/groups/{id}"))).await
    }

    /// A project of an organization by its name, or `None` if there is none.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn project_by_name(
        &self,
        organization: &OrganizationId,
        name: &ProjectName,
    ) -> Result<Option<Project>, AtlasError> {
        // Names are unique within an organization only, and credentials belong to exactly one.
        let path = format!(
            "/groups/byName/{}",
            percent_encoding::utf8_percent_encode(name.as_ref(), percent_encoding::NON_ALPHANUMERIC)
        );
        match self.call::<Project>(Call::get(V2023_01_01, path)).await {
            Ok(project) => Ok(Some(project).filter(|project| project.org_id == organization.as_ref())),
            Err(error) if matches!(error.code(), Some(ErrorCode::GroupNameNotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AtlasWriter {
    /// Makes a project. Not idempotent: look for the name first.
    ///
    /// # Errors
    /// Any [`AtlasError`], `NOT_ORG_GROUP_CREATOR` among them.
    pub async fn create_project(
        &self,
        organization: &OrganizationId,
        name: &ProjectName,
    ) -> Result<Project, AtlasError> {
        self.call(Call::post(V2023_01_01, "/groups".to_owned(), &CreateBody { name, org_id: organization })).await
    }
}
