//! Private endpoints for encryption at rest, and the states they go through.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;

use crate::behaviour::{EndpointScript, EndpointSeconds};
use crate::error::ApiError;
use crate::moment::Moment;

use super::private_endpoint::{Endpoint, Event, FAILED, REJECTED, Status};

/// The endpoints of a project. Call [`PrivateEndpoints::advance`] before looking at them.
#[derive(Debug, Default)]
pub(crate) struct PrivateEndpoints {
    endpoints: Vec<Endpoint>,
    /// When the latest endpoint of a region that is gone ceased to exist.
    gone: BTreeMap<String, Duration>,
}

impl PrivateEndpoints {
    /// Lets everything happen that is due at `now`, in the order of time.
    pub(crate) fn advance(&mut self, now: Duration, phases: EndpointSeconds) {
        while let Some((index, at)) = self.next_due(now) {
            if let Some((_, event)) = self.endpoints[index].next.take() {
                self.happen(index, at, event, phases);
            }
        }
    }

    fn next_due(&self, now: Duration) -> Option<(usize, Duration)> {
        self.endpoints
            .iter()
            .enumerate()
            .filter_map(|(index, endpoint)| Some((index, endpoint.next.as_ref()?.0)))
            .filter(|(_, at)| *at <= now)
            .min_by_key(|(_, at)| *at)
    }

    fn happen(&mut self, index: usize, at: Duration, event: Event, phases: EndpointSeconds) {
        let endpoint = &mut self.endpoints[index];
        match event {
            Event::Provisioned(EndpointScript::Stuck {}) => {}
            Event::Provisioned(EndpointScript::PendingAcceptance {}) => {
                endpoint.status = Status::PendingAcceptance;
            }
            Event::Provisioned(EndpointScript::Fail { error_message }) => {
                endpoint.status = Status::Failed;
                endpoint.error_message = Some(error_message.unwrap_or_else(|| FAILED.to_owned()));
            }
            Event::Provisioned(script) => {
                endpoint.activate();
                if script == (EndpointScript::Recreate {}) {
                    endpoint.next = Some((at + phases.initiating(), Event::Rejected));
                }
                let id = endpoint.id.clone();
                self.retire_predecessor_of(&id, at + phases.deleting());
            }
            Event::Rejected => self.replace(index, at, phases),
            Event::Gone => {
                let Endpoint { region, recreates_on_delete, status, .. } = self.endpoints.remove(index);
                if recreates_on_delete && status == Status::Deleting {
                    self.create(&region, EndpointScript::Normal {}, at, phases);
                }
                self.gone.insert(region, at);
            }
        }
    }

    /// The old object becomes `PENDING_RECREATION` and a new one appears: two objects for one region.
    fn replace(&mut self, index: usize, at: Duration, phases: EndpointSeconds) {
        let region = self.endpoints[index].region.clone();
        let successor = self.create(&region, EndpointScript::Normal {}, at, phases).id;
        let old = &mut self.endpoints[index];
        old.status = Status::PendingRecreation;
        old.error_message = Some(REJECTED.to_owned());
        old.next = None;
        old.successor = Some(successor);
    }

    /// Once its replacement is ACTIVE, the old object disappears.
    fn retire_predecessor_of(&mut self, id: &str, at: Duration) {
        for old in &mut self.endpoints {
            if old.successor.as_deref() == Some(id) {
                old.next = Some((at, Event::Gone));
            }
        }
    }

    /// Creates an endpoint. Nothing documented refuses a second one for the same region, so a blind repeat of
    /// the request leaves two (inference).
    pub(crate) fn create(
        &mut self,
        region: &str,
        script: EndpointScript,
        now: Duration,
        phases: EndpointSeconds,
    ) -> Endpoint {
        let endpoint = Endpoint::new(region, script, now, phases);
        self.endpoints.push(endpoint.clone());
        endpoint
    }

    /// All endpoints, oldest first.
    pub(crate) fn all(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// One endpoint.
    pub(crate) fn get(&self, id: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.id == id)
    }

    /// The regions that have an endpoint, or still count as having one, in order and without repeats.
    pub(crate) fn regions(&self, moment: Moment) -> Vec<String> {
        let just_gone = self.gone.iter().filter(|(_, gone)| moment.counts_endpoint(**gone)).map(|(region, _)| region);
        let mut regions: Vec<String> =
            self.endpoints.iter().map(|endpoint| &endpoint.region).chain(just_gone).cloned().collect();
        regions.sort();
        regions.dedup();
        regions
    }

    /// Asks for the deletion of an endpoint; `None` when there is none of that id.
    pub(crate) fn delete(&mut self, id: &str, now: Duration, phases: EndpointSeconds) -> Option<Result<(), ApiError>> {
        let endpoint = self.endpoints.iter_mut().find(|endpoint| endpoint.id == id)?;
        match endpoint.status {
            // Wording and the bracketed parameter as in Terraform provider test logs.
            Status::Initiating => {
                return Some(Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "ENCRYPTION_AT_REST_PRIVATE_ENDPOINT_DELETE_BLOCKED_DURING_PROVISIONING",
                    format!(
                        "Failed to delete Encryption at Rest Private endpoint with id [{id}] during IN_PROGRESS state. \
                         Please try again later."
                    ),
                )
                .with(format!("[{id}]"))));
            }
            // Asking twice changes nothing (inference).
            Status::Deleting => {}
            _ => {
                endpoint.status = Status::Deleting;
                endpoint.error_message = None;
                endpoint.next = Some((now + phases.deleting(), Event::Gone));
            }
        }
        Some(Ok(()))
    }

    /// Someone rejects the endpoint of a region on the AWS side; whether there was one to reject.
    pub(crate) fn reject(&mut self, region: &str, now: Duration, phases: EndpointSeconds) -> bool {
        let found = self.endpoints.iter().position(|endpoint| {
            let may_be_rejected = matches!(endpoint.status, Status::Active | Status::PendingAcceptance);
            endpoint.region == region && may_be_rejected
        });
        if let Some(index) = found {
            self.replace(index, now, phases);
        }
        found.is_some()
    }

    /// Someone accepts the endpoints of a region on the AWS side; whether there was one to accept.
    pub(crate) fn accept(&mut self, region: &str) -> bool {
        let mut accepted = false;
        for endpoint in &mut self.endpoints {
            if endpoint.region == region && endpoint.status == Status::PendingAcceptance {
                endpoint.activate();
                accepted = true;
            }
        }
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Lags;
    use serde_json::Value;

    const PHASES: EndpointSeconds = EndpointSeconds { initiating: 100.0, deleting: 50.0 };
    const REGION: &str = "EU_WEST_1";

    /// A time in seconds and the statuses seen then, oldest object first.
    type Observation = (u64, &'static [&'static str]);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A moment, and for how many seconds an endpoint that is gone counts.
    fn moment(seconds: u64, lag: f64) -> Moment {
        Moment { now: at(seconds), lags: Lags { endpoint: lag, ..Lags::default() } }
    }

    /// The statuses after so many seconds, oldest object first.
    fn statuses(endpoints: &mut PrivateEndpoints, seconds: u64) -> Vec<&'static str> {
        endpoints.advance(at(seconds), PHASES);
        endpoints.all().iter().map(|endpoint| endpoint.status.name()).collect()
    }

    fn created(script: EndpointScript) -> (PrivateEndpoints, String) {
        let mut endpoints = PrivateEndpoints::default();
        let id = endpoints.create(REGION, script, at(0), PHASES).id;
        (endpoints, id)
    }

    #[test]
    fn each_script_goes_through_its_states() {
        let fail = EndpointScript::Fail { error_message: Some("no subnet".to_owned()) };
        let table: [(EndpointScript, &[Observation]); 7] = [
            (EndpointScript::Normal {}, &[(99, &["INITIATING"]), (100, &["ACTIVE"]), (9999, &["ACTIVE"])]),
            (fail, &[(99, &["INITIATING"]), (100, &["FAILED"])]),
            (EndpointScript::Stuck {}, &[(9999, &["INITIATING"])]),
            (EndpointScript::Slow { seconds: 500.0 }, &[(499, &["INITIATING"]), (500, &["ACTIVE"])]),
            (EndpointScript::RecreateOnDelete {}, &[(99, &["INITIATING"]), (9999, &["ACTIVE"])]),
            (EndpointScript::PendingAcceptance {}, &[(9999, &["PENDING_ACCEPTANCE"])]),
            (
                EndpointScript::Recreate {},
                &[
                    (100, &["ACTIVE"]),
                    (200, &["PENDING_RECREATION", "INITIATING"]),
                    (300, &["PENDING_RECREATION", "ACTIVE"]),
                    (350, &["ACTIVE"]),
                    (9999, &["ACTIVE"]),
                ],
            ),
        ];
        for (script, expected) in table {
            let (mut endpoints, _) = created(script.clone());
            for (seconds, expected) in expected {
                assert_eq!(statuses(&mut endpoints, *seconds), *expected, "{script:?} at {seconds} s");
            }
        }
    }

    #[test]
    fn a_long_silence_lets_everything_happen_in_order() {
        let (mut endpoints, id) = created(EndpointScript::Recreate {});
        assert_eq!(statuses(&mut endpoints, 1000), ["ACTIVE"]);
        assert!(endpoints.get(&id).is_none(), "the region lives on under a new id");
    }

    #[test]
    fn deletion_is_blocked_while_provisioning_and_takes_its_time_later() {
        let (mut endpoints, id) = created(EndpointScript::Normal {});
        let refused = endpoints.delete(&id, at(0), PHASES).expect("it exists").expect_err("a refusal");
        assert_eq!(refused.parameters, [Value::from(format!("[{id}]"))]);
        assert_eq!(statuses(&mut endpoints, 100), ["ACTIVE"]);
        assert_eq!(endpoints.delete(&id, at(100), PHASES), Some(Ok(())));
        assert_eq!(statuses(&mut endpoints, 149), ["DELETING"]);
        assert_eq!(endpoints.delete(&id, at(149), PHASES), Some(Ok(())));
        assert!(statuses(&mut endpoints, 150).is_empty());
        assert_eq!(endpoints.delete(&id, at(150), PHASES), None);
    }

    #[test]
    fn a_slow_endpoint_cannot_be_deleted_before_it_is_there() {
        let (mut endpoints, id) = created(EndpointScript::Slow { seconds: 500.0 });
        assert_eq!(statuses(&mut endpoints, 499), ["INITIATING"]);
        assert!(endpoints.delete(&id, at(499), PHASES).is_some_and(|answer| answer.is_err()));
        assert_eq!(statuses(&mut endpoints, 500), ["ACTIVE"]);
        assert_eq!(endpoints.delete(&id, at(500), PHASES), Some(Ok(())));
    }

    #[test]
    fn an_endpoint_may_come_back_once_when_it_was_deleted() {
        let (mut endpoints, id) = created(EndpointScript::RecreateOnDelete {});
        statuses(&mut endpoints, 100);
        endpoints.delete(&id, at(100), PHASES);
        assert_eq!(statuses(&mut endpoints, 149), ["DELETING"]);
        assert_eq!(statuses(&mut endpoints, 150), ["INITIATING"]);
        let new = endpoints.all()[0].clone();
        assert_eq!(new.region, REGION);
        assert_ne!(new.id, id);
        assert_eq!(statuses(&mut endpoints, 250), ["ACTIVE"]);
        endpoints.delete(&new.id, at(250), PHASES);
        assert!(statuses(&mut endpoints, 300).is_empty());
        assert!(statuses(&mut endpoints, 9999).is_empty());
    }

    #[test]
    fn an_endpoint_that_is_gone_counts_as_long_as_atlas_lags() {
        let (mut endpoints, id) = created(EndpointScript::Normal {});
        statuses(&mut endpoints, 100);
        endpoints.delete(&id, at(100), PHASES);
        assert!(statuses(&mut endpoints, 150).is_empty());
        assert_eq!(endpoints.regions(moment(150, 0.0)), [""; 0]);
        assert_eq!(endpoints.regions(moment(179, 30.0)), [REGION]);
        assert_eq!(endpoints.regions(moment(180, 30.0)), [""; 0]);
    }

    #[test]
    fn a_failed_endpoint_can_be_deleted_and_reports_why_it_failed() {
        let (mut endpoints, id) = created(EndpointScript::Fail { error_message: Some("no subnet".to_owned()) });
        statuses(&mut endpoints, 100);
        let body = endpoints.get(&id).map(Endpoint::to_json).unwrap_or_default();
        assert_eq!(body["errorMessage"], "no subnet");
        assert_eq!(endpoints.delete(&id, at(100), PHASES), Some(Ok(())));
    }

    #[test]
    fn a_rejected_endpoint_is_replaced_under_a_new_id() {
        let (mut endpoints, id) = created(EndpointScript::Normal {});
        assert!(!endpoints.reject(REGION, at(0), PHASES), "it is not there yet");
        statuses(&mut endpoints, 100);
        assert!(endpoints.reject(REGION, at(120), PHASES));
        assert_eq!(statuses(&mut endpoints, 120), ["PENDING_RECREATION", "INITIATING"]);
        assert_eq!(endpoints.regions(moment(120, 0.0)), [REGION]);
        assert_eq!(statuses(&mut endpoints, 270), ["ACTIVE"]);
        assert!(endpoints.get(&id).is_none());
    }

    #[test]
    fn an_accepted_endpoint_is_active() {
        let (mut endpoints, _) = created(EndpointScript::PendingAcceptance {});
        statuses(&mut endpoints, 100);
        assert!(endpoints.accept(REGION));
        assert_eq!(statuses(&mut endpoints, 100), ["ACTIVE"]);
    }
}
