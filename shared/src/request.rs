//! The input of an enablement, as people and pipelines write it.

mod access;
mod checks;
mod disable;
mod output;
mod reconcile;
mod sweep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use access::check_external_id;
pub use access::{
    AccessGranted, AccessMode, AccessPlanned, AccessRemoved, BucketAccess, CrossAccountAccess,
    CrossAccountAccessOutput, Permission, Verified,
};
pub use disable::{
    DisableDeadlines, DisableEncryption, DisableEncryptionOutput, DisableMode, Disabled, PlannedRemoval, Scope,
};
pub use output::{Compared, EnableEncryptionOutput, Enabled, Planned};
pub use reconcile::{Cause, GuardKey, KeyRestored, ReconcileProject, Reconciled};
pub use sweep::{ProjectToReport, Sweep, SweepReport};

use crate::{
    error::Result,
    ids::{
        AccountAccess, AccountId, ClusterName, IamPath, IamPolicyArn, IamRoleArn, KeyAlias, KmsKeyArn, OrganizationId,
        ProjectId, ProjectName, Region, SecretId,
    },
};

/// Encrypts one Atlas project with a customer-managed key. Null counts as omitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("allOf" = [
    {"oneOf": [{"required": ["projectId"]}, {"required": ["project"]}]},
    {"anyOf": [{"required": ["keyArn"]}, {"required": ["key"]}]},
]))]
pub struct EnableEncryption {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project, by id. Give either this or `project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The Atlas project, by name; created if it does not exist. Give either this or `projectId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectOptions>,
    /// The IAM role that Atlas assumes to use the key. Created if it does not exist, unless `role.manage` forbids it.
    pub role_arn: IamRoleArn,
    /// How atlas-cmk creates and changes the IAM role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleOptions>,
    /// The key, by its full ARN. With `regions`, it must be a multi-Region key. Give either this or `key.alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<KmsKeyArn>,
    /// How atlas-cmk creates the key, and whether it changes the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyOptions>,
    /// The regions that reach the key over a private endpoint. If omitted, private networking is not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub regions: Option<Vec<Region>>,
    /// The clusters to switch to the key: `none` (the default), `all`, or their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Clusters>,
    /// How many clusters are switched at the same time, 10 at most. Each performs an initial sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub cluster_concurrency: Option<u8>,
    /// Whether search nodes use the key too. By default this stays as it is. Changing it rebuilds search indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_nodes: Option<bool>,
    /// Access to the AWS account of the role and the key, if it is not the account in which the functions run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack: one of `MoreAtlasSecretArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
    /// What to do: `apply` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// How long to wait before the execution fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
    /// Whether atlas-cmk repairs later differences, such as a changed trust policy. By default it only reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
    /// What atlas-cmk does when the key is disabled or scheduled for deletion: `alert` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

/// What atlas-cmk does when the key is disabled or scheduled for deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Guard {
    /// Publishes an alert to the SNS topic of the stack, with the command that undoes the change.
    #[default]
    Alert,
    /// Also undoes the change, and publishes that it did.
    Restore,
}

/// What the execution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Changes what differs.
    #[default]
    Apply,
    /// Reports what `apply` would change, and changes nothing.
    Plan,
    /// Reports what differs from the input, and changes nothing.
    Verify,
}

/// An Atlas project by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectOptions {
    /// Its name.
    pub name: ProjectName,
    /// The Atlas organization of the project. Creating the project requires the role Organization Project Creator.
    pub org_id: OrganizationId,
}

/// How atlas-cmk creates and changes the IAM role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleOptions {
    /// The permissions boundary of a role that atlas-cmk creates. It must allow the use of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<IamPolicyArn>,
    /// The path of the role. `roleArn` must contain it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<IamPath>,
    /// Which parts of the role atlas-cmk may write: `full` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageRole>,
}

/// Which parts of the IAM role atlas-cmk may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ManageRole {
    /// The role itself, and the trust statement, the inline policy and the tags of atlas-cmk.
    #[default]
    Full,
    /// Only the trust statement of atlas-cmk.
    TrustOnly,
    /// Nothing.
    None,
}

/// How atlas-cmk creates the key, and whether it changes the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyOptions {
    /// The alias under which atlas-cmk creates a multi-Region key, or finds the one it created. Replaces `keyArn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<KeyAlias>,
    /// The rotation period of the key in days; 365 by default for a key that atlas-cmk creates. Only with `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 90, max = 2560))]
    pub rotation_days: Option<u16>,
    /// Which parts of the key atlas-cmk may write: `full` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageKey>,
}

/// Which parts of the key atlas-cmk may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ManageKey {
    /// Missing replicas, and the statement and the tags of atlas-cmk on the key.
    #[default]
    Full,
    /// Nothing.
    None,
}

/// Which clusters to switch to the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "WrittenClusters", into = "WrittenClusters")]
#[schemars(with = "WrittenClusters")]
pub enum Clusters {
    /// None.
    #[default]
    None,
    /// All that can use a key.
    All,
    /// Those with these names.
    Named(Vec<ClusterName>),
}

/// Which clusters to switch to the key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Clusters")]
enum WrittenClusters {
    /// `none` or `all`.
    Word(ClusterSelection),
    /// The clusters with these names.
    Named(#[schemars(length(max = 25))] Vec<ClusterName>),
}

/// All clusters that can use a key, or none.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum ClusterSelection {
    /// None.
    None,
    /// All that can.
    All,
}

impl From<WrittenClusters> for Clusters {
    fn from(written: WrittenClusters) -> Self {
        match written {
            WrittenClusters::Word(ClusterSelection::None) => Self::None,
            WrittenClusters::Word(ClusterSelection::All) => Self::All,
            WrittenClusters::Named(names) => Self::Named(names),
        }
    }
}

impl From<Clusters> for WrittenClusters {
    fn from(clusters: Clusters) -> Self {
        match clusters {
            Clusters::None => Self::Word(ClusterSelection::None),
            Clusters::All => Self::Word(ClusterSelection::All),
            Clusters::Named(names) => Self::Named(names),
        }
    }
}

/// How long an execution waits before it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deadlines {
    /// For private endpoints to become active, in minutes; 60 by default. It may take hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub endpoint_minutes: Option<u16>,
    /// For each cluster to become IDLE again, in minutes; 240 by default. More data takes longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub cluster_minutes: Option<u16>,
}

impl EnableEncryption {
    /// Rejects combinations of fields that are invalid together.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    pub fn validate(&self) -> Result<()> {
        checks::all(self)
    }

    /// What to do.
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or_default()
    }

    /// Which parts of the IAM role atlas-cmk may write.
    pub fn manage_role(&self) -> ManageRole {
        self.role.as_ref().and_then(|role| role.manage).unwrap_or_default()
    }

    /// Which parts of the key atlas-cmk may write.
    pub fn manage_key(&self) -> ManageKey {
        self.key.as_ref().and_then(|key| key.manage).unwrap_or_default()
    }

    /// The alias under which the key is created, if it is to be.
    pub fn key_alias(&self) -> Option<&KeyAlias> {
        self.key.as_ref()?.alias.as_ref()
    }

    /// The clusters to switch to the key.
    pub fn clusters(&self) -> &Clusters {
        self.clusters.as_ref().unwrap_or(&Clusters::None)
    }

    /// The regions to reach the key from over private endpoints; none if private networking is not requested.
    pub fn regions(&self) -> &[Region] {
        self.regions.as_deref().unwrap_or_default()
    }

    /// Whether later differences are repaired automatically.
    pub fn repairs(&self) -> bool {
        self.repair == Some(true)
    }

    /// What atlas-cmk does when the key is disabled or scheduled for deletion.
    pub fn guard(&self) -> Guard {
        self.guard.unwrap_or_default()
    }

    /// The account of the key: that of its ARN, or the one we go to, or our own.
    pub fn key_account<'a>(&'a self, own: Option<&'a AccountId>) -> Option<&'a AccountId> {
        self.key_arn
            .as_ref()
            .map(KmsKeyArn::account)
            .or_else(|| self.account.as_ref().map(|access| access.role_arn.account()))
            .or(own)
    }
}

/// The key in its own region and in every region of `regions`, each once: exactly what the role is to be allowed to
/// use.
pub fn regional_keys(key: &KmsKeyArn, regions: &[Region]) -> Vec<KmsKeyArn> {
    let replicas = regions.iter().filter(|region| *region != key.region()).filter_map(|region| key.replica_in(region));
    std::iter::once(key.clone()).chain(replicas).collect()
}

#[cfg(test)]
mod tests;
