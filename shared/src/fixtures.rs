//! What the tests of many modules are about: a project, its access role, its key and its cluster, all as they should be.
//! Tests change what matters to them.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    atlas::{AccessRole, AwsKms, Cluster, PrivateEndpoint},
    aws::{Key, KeyState, Role},
    ids::{AccessRoleId, IamRoleArn, KmsKeyArn, ProjectId, Region},
    model::{enablement::Enablement, role_policies::RolePolicies},
    policy::{KEY_RIGHTS, KeyMaintainers, PolicyDocument},
    registry::{Entry, Project},
    request::EnableEncryption,
};

pub(crate) const PROJECT: &str = "66f0a1b2c3d4e5f601234567";
pub(crate) const ROLE_ID: &str = "6a793f88c0eb9e7a17716581";
pub(crate) const ROLE: &str = "arn:aws:iam::444455556666:role/atlas-cmk";
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-1";
pub(crate) const PRINCIPAL: &str = "arn:aws:iam::299602853325:root";
pub(crate) const EXTERNAL_ID: &str = "external-1";

pub(crate) fn project() -> ProjectId {
    PROJECT.parse().unwrap()
}

pub(crate) fn role_id() -> AccessRoleId {
    ROLE_ID.parse().unwrap()
}

pub(crate) fn role_arn() -> IamRoleArn {
    ROLE.parse().unwrap()
}

pub(crate) fn key_arn() -> KmsKeyArn {
    KEY.parse().unwrap()
}

pub(crate) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// The value with changed fields: of an object in an object likewise, and without those that become null.
pub(crate) fn merged(mut value: Value, change: &Value) -> Value {
    for (field, new) in change.as_object().unwrap() {
        let old = value[field].take();
        value[field] = if old.is_object() && new.is_object() { merged(old, new) } else { new.clone() };
    }
    value.as_object_mut().unwrap().retain(|field, value| !value.is_null() || change.get(field).is_none());
    value
}

fn parsed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// An enablement of the project with its key and role.
pub(crate) fn request(change: &Value) -> EnableEncryption {
    parsed(merged(json!({"projectId": PROJECT, "roleArn": ROLE, "keyArn": KEY}), change))
}

/// What is known of an enablement in its midst.
pub(crate) fn enablement(request: &EnableEncryption) -> Enablement<'_> {
    Enablement {
        request,
        project_id: project(),
        key_arn: key_arn(),
        primary_region: key_arn().region().clone(),
        role_id: role_id(),
        principal_arn: PRINCIPAL.parse().unwrap(),
        external_id: EXTERNAL_ID.parse().unwrap(),
        previous_key: None,
        execution: Some("run-1".to_owned()),
    }
}

/// A state of the project.
pub(crate) fn entry(change: &Value) -> Entry {
    let desired = json!({"projectId": PROJECT, "roleArn": ROLE, "keyArn": KEY});
    let entry = json!({
        "roleId": ROLE_ID, "keyArn": KEY, "desired": desired, "at": "2026-11-22T20:15:04Z", "execution": null,
    });
    parsed(merged(entry, change))
}

/// The project, registered in a state.
pub(crate) fn registered(change: &Value) -> Project {
    Project { current: Some(entry(change)), version: 1, ..Project::unknown(project()) }
}

/// Project number `n`, registered in a state.
pub(crate) fn registered_of(n: u32, change: &Value) -> Project {
    let id = format!("66f0a1b2c3d4e5f6{n:08x}");
    let current = Some(entry(&merged(json!({"desired": {"projectId": id}}), change)));
    Project { current, version: 1, ..Project::unknown(id.parse().unwrap()) }
}

/// An access role record, authorized for the IAM role.
pub(crate) fn access_role() -> AccessRole {
    AccessRole {
        iam_assumed_role_arn: Some(ROLE.to_owned()),
        authorized_date: Some("2026-01-01T00:00:00Z".to_owned()),
        ..pending_access_role()
    }
}

/// An access role record that was never authorized.
pub(crate) fn pending_access_role() -> AccessRole {
    AccessRole {
        role_id: role_id(),
        atlas_aws_account_arn: Some(PRINCIPAL.to_owned()),
        external_id: Some(EXTERNAL_ID.to_owned()),
        iam_assumed_role_arn: None,
        authorized_date: None,
        created_date: Some("2026-01-01T00:00:00Z".to_owned()),
        feature_usages: None,
    }
}

/// Encryption at rest with the key and private networking.
pub(crate) fn aws_kms() -> AwsKms {
    AwsKms {
        enabled: Some(true),
        role_id: Some(ROLE_ID.to_owned()),
        customer_master_key_id: Some(KEY.to_owned()),
        region: Some("US_EAST_1".to_owned()),
        access_key_id: None,
        require_private_networking: Some(true),
        valid: Some(true),
    }
}

/// Private endpoint number `n`, with its region in Atlas's spelling.
pub(crate) fn endpoint(n: usize, region: &str, status: &str) -> PrivateEndpoint {
    PrivateEndpoint {
        id: format!("{n:024x}").parse().unwrap(),
        region_name: region.to_owned(),
        status: status.parse().unwrap(),
        error_message: (status == "FAILED").then(|| "no replica of the key".to_owned()),
    }
}

/// A cluster with nodes in two regions, which does not use the key yet.
pub(crate) fn cluster(change: &Value) -> Cluster {
    let region =
        |name: &str| json!({"providerName": "AWS", "regionName": name, "electableSpecs": {"instanceSize": "M10"}});
    let cluster = json!({
        "name": "orders", "stateName": "IDLE", "encryptionAtRestProvider": "NONE", "paused": false,
        "replicationSpecs": [{"regionConfigs": [region("US_EAST_1"), region("EU_WEST_1")]}],
    });
    parsed(merged(cluster, change))
}

/// A policy with these statements.
pub(crate) fn policy(statements: &Value) -> PolicyDocument {
    PolicyDocument::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

/// The IAM role with this trust policy.
pub(crate) fn role(trust_policy: PolicyDocument) -> Role {
    Role { arn: ROLE.to_owned(), trust_policy, permissions_boundary: None, tags: Vec::new() }
}

/// The IAM role as it is read, if there is one.
pub(crate) fn role_policies(trust: Option<PolicyDocument>, inline_policy: Option<PolicyDocument>) -> RolePolicies {
    RolePolicies {
        role: trust.map(role),
        inline_policy,
        is_ours_to_write: true,
        is_bounded: true,
        is_bounded_for_access: true,
        trust_policy_size_quota: 2048,
        organization: Some("o-abcde12345".to_owned()),
    }
}

/// The key in a region.
pub(crate) fn key(region: &str, state: KeyState) -> Key {
    let arn = KEY.replace("us-east-1", region).parse().unwrap();
    Key { arn, state, is_symmetric: true, is_of_kms: true, primary: Some(key_arn()), replicas: Vec::new() }
}

/// Who has which right on keys that are made in the account of [`key`].
pub(crate) fn key_maintainers() -> KeyMaintainers {
    let role = |step: &&str| format!("arn:aws:iam::444455556666:role/stacks/atlas-cmk/atlas-cmk-us-east-1-{step}");
    let roles = KEY_RIGHTS.iter().map(|right| right.steps.iter().map(role).collect()).collect();
    KeyMaintainers { account: "444455556666".parse().unwrap(), roles }
}
