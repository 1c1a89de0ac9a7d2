//! What Atlas has of a project.

use super::{Wanted, asks_for_clusters};
use crate::{
    atlas::{
        AccessRole, AtlasError, AtlasReader, AwsKms, Cluster, ClusterRefusal, EncryptionAtRest, PrivateEndpoint,
        Project,
    },
    error::{Error, Result},
    ids::{KmsKeyArn, ProjectId},
    report::SkippedCluster,
    request::{Clusters, EnableEncryption},
    step::Readers,
};

/// What Atlas has of a project. A part that could not be read is an error in its place, one that nobody asked for is
/// empty, and so is every part of a project that does not exist.
#[derive(Debug)]
pub struct InAtlas {
    /// The access role records.
    pub access_roles: Result<Vec<AccessRole>>,
    /// The encryption at rest.
    pub encryption: Result<EncryptionAtRest>,
    /// The private endpoints. Reading them takes the role Project Owner.
    pub endpoints: Result<Vec<PrivateEndpoint>>,
    /// The clusters.
    pub clusters: Result<Vec<Cluster>>,
    /// The names of the Flex clusters.
    pub flex_clusters: Result<Vec<String>>,
}

/// The parts to read, besides the encryption at rest.
#[expect(clippy::struct_excessive_bools, reason = "each part is read or not")]
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// The access role records.
    pub access_roles: bool,
    /// The private endpoints.
    pub endpoints: bool,
    /// The clusters.
    pub clusters: bool,
    /// The names of the Flex clusters.
    pub flex_clusters: bool,
}

impl Parts {
    /// All of them.
    pub const ALL: Self = Self { access_roles: true, endpoints: true, clusters: true, flex_clusters: true };

    /// Those that matter to an enablement: clusters only if some are asked for, or with private networking, which
    /// concerns all that use the key.
    pub fn needed_to_enable(request: &EnableEncryption) -> Self {
        let asked = asks_for_clusters(request);
        Self { clusters: asked || !request.regions().is_empty(), flex_clusters: asked, ..Self::ALL }
    }
}

impl InAtlas {
    /// Reads these parts of a project.
    pub async fn read(atlas: &AtlasReader, project: Option<&ProjectId>, parts: Parts) -> Self {
        let only = |wanted: bool| project.filter(|_| wanted);
        Self {
            access_roles: part(only(parts.access_roles), async |id| atlas.access_roles(id).await).await,
            encryption: part(project, async |id| atlas.encryption_at_rest(id).await).await,
            endpoints: part(only(parts.endpoints), async |id| atlas.private_endpoints(id).await).await,
            clusters: part(only(parts.clusters), async |id| atlas.clusters(id).await).await,
            flex_clusters: part(only(parts.flex_clusters), async |id| atlas.flex_clusters(id).await).await,
        }
    }

    /// The same, if all of it could be read: for whoever concludes something from what is not there.
    ///
    /// # Errors
    /// That of the first part that could not be read.
    pub fn complete(self) -> Result<Self> {
        let first = self.errors().next().cloned();
        first.map_or(Ok(self), Err)
    }

    /// Why parts could not be read.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let errors = [
            self.access_roles.as_ref().err(),
            self.encryption.as_ref().err(),
            self.endpoints.as_ref().err(),
            self.clusters.as_ref().err(),
            self.flex_clusters.as_ref().err(),
        ];
        errors.into_iter().flatten()
    }

    /// The access role records that could be read.
    pub fn access_roles(&self) -> &[AccessRole] {
        self.access_roles.as_deref().unwrap_or_default()
    }

    /// The private endpoints that could be read.
    pub fn endpoints(&self) -> &[PrivateEndpoint] {
        self.endpoints.as_deref().unwrap_or_default()
    }

    /// The clusters that could be read.
    pub fn clusters(&self) -> &[Cluster] {
        self.clusters.as_deref().unwrap_or_default()
    }

    /// The encryption with customer-managed keys of AWS KMS, if it is enabled.
    pub fn aws_kms(&self) -> Option<&AwsKms> {
        let kms = self.encryption.as_ref().ok()?.aws_kms.as_ref();
        kms.filter(|kms| kms.enabled == Some(true))
    }

    /// The key that is configured, whether it is enabled or not, if Atlas knows its ARN.
    pub fn key(&self) -> Option<KmsKeyArn> {
        self.encryption.as_ref().ok()?.aws_kms.as_ref()?.customer_master_key_id.as_ref()?.parse().ok()
    }

    /// The clusters asked for that can use the key, and those that cannot, with the reason.
    pub fn select_clusters(&self, request: &EnableEncryption) -> (Vec<&Cluster>, Vec<SkippedCluster>) {
        let (Ok(clusters), Ok(flex)) = (&self.clusters, &self.flex_clusters) else {
            return (Vec::new(), Vec::new());
        };
        let asked = |name: &str| match request.clusters() {
            Clusters::None => false,
            Clusters::All => true,
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
}

async fn part<T: Default>(
    project: Option<&ProjectId>,
    read: impl AsyncFnOnce(&ProjectId) -> std::result::Result<T, AtlasError>,
) -> Result<T> {
    match project {
        Some(id) => Ok(Box::pin(read(id)).await?),
        None => Ok(T::default()),
    }
}

/// The project that an input names by its id or by its name.
pub(super) async fn project(readers: &Readers, wanted: &Wanted<'_>) -> Result<Option<Project>> {
    match (&wanted.project_id, &wanted.request.project) {
        (Some(id), _) => Ok(Some(readers.atlas.project(id).await?)),
        (None, Some(project)) => Ok(readers.atlas.project_by_name(&project.org_id, &project.name).await?),
        (None, None) => Ok(None),
    }
}
