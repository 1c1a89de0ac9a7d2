//! What the steps of an enablement work with. Each assembles its input from it (`Input::of`), for the planner and the
//! findings; the state machine assembles the same in JSONata, and a contract test compares both.

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
