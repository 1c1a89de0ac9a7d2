//! Names of profiles, which are names of parameters too.

use std::str::FromStr;

use super::{InvalidId, string_id};

/// The name of a profile: letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected 1 to 64 letters, digits or any of ._- but found {text:?}")))
        }
    }
}

impl AsRef<str> for ProfileName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(ProfileName, schema: "the name of a profile", pattern: "^[A-Za-z0-9._-]{1,64}$", example: "production");
