//! Events of changes to keys, roles and secrets: KMS by itself, and calls of KMS and IAM as CloudTrail records them.
//!
//! Shapes: KMS developer guide, "Logging AWS KMS API calls" and "Monitoring with EventBridge"; IAM user guide, "Logging
//! IAM"; Secrets Manager user guide, "Match events". The lists of names are those of the rules in infra/template.yaml
//! and infra/spoke.yaml.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use jiff::Timestamp;
use serde_json::Value;

use super::{Reading, envelope, happened_at, text};
use crate::ids::{AccountId, KmsKeyArn};

/// What KMS reports by itself.
pub const KEY_EVENTS: &[&str] = &["KMS CMK Deletion", "KMS CMK Rotation", "KMS Imported Key Material Expiration"];

/// The calls of KMS that may take a key away from a project, or give it back.
pub const KEY_CALLS: &[&str] = &[
    "CancelKeyDeletion",
    "CreateAlias",
    "DeleteAlias",
    "DeleteImportedKeyMaterial",
    "DeleteKey",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "ImportKeyMaterial",
    "PutKeyPolicy",
    "ReplicateKey",
    "RevokeGrant",
    "RotateKey",
    "ScheduleKeyDeletion",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdatePrimaryRegion",
];

/// Those after which a key cannot be used, or soon can no longer be.
const ENDANGERING: &[&str] = &[
    "DeleteImportedKeyMaterial",
    "DeleteKey",
    "DisableKey",
    "KMS CMK Deletion",
    "KMS Imported Key Material Expiration",
    "ScheduleKeyDeletion",
];

/// Those that can be undone.
const UNDOABLE: &[&str] = &["DisableKey", "ScheduleKeyDeletion"];

/// The calls of IAM that may keep Atlas from assuming a role, or the role from using the key.
pub const ROLE_CALLS: &[&str] = &[
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UntagRole",
    "UpdateAssumeRolePolicy",
];

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A key, in one region.
    Key(KmsKeyArn),
    /// A role. CloudTrail records its name and not its path.
    Role {
        /// The account it is in.
        account: AccountId,
        /// Its name, which IAM compares without regard to case.
        name: String,
    },
    /// A secret, by its ARN.
    Secret(String),
}

impl Subject {
    /// The account of a key or a role.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Key(key) => Some(key.account()),
            Self::Role { account, .. } => Some(account),
            Self::Secret(_) => None,
        }
    }
}

/// Something that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What.
    pub subject: Subject,
    /// The call, or what the service reports.
    pub what: String,
    /// Who called: an ARN.
    pub by: Option<String>,
    /// The role whose session it was: with its path, as IAM knows it.
    pub by_role: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// What makes the event the same when it is delivered again.
    pub id: String,
    /// After how many days the key is deleted.
    pub pending_days: Option<u64>,
}

impl Changed {
    /// Whether the key cannot be used after it, or soon can no longer be.
    pub fn endangers_a_key(&self) -> bool {
        ENDANGERING.contains(&self.what.as_str())
    }

    /// Whether enabling the key, or cancelling its deletion, undoes it.
    pub fn can_be_undone(&self) -> bool {
        UNDOABLE.contains(&self.what.as_str())
    }
}

/// Reads an event of EventBridge.
pub fn read(event: &Value) -> Reading<Changed> {
    let Some(event) = envelope(event) else {
        return Reading::Unknown("it is not an EventBridge event".to_owned());
    };
    let name = event.detail["eventName"].as_str().unwrap_or_default();
    match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.kms", kind) if KEY_EVENTS.contains(&kind) => by_kms(&event),
        ("aws.kms", _) if KEY_CALLS.contains(&name) => call_of_kms(&event, name),
        ("aws.iam", _) if ROLE_CALLS.contains(&name) => call_of_iam(&event, name),
        ("aws.secretsmanager", "Secret Label Updated") => secret(&event),
        (source, kind) => {
            let what = if name.is_empty() { kind } else { name };
            Reading::Unknown(format!("{what} of {source} does not affect Atlas projects"))
        }
    }
}

fn changed(event: &EventBridgeEvent<Value>, subject: Subject, what: &str) -> Changed {
    let (detail, who) = (&event.detail, &event.detail["userIdentity"]);
    Changed {
        subject,
        what: what.to_owned(),
        by: text(&who["arn"]).or_else(|| text(&who["invokedBy"])),
        by_role: text(&who["sessionContext"]["sessionIssuer"]["arn"]),
        at: happened_at(event),
        id: text(&detail["eventID"]).or_else(|| event.id.clone()).unwrap_or_default(),
        pending_days: detail["requestParameters"]["pendingWindowInDays"].as_u64(),
    }
}

fn by_kms(event: &EventBridgeEvent<Value>) -> Reading<Changed> {
    let arn = event.resources.iter().flatten().find_map(|arn| arn.parse().ok());
    match arn {
        Some(arn) => Reading::Of(changed(event, Subject::Key(arn), &event.detail_type)),
        None => Reading::Unknown(format!("{} does not name a KMS key", event.detail_type)),
    }
}

/// The record of a call that was refused is an event too.
fn refused(event: &EventBridgeEvent<Value>, name: &str) -> Option<Reading<Changed>> {
    let error = text(&event.detail["errorCode"])?;
    Some(Reading::Unknown(format!("{name} was refused: {error}")))
}

fn call_of_kms(event: &EventBridgeEvent<Value>, name: &str) -> Reading<Changed> {
    if let Some(refused) = refused(event, name) {
        return refused;
    }
    // An alias is a resource too, and has no account in common with the ARN of a key.
    let resources = event.detail["resources"].as_array().into_iter().flatten();
    let arn = resources.filter_map(|resource| resource["ARN"].as_str()).find_map(|arn| arn.parse().ok());
    match arn {
        Some(arn) => Reading::Of(changed(event, Subject::Key(arn), name)),
        None => Reading::Unknown(format!("{name} does not name a KMS key")),
    }
}

fn call_of_iam(event: &EventBridgeEvent<Value>, name: &str) -> Reading<Changed> {
    if let Some(refused) = refused(event, name) {
        return refused;
    }
    let detail = &event.detail;
    let account = [detail["recipientAccountId"].as_str(), event.account.as_deref()];
    let account = account.into_iter().flatten().find_map(|text| text.parse().ok());
    match (account, text(&detail["requestParameters"]["roleName"])) {
        (Some(account), Some(role)) => Reading::Of(changed(event, Subject::Role { account, name: role }, name)),
        _ => Reading::Unknown(format!("{name} does not name an IAM role")),
    }
}

/// Only a new current value matters: it is what is read from now on.
fn secret(event: &EventBridgeEvent<Value>) -> Reading<Changed> {
    let label = event.detail["labelUpdated"].as_str().unwrap_or_default();
    if label != "AWSCURRENT" {
        return Reading::Unknown(format!("atlas-cmk does not use the staging label {label} of a secret"));
    }
    match event.resources.iter().flatten().next() {
        Some(arn) => {
            let changed = changed(event, Subject::Secret(arn.clone()), &event.detail_type);
            // The event has no record of a call, and versions have ids of their own.
            let id = text(&event.detail["versionId"]).unwrap_or(changed.id);
            Reading::Of(Changed { id, ..changed })
        }
        None => Reading::Unknown("a staging label was updated, and the event does not name the secret".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab";

    fn event(source: &str, kind: &str, resources: &Value, detail: &Value) -> Value {
        json!({
            "version": "0", "id": "event-1", "detail-type": kind, "source": source, "account": "444455556666",
            "time": "2026-10-14T10:01:02Z", "region": "us-east-1", "resources": resources, "detail": detail,
        })
    }

    fn call(source: &str, name: &str, more: &Value) -> Value {
        let mut detail = json!({
            "eventName": name, "eventID": "record-1", "eventTime": "2026-10-14T10:01:00Z", "recipientAccountId": "444455556666",
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::444455556666:assumed-role/BreakGlass/alex", "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::444455556666:role/BreakGlass"},
            }},
        });
        detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event(source, "AWS API Call via CloudTrail", &json!([]), &detail)
    }

    fn of(event: &Value) -> Changed {
        match read(event) {
            Reading::Of(changed) => changed,
            Reading::Unknown(why) => panic!("{event}: {why}"),
        }
    }

    #[test]
    fn a_call_of_kms_names_the_key_who_and_when() {
        let resources = json!([
            {"type": "AWS::KMS::Alias", "ARN": "arn:aws:kms:us-east-1:444455556666:alias/atlas-cmk"},
            {"type": "AWS::KMS::Key", "ARN": KEY},
        ]);
        let asked = json!({"keyId": "mrk-1234abcd12ab34cd56ef1234567890ab", "pendingWindowInDays": 7});
        let changed =
            of(&call("aws.kms", "ScheduleKeyDeletion", &json!({"resources": resources, "requestParameters": asked})));
        assert_eq!(changed.subject, Subject::Key(KEY.parse().unwrap()));
        assert_eq!(changed.by.as_deref(), Some("arn:aws:sts::444455556666:assumed-role/BreakGlass/alex"));
        assert_eq!(changed.by_role.as_deref(), Some("arn:aws:iam::444455556666:role/BreakGlass"));
        assert_eq!((changed.id.as_str(), changed.pending_days), ("record-1", Some(7)));
        assert_eq!(changed.at, Some("2026-10-14T10:01:00Z".parse().unwrap()));
        assert!(changed.endangers_a_key());
    }

    #[test]
    fn what_kms_reports_by_itself_names_the_key_in_the_envelope() {
        for kind in KEY_EVENTS {
            let changed = of(&event("aws.kms", kind, &json!([KEY]), &json!({"key-id": "mrk-1234"})));
            assert_eq!((changed.subject, changed.id.as_str()), (Subject::Key(KEY.parse().unwrap()), "event-1"));
        }
        let service_event = json!({"userIdentity": {"accountId": "444455556666", "invokedBy": "AWS Internal"},
            "requestParameters": null, "resources": [{"ARN": KEY}]});
        let rotated = of(&call("aws.kms", "RotateKey", &service_event));
        assert_eq!((rotated.by.as_deref(), rotated.by_role), (Some("AWS Internal"), None));
    }

    #[test]
    fn a_role_is_known_by_account_and_name_and_sessions_of_the_console_have_an_empty_issuer() {
        let identity = json!({"type": "IAMUser", "arn": "arn:aws:iam::444455556666:user/alex", "sessionContext": {"sessionIssuer": {}}});
        let changed = of(&call(
            "aws.iam",
            "DeleteRole",
            &json!({"userIdentity": identity, "requestParameters": {"roleName": "atlas-cmk"}}),
        ));
        assert_eq!(
            changed.subject,
            Subject::Role { account: "444455556666".parse().unwrap(), name: "atlas-cmk".to_owned() }
        );
        assert_eq!(changed.by_role, None);
    }

    #[test]
    fn what_was_refused_reads_only_or_is_malformed_concerns_nobody() {
        for event in [
            json!(null),
            json!({"accountId": "444455556666"}),
            call("aws.kms", "DisableKey", &json!({"errorCode": "AccessDenied", "resources": [{"ARN": KEY}]})),
            call("aws.kms", "Decrypt", &json!({"resources": [{"ARN": KEY}]})),
            call("aws.kms", "DisableKey", &json!({"resources": null})),
            call("aws.iam", "DeleteRole", &json!({"requestParameters": null})),
            call("aws.iam", "DeleteUser", &json!({})),
            event("aws.kms", "KMS CMK Deletion", &json!(["nonsense"]), &json!({})),
            event("aws.secretsmanager", "Secret Label Updated", &json!([]), &json!({"labelUpdated": "AWSCURRENT"})),
            event(
                "aws.secretsmanager",
                "Secret Label Updated",
                &json!(["arn"]),
                &json!({"labelUpdated": "AWSPENDING"}),
            ),
        ] {
            assert!(matches!(read(&event), Reading::Unknown(_)), "{event}");
        }
    }

    #[test]
    fn a_secret_is_the_same_event_by_its_version() {
        let label = json!({"name": "atlas/keys", "labelUpdated": "AWSCURRENT", "versionId": "version-1"});
        let changed =
            of(&event("aws.secretsmanager", "Secret Label Updated", &json!(["arn:aws:secretsmanager:…"]), &label));
        assert_eq!(
            (changed.subject, changed.id.as_str()),
            (Subject::Secret("arn:aws:secretsmanager:…".to_owned()), "version-1")
        );
    }
}
