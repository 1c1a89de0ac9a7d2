//! The external ID of a trust policy.

use std::str::FromStr;

use super::{InvalidId, string_id};

/// An external ID: 2 to 1,224 characters of IAM's alphabet for it (IAM user guide, "access to AWS accounts owned by
/// third parties"). Not a secret, but never guessed: it comes from whoever is going to assume the role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl FromStr for ExternalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
        if (2..=1224).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!(
                "expected an external ID, 2 to 1224 letters, digits or any of _+=,.@:/- , but found {text:?}"
            )))
        }
    }
}

impl AsRef<str> for ExternalId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    ExternalId,
    schema: "an external ID",
    pattern: "^[\\w+=,.@:/-]{2,1224}$",
    example: "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_stays_within_iams_alphabet_and_length() {
        for good in ["ab", "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e", "a+b=c,d.e@f:g/h-i_j", &"x".repeat(1224)] {
            assert!(good.parse::<ExternalId>().is_ok(), "{good}");
        }
        for bad in ["", "a", "with space", "quote\"", &"x".repeat(1225), "ümlaut"] {
            assert!(bad.parse::<ExternalId>().is_err(), "{bad}");
        }
    }
}
