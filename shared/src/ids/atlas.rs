//! Ids that Atlas gives out: 24 lower-case hexadecimal digits (Atlas Administration API, path parameters).

use std::str::FromStr;

use super::{InvalidId, string_id};

const HEX_DIGITS: usize = 24;

fn parse_hex(text: &str, what: &str) -> Result<String, InvalidId> {
    let well_formed = text.len() == HEX_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(InvalidId(format!("expected {what}, 24 lower-case hexadecimal digits, but found {text:?}")))
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl FromStr for $type {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text, $what).map(Self)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        string_id!($type, schema: $what, pattern: "^[a-f0-9]{24}$", example: "66f0a1b2c3d4e5f601234567");
    };
}

hex_id!(
    /// An Atlas project. Atlas's own API calls it a group.
    ProjectId,
    "an Atlas project id"
);
hex_id!(
    /// An access role record of an Atlas project (`roleId` of Cloud Provider Access). It is not the IAM role's ARN.
    AccessRoleId,
    "an Atlas access role id"
);
hex_id!(
    /// A private endpoint of an Atlas project for encryption at rest. Atlas may recreate an endpoint under a new id, so
    /// endpoints are tracked by region.
    PrivateEndpointId,
    "an Atlas private endpoint id"
);

hex_id!(
    /// An Atlas organization.
    OrganizationId,
    "an Atlas organization id"
);

/// The name of an Atlas project: 1 to 64 letters, digits or any of `-_.(),:&@+'` (Atlas Administration API, `Group`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectName(String);

impl FromStr for ProjectName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |c: char| c.is_alphanumeric() || "-_.(),:&@+'".contains(c);
        if (1..=64).contains(&text.chars().count()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!(
                "expected the name of an Atlas project, 1 to 64 letters, digits or characters of -_.(),:&@+' without \
                 spaces, but found {text:?}"
            )))
        }
    }
}

impl AsRef<str> for ProjectName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    ProjectName,
    schema: "the name of an Atlas project",
    pattern: "^[\\p{L}\\p{N}_.(),:&@+'-]{1,64}$",
    example: "payments"
);

/// The name of a cluster: letters, digits and hyphens, 64 of them at the most (Atlas Administration API, path
/// parameters).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterName(String);

impl FromStr for ClusterName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = (1..=64).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected the name of a cluster such as orders-1, but found {text:?}")))
        }
    }
}

impl AsRef<str> for ClusterName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    ClusterName,
    schema: "the name of a cluster",
    pattern: "^[a-zA-Z0-9][a-zA-Z0-9-]{0,63}$",
    example: "orders"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_24_lower_case_hexadecimal_digits() {
        assert!("66f0a1b2c3d4e5f601234567".parse::<ProjectId>().is_ok());
        for bad in ["", "66f0a1b2c3d4e5f60123456", "66f0a1b2c3d4e5f6012345678", "66F0A1B2C3D4E5F601234567", "payments"]
        {
            let error = bad.parse::<ProjectId>().expect_err(bad);
            assert!(error.to_string().contains("24 lower-case hexadecimal digits"), "{error}");
        }
    }

    #[test]
    fn names_stay_within_what_atlas_takes() {
        for good in ["payments", "Zahlungen (EU)".replace(' ', "-").as_str(), "ümlaut", "a'b"] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in ["", "two words", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
        for good in ["orders", "Cluster0", "a-1"] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a/b", "a_b", &"x".repeat(65)] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad}");
        }
    }
}
