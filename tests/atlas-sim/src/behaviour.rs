//! How the simulated world behaves, as far as tests may change it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rate_limit::{Limit, Limits};
use crate::regions;

/// Everything that can be changed over `/_sim/behaviour`. Seconds are simulated ones, except for tokens and
/// nonces.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Behaviour {
    /// For how long after AWS first grants an assumption Atlas still fails to make it.
    pub(crate) propagation_seconds: f64,
    /// Whether the first PATCH of encryptionAtRest after an authorize fails once more.
    pub(crate) fail_once_after_authorize: bool,
    pub(crate) endpoint_seconds: EndpointSeconds,
    /// What becomes of endpoints, by region; regions not listed are normal.
    pub(crate) endpoints: BTreeMap<String, EndpointScript>,
    /// For how long a cluster is UPDATING after a change, and DELETING.
    pub(crate) cluster_seconds: f64,
    #[serde(flatten)]
    pub(crate) lags: Lags,
    pub(crate) rate_limits: Limits,
    pub(crate) token_lifetime_seconds: u64,
    pub(crate) max_live_tokens: usize,
    pub(crate) mints_per_minute: u32,
    pub(crate) nonce_lifetime_seconds: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            propagation_seconds: 0.0,
            fail_once_after_authorize: false,
            endpoint_seconds: EndpointSeconds { initiating: 120.0, deleting: 60.0 },
            endpoints: BTreeMap::new(),
            cluster_seconds: 120.0,
            lags: Lags::default(),
            rate_limits: Limits::default(),
            token_lifetime_seconds: 3600,
            max_live_tokens: 100,
            mints_per_minute: 50,
            nonce_lifetime_seconds: 30,
        }
    }
}

/// For how many seconds Atlas still goes by what is no longer so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Lags {
    /// A role record stays in use after encryption at rest left it. No log shows how long (inference).
    #[serde(rename = "roleInUseSeconds")]
    pub(crate) role_in_use: f64,
    /// An endpoint that is gone keeps the key (two of Terraform's nightly runs failed there).
    #[serde(rename = "endpointLagSeconds")]
    pub(crate) endpoint: f64,
    /// A cluster that is IDLE without a key, or gone, keeps the key (Terraform issue 518).
    #[serde(rename = "clusterLagSeconds")]
    pub(crate) cluster: f64,
}

/// How long the phases of an endpoint last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointSeconds {
    pub(crate) initiating: f64,
    pub(crate) deleting: f64,
}

impl EndpointSeconds {
    /// INITIATING, and every further phase of an endpoint that is not being deleted.
    pub(crate) fn initiating(self) -> Duration {
        Duration::from_secs_f64(self.initiating)
    }

    /// DELETING.
    pub(crate) fn deleting(self) -> Duration {
        Duration::from_secs_f64(self.deleting)
    }
}

/// What becomes of an endpoint that is created from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum EndpointScript {
    /// INITIATING, then ACTIVE.
    Normal {},
    /// INITIATING, then FAILED.
    #[serde(rename_all = "camelCase")]
    Fail {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_message: Option<String>,
    },
    /// INITIATING for ever.
    Stuck {},
    /// ACTIVE, then `PENDING_RECREATION` beside a new one under a new id.
    Recreate {},
    /// INITIATING, then `PENDING_ACCEPTANCE` for ever.
    PendingAcceptance {},
    /// ACTIVE as normal; once deleted, a normal one appears in its region under a new id. Recreation by Atlas is
    /// documented for endpoints removed on the AWS side; that a deletion may look like one is our inference.
    RecreateOnDelete {},
    /// INITIATING for so long, then ACTIVE. Terraform's nightly runs saw hours.
    Slow { seconds: f64 },
}

impl EndpointScript {
    /// How long an endpoint with this script is INITIATING.
    pub(crate) fn initiating(&self, phases: EndpointSeconds) -> Duration {
        match self {
            Self::Slow { seconds } => Duration::from_secs_f64(*seconds),
            _ => phases.initiating(),
        }
    }

    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Slow { seconds } => Some(*seconds),
            _ => None,
        }
    }
}

/// A partial change of the behaviour.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct BehaviourChange {
    propagation_seconds: Option<f64>,
    fail_once_after_authorize: Option<bool>,
    endpoint_seconds: EndpointSecondsChange,
    endpoints: BTreeMap<String, EndpointScript>,
    cluster_seconds: Option<f64>,
    role_in_use_seconds: Option<f64>,
    endpoint_lag_seconds: Option<f64>,
    cluster_lag_seconds: Option<f64>,
    rate_limits: LimitsChange,
    token_lifetime_seconds: Option<u64>,
    max_live_tokens: Option<usize>,
    mints_per_minute: Option<u32>,
    nonce_lifetime_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct EndpointSecondsChange {
    initiating: Option<f64>,
    deleting: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LimitsChange {
    cloud_provider_access: Option<Limit>,
    encryption_at_rest: Option<Limit>,
    clusters: Option<Limit>,
    search_deployments: Option<Limit>,
    cloud_backups: Option<Limit>,
    groups: Option<Limit>,
    project: Option<Limit>,
    organization: Option<Limit>,
}

impl BehaviourChange {
    /// What is wrong with the change, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(region) = self.endpoints.keys().find(|region| !regions::is_known(region)) {
            return Some(format!("{region} is not a region in the spelling of Atlas, such as EU_WEST_1."));
        }
        // A year is longer than any phase, and short enough for every sum of durations.
        let is_bad = |seconds: &f64| !(0.0..=31_536_000.0).contains(seconds);
        [
            self.propagation_seconds,
            self.endpoint_seconds.initiating,
            self.endpoint_seconds.deleting,
            self.cluster_seconds,
            self.role_in_use_seconds,
            self.endpoint_lag_seconds,
            self.cluster_lag_seconds,
        ]
        .into_iter()
        .flatten()
        .chain(self.endpoints.values().filter_map(EndpointScript::seconds))
        .find(is_bad)
        .map(|seconds| format!("{seconds} seconds is not between nothing and a year."))
    }
}

impl Behaviour {
    /// Applies a partial change.
    pub(crate) fn apply(&mut self, change: BehaviourChange) {
        set(&mut self.propagation_seconds, change.propagation_seconds);
        set(&mut self.fail_once_after_authorize, change.fail_once_after_authorize);
        set(&mut self.endpoint_seconds.initiating, change.endpoint_seconds.initiating);
        set(&mut self.endpoint_seconds.deleting, change.endpoint_seconds.deleting);
        self.endpoints.extend(change.endpoints);
        set(&mut self.cluster_seconds, change.cluster_seconds);
        set(&mut self.lags.role_in_use, change.role_in_use_seconds);
        set(&mut self.lags.endpoint, change.endpoint_lag_seconds);
        set(&mut self.lags.cluster, change.cluster_lag_seconds);
        let (limits, new) = (&mut self.rate_limits, change.rate_limits);
        set(&mut limits.cloud_provider_access, new.cloud_provider_access);
        set(&mut limits.encryption_at_rest, new.encryption_at_rest);
        set(&mut limits.clusters, new.clusters);
        set(&mut limits.search_deployments, new.search_deployments);
        set(&mut limits.cloud_backups, new.cloud_backups);
        set(&mut limits.groups, new.groups);
        set(&mut limits.project, new.project);
        set(&mut limits.organization, new.organization);
        set(&mut self.token_lifetime_seconds, change.token_lifetime_seconds);
        set(&mut self.max_live_tokens, change.max_live_tokens);
        set(&mut self.mints_per_minute, change.mints_per_minute);
        set(&mut self.nonce_lifetime_seconds, change.nonce_lifetime_seconds);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn change(value: Value) -> serde_json::Result<BehaviourChange> {
        serde_json::from_value(value)
    }

    #[test]
    fn what_a_change_does_not_name_stays() -> serde_json::Result<()> {
        let mut behaviour = Behaviour::default();
        behaviour.apply(change(json!({
            "endpointSeconds": {"initiating": 1},
            "rateLimits": {"groups": {"capacity": 1, "refillPerMinute": 2}},
            "endpoints": {"EU_WEST_1": {"kind": "fail", "errorMessage": "no"}},
        }))?);
        assert_eq!(behaviour.endpoint_seconds, EndpointSeconds { initiating: 1.0, deleting: 60.0 });
        assert_eq!(behaviour.rate_limits.groups.capacity, 1);
        assert_eq!(behaviour.rate_limits.clusters.capacity, 10_000);
        assert_eq!(behaviour.endpoints["EU_WEST_1"], EndpointScript::Fail { error_message: Some("no".to_owned()) });
        Ok(())
    }

    #[test]
    fn lags_are_changed_and_shown_one_by_one() -> serde_json::Result<()> {
        let mut behaviour = Behaviour::default();
        behaviour.apply(change(json!({"roleInUseSeconds": 1, "endpointLagSeconds": 2}))?);
        let shown = json!(behaviour);
        let lags = ["roleInUseSeconds", "endpointLagSeconds", "clusterLagSeconds"].map(|name| shown[name].clone());
        assert_eq!(lags, [json!(1.0), json!(2.0), json!(0.0)]);
        Ok(())
    }

    #[test]
    fn unknown_names_and_senseless_values_are_refused() -> serde_json::Result<()> {
        assert!(change(json!({"speed": 1})).is_err());
        assert!(change(json!({"endpoints": {"EU_WEST_1": {"kind": "explode"}}})).is_err());
        for bad in [
            json!({"endpoints": {"eu-west-1": {"kind": "stuck"}}}),
            json!({"endpoints": {"EU_WEST_1": {"kind": "slow", "seconds": -1}}}),
            json!({"propagationSeconds": -1}),
            json!({"roleInUseSeconds": -1}),
            json!({"endpointLagSeconds": 1e9}),
            json!({"clusterLagSeconds": -0.5}),
        ] {
            assert!(change(bad.clone())?.problem().is_some(), "{bad}");
        }
        Ok(())
    }
}
