//! The input and the output of `disable-encryption`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, ClusterName, ProjectId, Region, SecretId},
    report::{Change, Kept, PlannedChange},
};

/// Disables encryption of one Atlas project, as far as `scope` says. No KMS key is disabled or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableEncryption {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What to disable. Each scope includes those before it.
    pub scope: Scope,
    /// Deletes only the private endpoints of these regions; all by default. Only with `scope` `endpoints`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub regions: Option<Vec<Region>>,
    /// Switches only these clusters, and deletes no endpoints; by default all of both. Only with `scope` `clusters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    pub clusters: Option<Vec<ClusterName>>,
    /// How many clusters are switched at the same time, 10 at most. Each performs an initial sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10))]
    pub cluster_concurrency: Option<u8>,
    /// Access to the account of role and key, if it is another. Not needed for a registered project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountAccess>,
    /// Also disables encryption of a project that is not registered, because somebody else has enabled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt: Option<bool>,
    /// Asks for an approval even where the deployment does not demand one. `false` switches nothing off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
    /// The secret with the Atlas credentials, if it is not the secret of the stack: one of `MoreAtlasSecretArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atlas_secret_id: Option<SecretId>,
    /// What to do: `apply` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<DisableMode>,
    /// How long to wait before the execution fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<DisableDeadlines>,
}

/// What to disable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Private endpoints, and with the last of them the requirement for private networking.
    Endpoints,
    /// Also clusters: they are switched to encryption with MongoDB's own keys.
    Clusters,
    /// Also customer-managed keys of the project.
    Project,
    /// Also role record, statements, tags, registration, and the IAM role if atlas-cmk created it and it is unused.
    Role,
}

/// What the execution does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisableMode {
    /// Disables what `scope` names.
    #[default]
    Apply,
    /// Reports what `apply` would change, and changes nothing.
    Plan,
}

/// How long an execution waits before it fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisableDeadlines {
    /// For private endpoints to be deleted, in minutes; 60 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub endpoint_minutes: Option<u16>,
    /// For each cluster to become IDLE again, in minutes; 240 by default. More data takes longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub cluster_minutes: Option<u16>,
    /// For an answer to the request for approval, in minutes; 1440 (one day) by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10080))]
    pub approval_minutes: Option<u16>,
}

impl DisableEncryption {
    /// Rejects combinations of fields that are invalid together.
    ///
    /// # Errors
    /// `Input.Invalid`, with the path of the field.
    pub fn validate(&self) -> Result<()> {
        named("regions", self.regions.as_deref(), self.scope == Scope::Endpoints, Scope::Endpoints, 40)?;
        named("clusters", self.clusters.as_deref(), self.scope == Scope::Clusters, Scope::Clusters, 25)?;
        if self.cluster_concurrency.is_some_and(|count| !(1..=10).contains(&count)) {
            return Err(invalid("clusterConcurrency", "give 1 to 10"));
        }
        let Some(deadlines) = &self.deadlines else { return Ok(()) };
        for (path, minutes, most) in [
            ("deadlines.endpointMinutes", deadlines.endpoint_minutes, 720),
            ("deadlines.clusterMinutes", deadlines.cluster_minutes, 720),
            ("deadlines.approvalMinutes", deadlines.approval_minutes, 10_080),
        ] {
            if minutes.is_some_and(|minutes| !(1..=most).contains(&minutes)) {
                return Err(invalid(path, format!("give 1 to {most} minutes")));
            }
        }
        Ok(())
    }

    /// Whether endpoints are deleted, and not only named clusters switched.
    pub fn takes_endpoints(&self) -> bool {
        self.clusters.is_none()
    }

    /// Whether the endpoints of a region are deleted.
    pub fn takes_region(&self, region: &Region) -> bool {
        self.takes_endpoints() && self.regions.as_ref().is_none_or(|regions| regions.contains(region))
    }

    /// Whether a cluster is to be switched.
    pub fn takes_cluster(&self, name: &str) -> bool {
        let named = |names: &Vec<ClusterName>| names.iter().any(|it| it.as_ref() == name);
        self.scope >= Scope::Clusters && self.clusters.as_ref().is_none_or(named)
    }
}

fn invalid(path: &str, what: impl AsRef<str>) -> Error {
    Error::new(ErrorName::InputInvalid, format!("{path}: {}", what.as_ref()))
}

/// A list that narrows one scope, and only that.
fn named<T: Ord + std::fmt::Display>(
    path: &str,
    list: Option<&[T]>,
    fits: bool,
    scope: Scope,
    most: usize,
) -> Result<()> {
    let Some(list) = list else { return Ok(()) };
    if !fits {
        let scope = if scope == Scope::Endpoints { "endpoints" } else { "clusters" };
        return Err(invalid(path, format!("this field applies only to scope {scope}; omit it, or change scope")));
    }
    if !(1..=most).contains(&list.len()) {
        return Err(invalid(path, format!("name 1 to {most}, or omit the field to include all")));
    }
    let mut seen = BTreeSet::new();
    match list.iter().enumerate().find(|(_, item)| !seen.insert(*item)) {
        Some((index, item)) => Err(invalid(&format!("{path}[{index}]"), format!("{item} is named twice"))),
        None => Ok(()),
    }
}

/// The result of an execution: the output of the state machine `disable-encryption`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum DisableEncryptionOutput {
    /// Of `apply`.
    Apply(Disabled),
    /// Of `plan`.
    Plan(PlannedRemoval),
}

/// Encryption of the project was disabled as far as requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disabled {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// What was disabled.
    pub scope: Scope,
    /// What atlas-cmk left in place, each with the reason.
    pub kept: Vec<Kept>,
    /// The keys that snapshots of the project need for as long as they exist: do not delete them before.
    pub keys_to_keep: Vec<String>,
    /// Who approved the changes, if somebody had to: an ARN.
    pub approved_by: Option<String>,
    /// The changes that were made; empty if nothing had to change.
    pub changes: Vec<Change>,
}

/// What `apply` would disable, in this order. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRemoval {
    /// The changes that `apply` would make.
    pub changes: Vec<PlannedChange>,
    /// What atlas-cmk would leave in place, each with the reason.
    pub kept: Vec<Kept>,
    /// The keys that snapshots of the project need for as long as they exist: do not delete them before.
    pub keys_to_keep: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn input(change: &Value) -> DisableEncryption {
        let mut input = json!({"projectId": "66f0a1b2c3d4e5f601234567", "scope": "role"});
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(input).unwrap()
    }

    #[test]
    fn what_does_not_fit_its_scope_is_refused_with_its_path() {
        for (change, path) in [
            (json!({"regions": ["us-east-1"]}), "regions:"),
            (json!({"scope": "clusters", "regions": ["us-east-1"]}), "regions:"),
            (json!({"scope": "endpoints", "regions": []}), "regions:"),
            (json!({"scope": "endpoints", "regions": ["us-east-1", "us-east-1"]}), "regions[1]:"),
            (json!({"scope": "project", "clusters": ["orders"]}), "clusters:"),
            (json!({"clusterConcurrency": 11}), "clusterConcurrency:"),
            (json!({"deadlines": {"approvalMinutes": 0}}), "deadlines.approvalMinutes:"),
            (json!({"deadlines": {"endpointMinutes": 721}}), "deadlines.endpointMinutes:"),
        ] {
            let error = input(&change).validate().unwrap_err();
            assert_eq!(error.name(), ErrorName::InputInvalid);
            assert!(error.message().starts_with(path), "{change}: {error}");
        }
        for good in [
            json!({}),
            json!({"scope": "endpoints", "regions": ["us-east-1"]}),
            json!({"scope": "clusters", "clusters": ["orders"]}),
            json!({"approval": true, "deadlines": {"approvalMinutes": 10080}}),
        ] {
            input(&good).validate().unwrap();
        }
    }

    #[test]
    fn a_scope_takes_what_is_before_it_unless_it_is_narrowed() {
        let region = "us-east-1".parse().unwrap();
        for (change, takes_region, takes_cluster) in [
            (json!({"scope": "endpoints"}), true, false),
            (json!({"scope": "endpoints", "regions": ["eu-west-1"]}), false, false),
            (json!({"scope": "clusters"}), true, true),
            (json!({"scope": "clusters", "clusters": ["orders"]}), false, true),
            (json!({"scope": "clusters", "clusters": ["other"]}), false, false),
            (json!({"scope": "project"}), true, true),
            (json!({"scope": "role"}), true, true),
        ] {
            let input = input(&change);
            let takes = (input.takes_region(&region), input.takes_cluster("orders"));
            assert_eq!(takes, (takes_region, takes_cluster), "{change}");
        }
    }
}
