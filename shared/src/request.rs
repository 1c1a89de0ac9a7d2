//! The input of an enablement, as people and pipelines write it.

mod access;
mod checks;
mod disable;
mod output;
mod reconcile;
mod sweep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use access::{
    AccessGranted, AccessMode, AccessPlanned, AccessRemoved, BucketAccess, CrossAccountAccess,
    CrossAccountAccessOutput, Permission, Verified,
};
pub use disable::{
    DisableDeadlines, DisableEncryption, DisableEncryptionOutput, DisableMode, Disabled, Kept, PlannedRemoval, Scope,
};
pub use output::{Compared, EnableEncryptionOutput, Enabled, Planned};
pub use reconcile::{
    Cause, GuardKey, GuardKeyOutput, KeyRestored, ProjectState, ReconcileProject, ReconcileProjectOutput, Reconciled,
};
pub use sweep::{Sweep, SweepOutput, SweepReport, Troubled};

use crate::{
    aws::AccountAccess,
    error::Result,
    ids::{
        AccountId, ClusterName, IamPath, IamPolicyArn, IamRoleArn, KeyAlias, KmsKeyArn, OrganizationId, ProjectId,
        ProjectName, Region, SecretId,
    },
};

/// Gives one Atlas project its customer-managed key: the input of the state machine `enable-encryption`.
///
/// A field that is null is a field that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("allOf" = [
    {"oneOf": [{"required": ["projectId"]}, {"required": ["project"]}]},
    {"anyOf": [{"required": ["keyArn"]}, {"required": ["key"]}]},
]))]
pub struct EnableEncryption {
    /// For editors: where this schema is. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project. This, or `project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The Atlas project by its name; created if it is missing. This, or `projectId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectOptions>,
    /// The IAM role that Atlas assumes to use the key. Created if it is missing, unless `role.manage` says otherwise.
    pub role_arn: IamRoleArn,
    /// How the IAM role is treated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleOptions>,
    /// The key, by its full ARN. With regions, a multi-Region key. This, or `key.alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<KmsKeyArn>,
    /// How the key is made, and whether it is treated at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyOptions>,
    /// The regions that reach the key over a private endpoint. Leave it out to not ask for private networking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub regions: Option<Vec<Region>>,
    /// The clusters to switch to the key: `none` (unless given), `all`, or their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Clusters>,
    /// How many clusters are switched at the same time: 1 unless given, 10 at the most. Each of them makes an initial sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub cluster_concurrency: Option<u8>,
    /// Whether search nodes use the key too. Left out: it stays as it is. A change of it rebuilds search indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_nodes: Option<bool>,
    /// The account of role and key, if it is not the one the functions run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// The secret with the Atlas credentials, if it is not the one of the stack: one of `MoreAtlasSecretArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
    /// What to do: `apply` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
    /// Whether what differs later, because somebody changed it, is put right by itself. Unless given it is told only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<bool>,
    /// What is done when somebody disables the key or schedules its deletion: `alert` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

/// What is done when somebody disables the key or schedules its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Guard {
    /// It is told on the topic of the stack, with the command that undoes it.
    #[default]
    Alert,
    /// It is undone besides, and that is told too.
    Restore,
}

/// What an execution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Changes what differs.
    #[default]
    Apply,
    /// Says what applying would change, and changes nothing.
    Plan,
    /// Says what differs from the input, and changes nothing.
    Verify,
}

/// An Atlas project by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectOptions {
    /// Its name.
    pub name: ProjectName,
    /// The organization it is in, or is created in. Creating takes the role Organization Project Creator.
    pub org_id: OrganizationId,
}

/// How the IAM role is treated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleOptions {
    /// The permissions boundary of a role we create. It must allow the use of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<IamPolicyArn>,
    /// The path of the role, which `roleArn` names too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<IamPath>,
    /// What of the role is ours to write: `full` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageRole>,
}

/// What of the IAM role is ours to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ManageRole {
    /// The role itself, our trust statement, our inline policy and our tags.
    #[default]
    Full,
    /// Our trust statement only.
    TrustOnly,
    /// Nothing.
    None,
}

/// How the key is made, and whether it is treated at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyOptions {
    /// Makes a multi-Region key under this alias, or finds the one it made. Instead of `keyArn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<KeyAlias>,
    /// Every how many days AWS renews the key's material; 365 for a key that is made, unless given. With `alias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 90, max = 2560))]
    pub rotation_days: Option<u16>,
    /// What of the key is ours to write: `full` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manage: Option<ManageKey>,
}

/// What of the key is ours to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ManageKey {
    /// Replicas that are missing, our statement in the key policies, and our tags.
    #[default]
    Full,
    /// Nothing.
    None,
}

/// Which clusters to switch to the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Clusters {
    /// `none` or `all`.
    Some(ClusterSelection),
    /// These.
    Named(#[schemars(length(max = 25))] Vec<ClusterName>),
}

/// All clusters that can use a key, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClusterSelection {
    /// None.
    None,
    /// All that can.
    All,
}

/// How long an execution waits before it gives up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deadlines {
    /// For private endpoints to become active, in minutes; 60 unless given. It is minutes as a rule, and was three hours
    /// once. At most 720: an execution has 25,000 history events, and each look takes about ten of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub endpoint_minutes: Option<u16>,
    /// For each cluster to become idle again, in minutes; 240 unless given. An initial sync takes as long as the data is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub cluster_minutes: Option<u16>,
}

impl EnableEncryption {
    /// Refuses what no field shows by itself.
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

    /// What of the IAM role is ours to write.
    pub fn manage_role(&self) -> ManageRole {
        self.role.as_ref().and_then(|role| role.manage).unwrap_or_default()
    }

    /// What of the key is ours to write.
    pub fn manage_key(&self) -> ManageKey {
        self.key.as_ref().and_then(|key| key.manage).unwrap_or_default()
    }

    /// The alias under which the key is made, if it is to be.
    pub fn key_alias(&self) -> Option<&KeyAlias> {
        self.key.as_ref()?.alias.as_ref()
    }

    /// The regions to reach the key from over private endpoints; none if private networking is not asked for.
    pub fn regions(&self) -> &[Region] {
        self.regions.as_deref().unwrap_or_default()
    }

    /// Whether what differs later is put right by itself.
    pub fn repairs(&self) -> bool {
        self.repair == Some(true)
    }

    /// What is done when somebody disables the key or schedules its deletion.
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

/// The key in its own region and in every region of `regions`, each once: exactly what the role is to be allowed to use.
pub fn regional_keys(key: &KmsKeyArn, regions: &[Region]) -> Vec<KmsKeyArn> {
    let replicas = regions.iter().filter(|region| *region != key.region()).filter_map(|region| key.replica_in(region));
    std::iter::once(key.clone()).chain(replicas).collect()
}

#[cfg(test)]
mod tests;
