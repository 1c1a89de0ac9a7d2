//! Which roles a cross-account access connects: its name belongs to them for ever, so that nobody who is given the name of
//! an access can be given another one under it.

use serde::{Deserialize, Serialize};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, Write},
    error::{Error, ErrorName, Result},
    ids::{AccessName, IamRoleArn, SourceRole},
};

/// The roles of an access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectedRoles {
    /// Who may assume the target role.
    pub source_role_arn: SourceRole,
    /// The role to assume.
    pub target_role_arn: IamRoleArn,
}

impl ConnectedRoles {
    /// Refuses to let a name stand for other roles than those that it was given to.
    ///
    /// # Errors
    /// `Aws.Conflict`, with these.
    pub fn check(&self, name: &AccessName, registered: Option<&Self>) -> Result<()> {
        match registered {
            Some(other) if other != self => Err(Error::new(
                ErrorName::AwsConflict,
                format!(
                    "name: the access {name} connects {} to {} for ever; choose another name",
                    other.source_role_arn, other.target_role_arn
                ),
            )),
            _ => Ok(()),
        }
    }
}

fn place(name: &AccessName) -> ItemKey {
    ItemKey::new(resource(name), "roles")
}

/// What a registration is said to be about.
pub fn resource(name: &AccessName) -> String {
    format!("access#{name}")
}

/// The roles that a name was given to, if it ever was.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, name: &AccessName) -> Result<Option<ConnectedRoles>> {
    items.get(&place(name)).await
}

/// Gives a name to roles, unless it was given to any.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn register(items: &ItemsWriter, name: &AccessName, roles: &ConnectedRoles) -> Result<()> {
    items.write(vec![Write::put(place(name), roles, Expected::Version(0))?]).await
}
