//! Private endpoints for encryption at rest: the way to the key that does not cross the public network.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    AtlasError, AtlasReader, AtlasWriter,
    transport::{Call, V2023_01_01},
};
use crate::ids::{PrivateEndpointId, ProjectId, Region};

/// The most a page of a list can hold.
const PAGE: usize = 500;

/// More pages than there can be: Atlas knows some forty regions.
const PAGES: usize = 10;

/// A private endpoint. Atlas may recreate one under a new id, so it is the region that identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateEndpoint {
    /// Atlas's id.
    pub id: PrivateEndpointId,
    /// Its region in Atlas's spelling.
    pub region_name: String,
    /// Where it stands.
    pub status: EndpointStatus,
    /// Why it failed, or what else there is to say.
    pub error_message: Option<String>,
}

impl PrivateEndpoint {
    /// Whether it is in this region.
    pub fn is_in(&self, region: &Region) -> bool {
        self.region_name == region.to_atlas()
    }

    /// Its region in AWS's spelling, where there is one.
    pub fn region(&self) -> Option<Region> {
        self.region_name.parse().ok()
    }

    /// Its error message, if it says anything.
    pub fn error_message(&self) -> Option<&str> {
        self.error_message.as_deref().filter(|message| !message.trim().is_empty())
    }
}

/// The status of a private endpoint. There is none for an endpoint that is gone: Atlas no longer lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum EndpointStatus {
    /// Being created.
    Initiating,
    /// Waiting for approval; not seen on AWS, where no approval is needed.
    PendingAcceptance,
    /// In use, or ready for it.
    Active,
    /// Not created, and it will not be.
    Failed,
    /// Was removed on the other side; Atlas makes a new one in the same region.
    PendingRecreation,
    /// Being deleted.
    Deleting,
    /// One that Atlas has learned since this was written.
    Other(String),
}

impl EndpointStatus {
    /// Atlas's name of it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Initiating => "INITIATING",
            Self::PendingAcceptance => "PENDING_ACCEPTANCE",
            Self::Active => "ACTIVE",
            Self::Failed => "FAILED",
            Self::PendingRecreation => "PENDING_RECREATION",
            Self::Deleting => "DELETING",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for EndpointStatus {
    fn from(name: String) -> Self {
        match name.as_str() {
            "INITIATING" => Self::Initiating,
            "PENDING_ACCEPTANCE" => Self::PendingAcceptance,
            "ACTIVE" => Self::Active,
            "FAILED" => Self::Failed,
            "PENDING_RECREATION" => Self::PendingRecreation,
            "DELETING" => Self::Deleting,
            _ => Self::Other(name),
        }
    }
}

impl FromStr for EndpointStatus {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(name.to_owned().into())
    }
}

impl fmt::Display for EndpointStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    results: Option<Vec<PrivateEndpoint>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    region_name: String,
}

impl AtlasReader {
    /// Every private endpoint of the project: one request returns the state of all.
    ///
    /// # Errors
    /// Any [`AtlasError`]. Even reading needs the role Project Owner.
    pub async fn private_endpoints(&self, project: &ProjectId) -> Result<Vec<PrivateEndpoint>, AtlasError> {
        let mut endpoints = Vec::new();
        for number in 1..=PAGES {
            let call = Call::get(V2023_01_01, path(project)).query("itemsPerPage", PAGE).query("pageNum", number);
            let page: Page = self.call(call).await?;
            let results = page.results.unwrap_or_default();
            let last = results.len() < PAGE;
            endpoints.extend(results);
            if last {
                break;
            }
        }
        Ok(endpoints)
    }

    /// A private endpoint by its id, or `None` if it is gone.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn private_endpoint(
        &self,
        project: &ProjectId,
        endpoint: &PrivateEndpointId,
    ) -> Result<Option<PrivateEndpoint>, AtlasError> {
        match self.call(Call::get(V2023_01_01, format!("{}/{endpoint}", path(project)))).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }
}

impl AtlasWriter {
    /// Asks for a private endpoint in a region. Not idempotent: look at [`AtlasReader::private_endpoints`] first.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn create_private_endpoint(
        &self,
        project: &ProjectId,
        region: &Region,
    ) -> Result<PrivateEndpoint, AtlasError> {
        self.call(Call::post(V2023_01_01, path(project), &CreateBody { region_name: region.to_atlas() })).await
    }

    /// Asks for a private endpoint to be deleted. It is gone when Atlas no longer knows it; one that is gone counts as
    /// deleted.
    ///
    /// # Errors
    /// Any [`AtlasError`]; Atlas refuses while the endpoint is being created.
    pub async fn delete_private_endpoint(
        &self,
        project: &ProjectId,
        endpoint: &PrivateEndpointId,
    ) -> Result<(), AtlasError> {
        match self.call(Call::delete(V2023_01_01, format!("{}/{endpoint}", path(project)))).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}

fn path(project: &ProjectId) -> String {
    format!("/groups/{project}/encryptionAtRest/AWS/privateEndpoints")
}
