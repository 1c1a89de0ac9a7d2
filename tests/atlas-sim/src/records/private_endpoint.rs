//! One private endpoint for encryption at rest.

use std::time::Duration;

use serde_json::{Value, json};

use crate::behaviour::{EndpointScript, EndpointSeconds};
use crate::identifier::new_object_id;

/// The message of an endpoint that was rejected or removed on the AWS side (Terraform provider tests).
pub(super) const REJECTED: &str = "private endpoint was rejected";
/// The message of an endpoint that failed for no other reason.
pub(super) const FAILED: &str = "AWS could not create the private endpoint.";

/// The status of an endpoint (Atlas API spec). There is no DELETED: what is gone is a 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Initiating,
    PendingAcceptance,
    Active,
    Failed,
    PendingRecreation,
    Deleting,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Initiating => "INITIATING",
            Self::PendingAcceptance => "PENDING_ACCEPTANCE",
            Self::Active => "ACTIVE",
            Self::Failed => "FAILED",
            Self::PendingRecreation => "PENDING_RECREATION",
            Self::Deleting => "DELETING",
        }
    }
}

/// What happens to an endpoint at a certain time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// INITIATING ends as the script says.
    Provisioned(EndpointScript),
    /// Someone rejected it on the AWS side.
    Rejected,
    /// It ceases to exist.
    Gone,
}

/// One endpoint object.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) region: String,
    pub(crate) status: Status,
    pub(super) error_message: Option<String>,
    connection: Option<String>,
    pub(super) next: Option<(Duration, Event)>,
    /// The endpoint that replaces this one.
    pub(super) successor: Option<String>,
    /// Its deletion brings a new one.
    pub(super) recreates_on_delete: bool,
}

impl Endpoint {
    /// An endpoint that is INITIATING from now on.
    pub(super) fn new(region: &str, script: EndpointScript, now: Duration, phases: EndpointSeconds) -> Self {
        Self {
            id: new_object_id(),
            region: region.to_owned(),
            status: Status::Initiating,
            error_message: None,
            connection: None,
            recreates_on_delete: script == (EndpointScript::RecreateOnDelete {}),
            next: Some((now + script.initiating(phases), Event::Provisioned(script))),
            successor: None,
        }
    }

    /// It is usable from now on.
    pub(super) fn activate(&mut self) {
        self.status = Status::Active;
        self.connection = Some(format!("vpce-0{}", &new_object_id()[..16]));
    }

    /// The object on the wire.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "cloudProvider": "AWS",
            "errorMessage": self.error_message,
            "id": self.id,
            "privateEndpointConnectionName": self.connection,
            "regionName": self.region,
            "status": self.status.name(),
        })
    }
}
