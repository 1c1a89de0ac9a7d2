//! Identifiers, parsed once at the edge so that nothing behind it handles a string that might be anything.
//!
//! Every type here serialises as the string it was read from, refuses anything malformed with a sentence that
//! says what was expected, and carries its pattern into the JSON Schemas of the step functions.

mod access;
mod account_access;
mod arn;
mod atlas;
mod aws;
mod external_id;
mod profile;
mod region;

pub use access::{AccessName, BucketName, SourceRole, TrustedArn};
pub use account_access::{AccountAccess, SpokeRole};
pub use arn::{AccountId, IamPolicyArn, IamRoleArn, KmsKeyArn, Partition, PrincipalArn};
pub use atlas::{AccessRoleId, ClusterName, OrganizationId, PrivateEndpointId, ProjectId, ProjectName};
pub use aws::{IamPath, KeyAlias, SecretId};
pub use external_id::ExternalId;
pub use profile::ProfileName;
pub use region::Region;

/// Whether this is the id of an organizational unit, and not that of the root (Organizations API reference, `Parent`).
pub fn is_organizational_unit(parent: &str) -> bool {
    parent.starts_with("ou-")
}

/// A string that is not the identifier it should be. Its message says what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub(crate) String);

/// Implements the string side of an identifier: serde, `Display` and a schema with the given pattern.
///
/// The type must have `FromStr<Err = InvalidId>` and `AsRef<str>`.
macro_rules! string_id {
    ($type:ident, schema: $name:literal, pattern: $pattern:literal, example: $example:literal) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_ref())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_ref())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "title": $name,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}
pub(crate) use string_id;
