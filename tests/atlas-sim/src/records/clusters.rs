//! Clusters: made by tests, read by the API, changed in what concerns their key.

use std::time::Duration;

use axum::http::StatusCode;

use crate::error::ApiError;
use crate::identifier::{new_object_id, now_utc};
use crate::moment::Moment;

use super::backup_compliance_policy;
use super::cluster_spec::ClusterSpec;

/// Instance sizes without a dedicated machine, which cannot have a key of their own.
const TENANT_SIZES: [&str; 4] = ["M0", "M2", "M5", "FLEX"];

/// A cluster of a project.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(super) id: String,
    /// The id of its search deployment.
    pub(super) search_id: String,
    pub(super) created: String,
    pub(crate) spec: ClusterSpec,
    /// Until when it is UPDATING.
    updating_until: Duration,
    /// Until when it is DELETING; then it is gone.
    deleting_until: Option<Duration>,
    /// When it ceased, or will cease, to use the key; of no meaning while it is configured to use it.
    key_until: Option<Duration>,
}

/// What a PATCH of a cluster may change here.
#[derive(Debug, Default)]
pub(crate) struct ClusterChange {
    pub(crate) encryption_at_rest_provider: Option<String>,
    pub(crate) paused: Option<bool>,
}

/// What the project allows its clusters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// There is a key to use.
    pub(crate) has_key: bool,
    /// The backup compliance policy demands encryption at rest.
    pub(crate) must_encrypt: bool,
}

impl Cluster {
    /// A cluster that is there and IDLE.
    pub(crate) fn new(spec: ClusterSpec) -> Self {
        Self {
            id: new_object_id(),
            search_id: new_object_id(),
            created: now_utc(),
            spec,
            updating_until: Duration::ZERO,
            deleting_until: None,
            key_until: None,
        }
    }

    /// Whether the cluster is configured to use the project's key.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.spec.encryption_at_rest_provider == "AWS"
    }

    /// Whether the project's key has to stay because of this cluster. Atlas re-encrypts all data when a cluster is
    /// to do without its key (MongoDB's documentation), so until it is IDLE again it needs the key (inference).
    pub(crate) fn holds_key(&self, moment: Moment) -> bool {
        self.is_encrypted() || self.key_until.is_some_and(|until| moment.counts_cluster(until))
    }

    /// When it ceased to use the key.
    pub(super) fn key_until(&self) -> Option<Duration> {
        self.key_until
    }

    /// Whether its deletion is finished.
    pub(super) fn is_gone(&self, now: Duration) -> bool {
        self.deleting_until.is_some_and(|until| until <= now)
    }

    /// Whether it is a Flex cluster, which has an API of its own.
    pub(crate) fn is_flex(&self) -> bool {
        self.spec.instance_size == "FLEX"
    }

    /// Whether the cluster spans several AWS regions.
    pub(crate) fn is_multi_region(&self) -> bool {
        self.spec.provider_name == "AWS" && self.spec.regions.len() > 1
    }

    /// Changes the cluster; it is UPDATING for a while if anything is different afterwards.
    pub(crate) fn change(
        &mut self,
        change: &ClusterChange,
        rules: Rules,
        now: Duration,
        takes: Duration,
    ) -> Result<(), ApiError> {
        // That a cluster being deleted cannot be changed, and with this code, is our inference.
        self.refuse_deleting()?;
        if let Some(provider) = &change.encryption_at_rest_provider {
            self.check_provider(provider, change.paused, rules)?;
        }
        let was_encrypted = self.is_encrypted();
        let spec = &mut self.spec;
        let provider =
            change.encryption_at_rest_provider.clone().unwrap_or_else(|| spec.encryption_at_rest_provider.clone());
        let paused = change.paused.unwrap_or(spec.paused);
        if provider != spec.encryption_at_rest_provider || paused != spec.paused {
            spec.encryption_at_rest_provider = provider;
            spec.paused = paused;
            self.updating_until = now + takes;
            self.keep_key_until(was_encrypted, now, now + takes);
        }
        Ok(())
    }

    /// Deletes the cluster, which takes a while. Codes, statuses and the first wording as in Terraform provider test
    /// logs and recorded answers; the other sentence is ours. A backup compliance policy does not stand against it:
    /// it protects backups, not clusters (MongoDB's documentation; that the API goes by it is our inference).
    pub(crate) fn delete(&mut self, now: Duration, takes: Duration) -> Result<(), ApiError> {
        self.refuse_deleting()?;
        if self.spec.termination_protection_enabled {
            return Err(ApiError::bad_request(
                "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED",
                "Cannot terminate a cluster while termination protection is enabled.",
            ));
        }
        self.deleting_until = Some(now + takes);
        self.keep_key_until(self.is_encrypted(), now, now + takes);
        Ok(())
    }

    fn refuse_deleting(&self) -> Result<(), ApiError> {
        if self.deleting_until.is_none() {
            return Ok(());
        }
        let name = self.spec.name.as_str();
        Err(ApiError::bad_request(
            "CLUSTER_ALREADY_REQUESTED_DELETION",
            format!("The cluster {name} has already been requested for deletion."),
        )
        .with(name))
    }

    /// Notes when the key is free of a cluster that uses it, or has not yet done away with it.
    fn keep_key_until(&mut self, was_encrypted: bool, now: Duration, until: Duration) {
        if was_encrypted || self.key_until.is_some_and(|key_until| now < key_until) {
            self.key_until = Some(until);
        }
    }

    /// Whether the provider may be changed. A paused cluster has to be resumed first, in a call of its own.
    fn check_provider(&self, provider: &str, paused: Option<bool>, rules: Rules) -> Result<(), ApiError> {
        let spec = &self.spec;
        if spec.paused {
            return Err(conflict("CANNOT_UPDATE_PAUSED_CLUSTER", &spec.name));
        }
        if paused == Some(true) {
            return Err(conflict("CANNOT_UPDATE_AND_PAUSE_CLUSTER", &spec.name));
        }
        match provider {
            // No source shows that the policy forbids this too (inference).
            "NONE" if self.is_encrypted() && rules.must_encrypt => Err(backup_compliance_policy::demands_encryption()),
            "NONE" => Ok(()),
            "AWS" if TENANT_SIZES.contains(&spec.instance_size.as_str()) => Err(ApiError::bad_request(
                "CANNOT_USE_ENCRYPTION_AT_REST_TENANT",
                "Encryption at Rest cannot be used with a tenant cluster.",
            )),
            "AWS" if rules.has_key => Ok(()),
            "AWS" | "AZURE" | "GCP" => Err(ApiError::bad_request(
                "ENCRYPTION_AT_REST_NOT_ENABLED",
                format!("Encryption at Rest is not enabled for the project with provider {provider}."),
            )
            .with(provider)),
            other => Err(ApiError::invalid_enum_value(other)),
        }
    }

    /// What it is busy with (Atlas API spec).
    pub(super) fn state_name(&self, now: Duration) -> &'static str {
        if self.deleting_until.is_some() {
            "DELETING"
        } else if now < self.updating_until {
            "UPDATING"
        } else {
            "IDLE"
        }
    }
}

/// The sentences are ours; codes and status are from MongoDB's list of error codes.
fn conflict(code: &str, name: &str) -> ApiError {
    let what =
        if code == "CANNOT_UPDATE_PAUSED_CLUSTER" { "while it is paused" } else { "and pause it at the same time" };
    ApiError::new(StatusCode::CONFLICT, code, format!("Cannot update cluster {name} {what}.")).with(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Lags;
    use serde_json::{Value, json};

    fn cluster(spec: Value) -> Cluster {
        Cluster::new(serde_json::from_value(spec).expect("a cluster"))
    }

    fn plain() -> Cluster {
        cluster(json!({"name": "Cluster0", "instanceSize": "M10", "regions": ["US_EAST_1"]}))
    }

    fn encrypt(provider: &str) -> ClusterChange {
        ClusterChange { encryption_at_rest_provider: Some(provider.to_owned()), paused: None }
    }

    const MINUTE: Duration = Duration::from_mins(1);
    const FREE: Rules = Rules { has_key: true, must_encrypt: false };

    fn encrypted() -> Cluster {
        let spec = json!({"name": "Cluster0", "instanceSize": "M10", "regions": ["US_EAST_1"],
            "encryptionAtRestProvider": "AWS"});
        cluster(spec)
    }

    /// A moment, and for how many seconds a cluster without its key counts.
    fn at(now: Duration, lag: f64) -> Moment {
        Moment { now, lags: Lags { cluster: lag, ..Lags::default() } }
    }

    #[test]
    fn a_change_takes_its_time_and_no_change_takes_none() -> Result<(), ApiError> {
        let mut cluster = plain();
        let state = |cluster: &Cluster, now| cluster.to_json("g", now)["stateName"].clone();
        cluster.change(&encrypt("AWS"), FREE, Duration::ZERO, MINUTE)?;
        assert_eq!(state(&cluster, Duration::from_secs(59)), "UPDATING");
        assert_eq!(state(&cluster, MINUTE), "IDLE");
        assert!(cluster.is_encrypted());
        cluster.change(&encrypt("AWS"), FREE, MINUTE * 2, MINUTE)?;
        assert_eq!(state(&cluster, MINUTE * 2), "IDLE");
        Ok(())
    }

    #[test]
    fn encryption_is_refused_where_it_cannot_work() {
        let tenant = cluster(json!({"name": "c", "instanceSize": "M0", "regions": ["US_EAST_1"]}));
        let paused = cluster(json!({"name": "c", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": true}));
        let table = [
            (plain(), "AWS", false, "ENCRYPTION_AT_REST_NOT_ENABLED"),
            (plain(), "GCP", true, "ENCRYPTION_AT_REST_NOT_ENABLED"),
            (plain(), "aws", true, "INVALID_ENUM_VALUE"),
            (tenant, "AWS", true, "CANNOT_USE_ENCRYPTION_AT_REST_TENANT"),
            (paused, "AWS", true, "CANNOT_UPDATE_PAUSED_CLUSTER"),
        ];
        for (mut cluster, provider, has_key, expected) in table {
            let refused = cluster.change(&encrypt(provider), Rules { has_key, ..FREE }, Duration::ZERO, MINUTE);
            assert_eq!(refused.map_err(|error| error.code), Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_cluster_needs_its_key_until_it_is_idle_without_it_and_a_lag_longer() -> Result<(), ApiError> {
        let mut cluster = encrypted();
        cluster.change(&encrypt("NONE"), FREE, MINUTE, MINUTE)?;
        let last_second = Duration::from_secs(119);
        for (now, lag, expected) in
            [(last_second, 0.0, true), (MINUTE * 2, 0.0, false), (MINUTE * 2, 60.0, true), (MINUTE * 3, 60.0, false)]
        {
            assert_eq!(cluster.holds_key(at(now, lag)), expected, "{now:?} with a lag of {lag} s");
        }
        Ok(())
    }

    #[test]
    fn a_cluster_that_never_used_the_key_does_not_need_it() -> Result<(), ApiError> {
        let mut cluster = plain();
        cluster.change(&ClusterChange { paused: Some(true), ..ClusterChange::default() }, FREE, MINUTE, MINUTE)?;
        cluster.delete(MINUTE, MINUTE)?;
        assert!(!cluster.holds_key(at(MINUTE, 60.0)));
        Ok(())
    }

    #[test]
    fn a_deleted_cluster_is_deleting_then_gone_and_cannot_be_touched_meanwhile() -> Result<(), ApiError> {
        let mut cluster = encrypted();
        cluster.delete(Duration::ZERO, MINUTE)?;
        let again = cluster.delete(Duration::ZERO, MINUTE).expect_err("a refusal");
        assert_eq!(again.detail, "The cluster Cluster0 has already been requested for deletion.");
        let changed = cluster.change(&encrypt("NONE"), FREE, Duration::ZERO, MINUTE);
        assert_eq!(changed, Err(again));
        let last_second = Duration::from_secs(59);
        assert_eq!(cluster.state_name(last_second), "DELETING");
        assert!(cluster.holds_key(at(last_second, 0.0)) && !cluster.is_gone(last_second));
        assert!(cluster.is_gone(MINUTE));
        assert_eq!(cluster.key_until(), Some(MINUTE));
        Ok(())
    }

    #[test]
    fn a_cluster_deleted_while_it_does_away_with_its_key_holds_it_to_the_end() -> Result<(), ApiError> {
        let mut cluster = encrypted();
        cluster.change(&encrypt("NONE"), FREE, Duration::ZERO, MINUTE)?;
        cluster.delete(Duration::from_secs(30), MINUTE)?;
        assert!(cluster.holds_key(at(Duration::from_secs(89), 0.0)));
        assert_eq!(cluster.key_until(), Some(Duration::from_secs(90)));
        Ok(())
    }

    #[test]
    fn termination_protection_stands_against_deletion() {
        let mut protected = plain();
        protected.spec.termination_protection_enabled = true;
        assert_eq!(protected.to_json("g", MINUTE)["terminationProtectionEnabled"], true);
        let refused = protected.delete(MINUTE, MINUTE).map_err(|error| error.code);
        assert_eq!(refused, Err("CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED".to_owned()));
        assert_eq!(protected.state_name(MINUTE), "IDLE");
    }

    #[test]
    fn a_policy_that_demands_encryption_keeps_a_cluster_encrypted() -> Result<(), ApiError> {
        let rules = Rules { must_encrypt: true, ..FREE };
        let refused = encrypted().change(&encrypt("NONE"), rules, MINUTE, MINUTE).map_err(|error| error.code);
        assert_eq!(refused, Err("CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY".to_owned()));
        // A cluster that is not encrypted may stay so.
        plain().change(&encrypt("NONE"), rules, MINUTE, MINUTE)?;
        encrypted().delete(MINUTE, MINUTE)
    }
}
