//! What the steps of an enablement work with. Each assembles its input from it (`Input::of`), for the planner and the
//! findings; the state machine assembles the same in JSONata, and a contract test compares both.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ids::{AccessRoleId, ExternalId, KmsKeyArn, PrincipalArn, ProjectId, Region},
    request::EnableEncryption,
};

/// A request, with the ids that earlier steps found or made.
#[derive(Debug, Clone)]
pub struct Enablement<'a> {
    /// The input of the state machine.
    pub request: &'a EnableEncryption,
    /// The project.
    pub project_id: ProjectId,
    /// The key.
    pub key_arn: KmsKeyArn,
    /// Where the key is, or is made.
    pub primary_region: Region,
    /// Atlas's id of the access role record.
    pub role_id: AccessRoleId,
    /// Who assumes the role, by that record.
    pub principal_arn: PrincipalArn,
    /// The external ID that it presents, by that record.
    pub external_id: ExternalId,
    /// The key that the project uses now, by ARN or id, if it is another.
    pub previous_key: Option<String>,
    /// The name of the execution.
    pub execution: Option<String>,
}

/// The input of a step in a sample of an enablement: of a project by its name, with a key under an alias, in another
/// account.
///
/// # Panics
/// If the sample is none.
pub fn sample<I: Serialize>(input: impl FnOnce(&Enablement<'_>) -> I) -> Value {
    const SAMPLE: &str = "the sample is an enablement";
    let key = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab";
    let request: EnableEncryption = serde_json::from_value(json!({
        "project": {"name": "payments", "orgId": "5f0000000000000000000001"},
        "roleArn": "arn:aws:iam::444455556666:role/atlas-cmk",
        "key": {"alias": "alias/atlas-cmk", "rotationDays": 365},
        "regions": ["us-east-1", "eu-west-1", "ap-southeast-2"],
        "account": {
            "roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke",
            "externalId": "b0a7c1de-5f2e-4f0e-9f5c-3d2c1b0a9e8d",
        },
    }))
    .expect(SAMPLE);
    json!(input(&Enablement {
        request: &request,
        project_id: "66f0a1b2c3d4e5f601234567".parse().expect(SAMPLE),
        key_arn: key.parse().expect(SAMPLE),
        primary_region: "us-east-1".parse().expect(SAMPLE),
        role_id: "6a793f88c0eb9e7a17716581".parse().expect(SAMPLE),
        principal_arn: "arn:aws:iam::299602853325:root".parse().expect(SAMPLE),
        external_id: "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e".parse().expect(SAMPLE),
        previous_key: None,
        execution: Some("enable-payments".to_owned()),
    }))
}
