//! Cross-account access: its name, its roles, and its buckets.

use std::str::FromStr;

use super::{AccountId, IamRoleArn, InvalidId, PrincipalArn, string_id};

/// The name of an access: letters and digits, which are all that a Sid takes. Policies and statements are named after
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessName(String);

impl FromStr for AccessName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected a name of 1 to 40 letters and digits such as S3Keys, but found {text:?}")))
        }
    }
}

impl AsRef<str> for AccessName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    AccessName,
    schema: "the name of an access",
    pattern: "^[A-Za-z0-9]{1,40}$",
    example: "S3Keys"
);

/// Who may assume a role: a role, or all roles below a path, such as those of a stack:
/// `arn:aws:iam::444455556666:role/stacks/atlas-cmk/*`. Never all roles of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRole {
    /// The role, or one that would be below the path.
    example: IamRoleArn,
    text: String,
}

impl SourceRole {
    /// The role, unless it is a path.
    pub fn role(&self) -> Option<&IamRoleArn> {
        (!self.text.ends_with('*')).then_some(&self.example)
    }

    /// The account it is in.
    pub fn account(&self) -> &AccountId {
        self.example.account()
    }

    /// The root of its account, which in a trust policy stands for all of it.
    pub fn account_root(&self) -> String {
        format!("{}:root", self.text.split(":role/").next().unwrap_or_default())
    }

    /// Whether a role is meant.
    pub fn covers(&self, role: &IamRoleArn) -> bool {
        match self.text.strip_suffix('*') {
            Some(prefix) => role.as_ref().starts_with(prefix),
            None => *role == self.example,
        }
    }
}

impl FromStr for SourceRole {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let example = match text.strip_suffix("/*") {
            // A path of its own, and no other wildcard.
            Some(path) if !path.ends_with(":role") && !path.contains(['*', '?']) => format!("{path}/any"),
            Some(_) => String::new(),
            None => text.to_owned(),
        };
        let example = example.parse().map_err(|_| {
            InvalidId(format!(
                "expected the ARN of an IAM role such as arn:aws:iam::444455556666:role/atc-node, or of a path such as \
                 arn:aws:iam::444455556666:role/stacks/atlas-cmk/*, but found {text:?}"
            ))
        })?;
        Ok(Self { example, text: text.to_owned() })
    }
}

impl AsRef<str> for SourceRole {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

string_id!(
    SourceRole,
    schema: "the ARN of an IAM role, or of a path that ends with /*",
    pattern: "^arn:aws(-us-gov|-cn)?:iam::[0-9]{12}:role/(([!-)+->@-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}|[!-)+->@-~]+/\\*)$",
    example: "arn:aws:iam::444455556666:role/atc-node"
);

/// Who a trust policy allows: an account's root, a user or a role, or a path of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedArn {
    /// One principal.
    Principal(PrincipalArn),
    /// All roles below a path.
    Path(SourceRole),
}

impl FromStr for TrustedArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.ends_with("/*") { text.parse().map(Self::Path) } else { text.parse().map(Self::Principal) }
    }
}

impl AsRef<str> for TrustedArn {
    fn as_ref(&self) -> &str {
        match self {
            Self::Principal(arn) => arn.as_ref(),
            Self::Path(path) => path.as_ref(),
        }
    }
}

string_id!(
    TrustedArn,
    schema: "the ARN of an IAM principal, or of a path of roles that ends with /*",
    pattern: "^arn:aws(-us-gov|-cn)?:iam::[0-9]{12}:(root|user/[!-)+->@-~]+|role/[!-)+->@-~]+(/\\*)?)$",
    example: "arn:aws:iam::299602853325:root"
);

/// The name of an S3 bucket (Amazon S3 user guide, "Bucket naming rules").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketName(String);

impl FromStr for BucketName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let well_formed = (3..=63).contains(&text.len())
            && text.bytes().all(|b| inner(b) || b == b'-' || b == b'.')
            && text.bytes().next().is_some_and(inner)
            && text.bytes().last().is_some_and(inner);
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected the name of an S3 bucket such as atc-data, but found {text:?}")))
        }
    }
}

impl AsRef<str> for BucketName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    BucketName,
    schema: "the name of an S3 bucket",
    pattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    example: "atc-data"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_what_sids_and_buckets_take() {
        for good in ["S3Keys", "a"] {
            assert!(good.parse::<AccessName>().is_ok(), "{good}");
        }
        for bad in ["", "s3-keys", "a b", &"x".repeat(41)] {
            assert!(bad.parse::<AccessName>().is_err(), "{bad}");
        }
        for good in ["atc-data", "a.b", "123"] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        for bad in ["", "ab", "Data", "-ab", "ab-", "a/b", "a*b"] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_is_a_role_or_a_path_and_never_a_whole_account() {
        let role: SourceRole = "arn:aws:iam::444455556666:role/atc-node".parse().unwrap();
        assert_eq!(role.role().map(AsRef::as_ref), Some("arn:aws:iam::444455556666:role/atc-node"));
        let path: SourceRole = "arn:aws:iam::444455556666:role/stacks/atlas-cmk/*".parse().unwrap();
        assert_eq!((path.role(), path.account().as_ref()), (None, "444455556666"));
        assert!(path.covers(&"arn:aws:iam::444455556666:role/stacks/atlas-cmk/x".parse().unwrap()));
        assert!(!path.covers(&"arn:aws:iam::444455556666:role/stacks/other/x".parse().unwrap()));
        for bad in [
            "arn:aws:iam::444455556666:role/*",
            "arn:aws:iam::444455556666:role/atc-*",
            "arn:aws:iam::444455556666:role/*/x/*",
            "arn:aws:iam::444455556666:root",
            "arn:aws:s3::444455556666/atc-s3-access-keys",
            "*",
        ] {
            assert!(bad.parse::<SourceRole>().is_err(), "{bad}");
        }
    }
}
