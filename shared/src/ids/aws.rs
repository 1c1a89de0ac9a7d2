//! Names that AWS gives no ARN for, or that people write instead of one.

use std::str::FromStr;

use super::{InvalidId, string_id};

/// The alias of a KMS key, for example `alias/atlas-cmk`: up to 256 letters, digits or any of `/_-`. Those of AWS
/// itself are not ours to use (KMS API reference, `CreateAlias`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyAlias(String);

impl FromStr for KeyAlias {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = text.strip_prefix("alias/").is_some_and(|name| {
            (1..=250).contains(&name.len())
                && !name.starts_with("aws/")
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b))
        });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected the alias of a key such as alias/atlas-cmk, but found {text:?}")))
        }
    }
}

impl AsRef<str> for KeyAlias {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    KeyAlias,
    schema: "the alias of a KMS key",
    pattern: "^alias/(?!aws/)[A-Za-z0-9/_-]{1,250}$",
    example: "alias/atlas-cmk"
);

/// A secret of Secrets Manager, by name or ARN (Secrets Manager API reference, `CreateSecret`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretId(String);

impl FromStr for SecretId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&b);
        if (1..=2048).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId("expected the name or the ARN of a secret in Secrets Manager".to_owned()))
        }
    }
}

impl AsRef<str> for SecretId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    SecretId,
    schema: "a secret in Secrets Manager, by name or ARN",
    pattern: "^[A-Za-z0-9/_+=.@:-]{1,2048}$",
    example: "atlas-cmk/atlas"
);

/// The path of an IAM role, for example `/atlas/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IamPath(String);

impl FromStr for IamPath {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = text.len() <= 512
            && text.starts_with('/')
            && text.ends_with('/')
            && text.bytes().all(|b| (b'!'..=b'~').contains(&b));
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected a path that begins and ends with / such as /atlas/, but found {text:?}")))
        }
    }
}

impl AsRef<str> for IamPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(IamPath, schema: "the path of an IAM role", pattern: "^/([!-~]{0,510}/)?$", example: "/atlas/");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_what_aws_takes() {
        for good in ["alias/atlas-cmk", "alias/a/b_C-1"] {
            assert!(good.parse::<KeyAlias>().is_ok(), "{good}");
        }
        for bad in ["", "atlas-cmk", "alias/", "alias/aws/kms", "alias/a b"] {
            assert!(bad.parse::<KeyAlias>().is_err(), "{bad}");
        }
        for good in ["atlas-cmk/atlas", "arn:aws:secretsmanager:us-east-1:444455556666:secret:atlas-AbCdEf"] {
            assert!(good.parse::<SecretId>().is_ok(), "{good}");
        }
        // What was put there by mistake might be the secret itself: it is never quoted.
        let error = "{\"publicKey\":\"s3cr3t\"}".parse::<SecretId>().unwrap_err();
        assert!(!error.to_string().contains("s3cr3t"));
        for good in ["/", "/atlas/", "/a/b/"] {
            assert!(good.parse::<IamPath>().is_ok(), "{good}");
        }
        for bad in ["", "atlas", "/atlas", "atlas/"] {
            assert!(bad.parse::<IamPath>().is_err(), "{bad}");
        }
    }
}
