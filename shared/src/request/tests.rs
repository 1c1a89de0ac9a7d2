use serde_json::{Value, json};

use super::*;
use crate::{ErrorName, answers::preflight::Preflight, step::parse};

fn check(input: &Value) -> crate::Result<EnableEncryption> {
    Ok(parse::<Preflight>(json!({"request": input}))?.request)
}

fn valid() -> Value {
    json!({
        "projectId": "66f0a1b2c3d4e5f601234567",
        "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk",
        "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "regions": ["us-east-1", "EU_WEST_1"]
    })
}

#[test]
fn a_complete_request_and_the_smallest_one_are_taken() {
    check(&valid()).unwrap();
    let mut small = valid();
    small.as_object_mut().unwrap().remove("regions");
    check(&small).unwrap();
}

#[test]
fn what_is_wrong_is_reported_with_the_path_of_the_field() {
    let single = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (field, value, path) in [
        ("projectId", json!("payments"), "projectId: "),
        ("projectId", json!(7), "projectId: "),
        ("projectId", Value::Null, "projectId: "),
        ("roleArn", json!("atlas-cmk"), "roleArn: "),
        ("keyArn", json!("alias/atlas"), "keyArn: "),
        ("keyArn", json!(single), "regions[1]: "),
        ("regions", json!([]), "regions: "),
        ("regions", json!(["us-east-1", "mars"]), "regions[1]: "),
        ("regions", json!(["us-east-1", "US_EAST_1"]), "regions[1]: "),
        ("region", json!("us-east-1"), "region: "),
        ("role", json!({"permissionsBoundary": "boundary"}), "role.permissionsBoundary: "),
        (
            "account",
            json!({"roleArn": "arn:aws:iam::111122223333:role/AtlasCmkSpoke", "externalId": "external-1"}),
            "account.roleArn: ",
        ),
        ("account", json!({"roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke"}), "account: "),
        ("deadlines", json!({"endpointMinutes": 0}), "deadlines.endpointMinutes: "),
        ("deadlines", json!({"clusterMinutes": 721}), "deadlines.clusterMinutes: "),
        ("project", json!({"name": "payments", "orgId": "66f0a1b2c3d4e5f6000000aa"}), "project: "),
        ("key", json!({"alias": "alias/atlas-cmk"}), "key.alias: "),
        ("key", json!({"rotationDays": 365}), "key.rotationDays: "),
        ("role", json!({"path": "/other/"}), "role.path: "),
        ("role", json!({"manage": "some"}), "role.manage: "),
        (
            "role",
            json!({"manage": "none", "permissionsBoundary": "arn:aws:iam::aws:policy/x"}),
            "role.permissionsBoundary: ",
        ),
        ("clusters", json!(["orders", "orders"]), "clusters[1]: "),
        ("clusters", json!("some"), "clusters: "),
        ("clusterConcurrency", json!(0), "clusterConcurrency: "),
        ("mode", json!("destroy"), "mode: "),
        ("atlasSecretId", json!("two words"), "atlasSecretId: "),
    ] {
        let mut input = valid();
        input[field] = value;
        let error = check(&input).expect_err(path);
        assert_eq!(error.name(), ErrorName::InputInvalid);
        assert!(error.message().starts_with(path), "{path} {error}");
    }
    let error = check(&json!([])).unwrap_err();
    assert!(error.message().starts_with("the input: "), "{error}");
    let mut missing = valid();
    missing.as_object_mut().unwrap().remove("keyArn");
    assert!(check(&missing).unwrap_err().message().starts_with("keyArn: missing"));
    let mut made = valid();
    made["keyArn"] = Value::Null;
    for (key, path) in [
        (json!({"manage": "full"}), "keyArn: missing"),
        (json!({"alias": "alias/aws/kms"}), "key.alias: "),
        (json!({"alias": "alias/atlas-cmk", "rotationDays": 89}), "key.rotationDays: "),
        (json!({"alias": "alias/atlas-cmk", "manage": "none"}), "key.manage: "),
    ] {
        made["key"] = key;
        let error = check(&made).expect_err(path);
        assert!(error.message().starts_with(path), "{path} {error}");
    }
}

#[test]
fn the_keys_of_a_request_are_the_primary_and_one_replica_for_each_other_region() {
    let request: EnableEncryption = serde_json::from_value(valid()).unwrap();
    let keys: Vec<String> =
        regional_keys(&request.key_arn.unwrap(), &request.regions.unwrap()).iter().map(ToString::to_string).collect();
    assert_eq!(
        keys,
        [
            "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
        ]
    );
}
