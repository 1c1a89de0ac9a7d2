//! The backup compliance policy of a project: what it forbids, and how it looks.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::identifier::now_utc;

/// Who is named in every policy here.
const AUTHORIZED_EMAIL: &str = "security@example.com";

/// A policy in force.
#[derive(Debug, Clone)]
pub(crate) struct BackupCompliancePolicy {
    /// Whether it demands that backups be encrypted with a customer's key.
    pub(crate) encryption_at_rest_enabled: bool,
    updated: String,
}

impl BackupCompliancePolicy {
    /// A policy set now.
    pub(crate) fn new(encryption_at_rest_enabled: bool) -> Self {
        Self { encryption_at_rest_enabled, updated: now_utc() }
    }

    /// The object on the wire (Atlas API spec).
    pub(crate) fn to_json(&self, project_id: &str) -> Value {
        json!({
            "authorizedEmail": AUTHORIZED_EMAIL,
            "authorizedUserFirstName": "Sec",
            "authorizedUserLastName": "Urity",
            "copyProtectionEnabled": false,
            "encryptionAtRestEnabled": self.encryption_at_rest_enabled,
            "pitEnabled": false,
            "projectId": project_id,
            "restoreWindowDays": 7,
            "scheduledPolicyItems": [],
            "state": "ACTIVE",
            "updatedDate": self.updated,
            "updatedUser": AUTHORIZED_EMAIL,
        })
    }
}

/// A key that the policy demands cannot be switched off. Code and status are from MongoDB's list of error codes,
/// the sentence is ours.
pub(crate) fn demands_encryption() -> ApiError {
    ApiError::bad_request(
        "CANNOT_DISABLE_ENCRYPTION_AT_REST_WITH_BACKUP_COMPLIANCE_POLICY",
        "Cannot disable Encryption at Rest while the Backup Compliance Policy of the project demands it.",
    )
}

/// A project with a policy stays. Code, status and wording are from MongoDB's list of error codes, which speaks of
/// snapshots too; here any policy does it, since no snapshots are modelled (inference).
pub(crate) fn keeps_group() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "CANNOT_CLOSE_GROUP_ACTIVE_BACKUP_COMPLIANCE_POLICY",
        "You can't terminate a project if it has a Backup Compliance Policy enabled and active snapshots. Remove the snapshots.",
    )
}
