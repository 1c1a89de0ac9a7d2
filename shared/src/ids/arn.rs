//! Amazon Resource Names of the two resources this project handles: IAM roles and KMS keys.

use std::{fmt, str::FromStr};

use super::{InvalidId, Region, string_id};

/// An AWS partition: ordinary regions, GovCloud or China.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partition {
    /// `aws`
    Aws,
    /// `aws-us-gov`
    UsGov,
    /// `aws-cn`
    China,
}

impl Partition {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "aws" => Some(Self::Aws),
            "aws-us-gov" => Some(Self::UsGov),
            "aws-cn" => Some(Self::China),
            _ => None,
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "aws",
            Self::UsGov => "aws-us-gov",
            Self::China => "aws-cn",
        })
    }
}

/// An AWS account: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl FromStr for AccountId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!("expected an AWS account id of 12 digits, but found {text:?}")))
        }
    }
}

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(AccountId, schema: "an AWS account id", pattern: "^[0-9]{12}$", example: "444455556666");

/// The ARN of an IAM role, for example `arn:aws:iam::444455556666:role/atlas/atlas-cmk`.
#[derive(Debug, Clone)]
pub struct IamRoleArn {
    text: String,
    account: AccountId,
    /// Where the path starts in `text`: at the slash after `role`.
    path_at: usize,
    /// Where the name starts in `text`.
    name_at: usize,
}

impl IamRoleArn {
    /// The account the role lives in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The root of that account: all its principals, for IAM to decide.
    pub fn account_root(&self) -> String {
        let partition = self.text.split(':').nth(1).unwrap_or_default();
        format!("arn:{partition}:iam::{}:root", self.account)
    }

    /// The role's name without its path.
    pub fn name(&self) -> &str {
        &self.text[self.name_at..]
    }

    /// The role's path, `/` if it has none of its own.
    pub fn path(&self) -> &str {
        &self.text[self.path_at..self.name_at]
    }
}

/// Role names are unique without regard to case and to the path, but an ARN written otherwise is another string to
/// Atlas and to a policy, so ARNs are compared as they are written.
impl PartialEq for IamRoleArn {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for IamRoleArn {}

impl FromStr for IamRoleArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_role(text).ok_or_else(|| {
            InvalidId(format!(
                "expected the ARN of an IAM role such as arn:aws:iam::444455556666:role/atlas-cmk, but found {text:?}"
            ))
        })
    }
}

fn parse_role(text: &str) -> Option<IamRoleArn> {
    let [partition, "iam", "", account, resource] = split_arn(text)? else { return None };
    Partition::parse(partition)?;
    let (kind, path_and_name) = resource.split_at_checked("role".len())?;
    let name_at = text.rfind('/')? + 1;
    let name = &text[name_at..];
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: name 64, path 512 characters.
    let well_formed = kind == "role"
        && path_and_name.starts_with('/')
        && path_and_name.bytes().all(|b| (b'!'..=b'~').contains(&b))
        && path_and_name.len() <= 512 + 64
        && (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    well_formed.then_some(IamRoleArn {
        account: account.parse().ok()?,
        path_at: text.len() - path_and_name.len(),
        name_at,
        text: text.to_owned(),
    })
}

impl AsRef<str> for IamRoleArn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

string_id!(
    IamRoleArn,
    schema: "the ARN of an IAM role",
    pattern: "^arn:aws(-us-gov|-cn)?:iam::[0-9]{12}:role/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    example: "arn:aws:iam::444455556666:role/atlas-cmk"
);

/// The ARN of an IAM principal that a trust policy may name: an account's root, a user or a role. Never a wildcard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalArn(String);

impl FromStr for PrincipalArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = split_arn(text).is_some_and(|[partition, service, region, account, resource]| {
            Partition::parse(partition).is_some()
                && (service, region) == ("iam", "")
                && account.parse::<AccountId>().is_ok()
                && (resource == "root" || resource.starts_with("user/") || resource.starts_with("role/"))
                && resource.bytes().all(|b| (b'!'..=b'~').contains(&b) && b != b'*' && b != b'?')
        });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!(
                "expected the ARN of an IAM principal such as arn:aws:iam::299602853325:root, but found {text:?}"
            )))
        }
    }
}

impl AsRef<str> for PrincipalArn {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    PrincipalArn,
    schema: "the ARN of an IAM principal",
    pattern: "^arn:aws(-us-gov|-cn)?:iam::[0-9]{12}:(root|user/[!-)+->@-~]+|role/[!-)+->@-~]+)$",
    example: "arn:aws:iam::299602853325:root"
);

/// The ARN of an IAM managed policy, as a permissions boundary names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IamPolicyArn(String);

impl FromStr for IamPolicyArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let well_formed = split_arn(text).is_some_and(|[partition, service, region, account, resource]| {
            Partition::parse(partition).is_some()
                && (service, region) == ("iam", "")
                && (account == "aws" || account.parse::<AccountId>().is_ok())
                && resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty())
                && resource.bytes().all(|b| (b'!'..=b'~').contains(&b))
        });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(format!(
                "expected the ARN of a managed policy such as arn:aws:iam::444455556666:policy/boundary, but found {text:?}"
            )))
        }
    }
}

impl IamPolicyArn {
    /// Its name without its path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Its path, `/` if it has none of its own.
    pub fn path(&self) -> &str {
        let resource = self.0.splitn(6, ':').nth(5).unwrap_or_default().trim_start_matches("policy");
        &resource[..resource.rfind('/').map_or(0, |at| at + 1)]
    }
}

impl AsRef<str> for IamPolicyArn {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    IamPolicyArn,
    schema: "the ARN of a managed policy",
    pattern: "^arn:aws(-us-gov|-cn)?:iam::([0-9]{12}|aws):policy/[!-~]+$",
    example: "arn:aws:iam::444455556666:policy/boundary"
);

/// The ARN of a KMS key (not of an alias), for example
/// `arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab`.
///
/// Atlas wants the full ARN as soon as the key is in another account, so nothing else is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KmsKeyArn {
    text: String,
    partition: Partition,
    region: Region,
    account: AccountId,
    key_at: usize,
}

impl KmsKeyArn {
    /// The region of this key, or of this replica.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The account that owns the key.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The key id, which all replicas of a multi-Region key share.
    pub fn key_id(&self) -> &str {
        &self.text[self.key_at..]
    }

    /// Whether Atlas's name of a key, its ARN in some region or its mere id, means this one.
    pub fn is_meant_by(&self, name: &str) -> bool {
        name.rsplit('/').next() == Some(self.key_id())
    }

    /// Whether the key can have replicas in other regions. AWS marks those with `mrk-` in the key id.
    pub fn is_multi_region(&self) -> bool {
        self.key_id().starts_with("mrk-")
    }

    /// The ARN of this multi-Region key's replica in `region`; `None` for a single-Region key in any region but its
    /// own.
    pub fn replica_in(&self, region: &Region) -> Option<Self> {
        if *region == self.region {
            return Some(self.clone());
        }
        self.is_multi_region().then(|| {
            let prefix = format!("arn:{}:kms:{region}:{}:key/", self.partition, self.account);
            Self {
                text: format!("{prefix}{}", self.key_id()),
                key_at: prefix.len(),
                region: region.clone(),
                ..self.clone()
            }
        })
    }
}

impl FromStr for KmsKeyArn {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_key(text).ok_or_else(|| {
            let hint = if text.contains(":alias/") || text.starts_with("alias/") {
                " (an alias: give the ARN of the key it points to)"
            } else {
                ""
            };
            InvalidId(format!(
                "expected the ARN of a KMS key such as arn:aws:kms:us-east-1:444455556666:key/…, but found {text:?}{hint}"
            ))
        })
    }
}

fn parse_key(text: &str) -> Option<KmsKeyArn> {
    let [partition, "kms", region, account, resource] = split_arn(text)? else { return None };
    let key_id = resource.strip_prefix("key/")?;
    let well_formed = !key_id.is_empty()
        && key_id.len() <= 128
        && key_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && region.bytes().all(|b| !b.is_ascii_uppercase());
    well_formed.then_some(KmsKeyArn {
        partition: Partition::parse(partition)?,
        region: region.parse().ok()?,
        account: account.parse().ok()?,
        key_at: text.len() - key_id.len(),
        text: text.to_owned(),
    })
}

impl AsRef<str> for KmsKeyArn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

string_id!(
    KmsKeyArn,
    schema: "the ARN of a KMS key",
    pattern: "^arn:aws(-us-gov|-cn)?:kms:[a-z]{2}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:key/[A-Za-z0-9-]{1,128}$",
    example: "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
);

/// Partition, service, region, account and resource of an ARN.
fn split_arn(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.splitn(6, ':');
    if parts.next()? != "arn" {
        return None;
    }
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_role_arn_contains_account_path_and_name() {
        for (text, path, name) in [
            ("arn:aws:iam::444455556666:role/atlas-cmk", "/", "atlas-cmk"),
            ("arn:aws:iam::444455556666:role/atlas/prod/atlas-cmk", "/atlas/prod/", "atlas-cmk"),
            ("arn:aws-us-gov:iam::444455556666:role/a_b+c=d,e.f@g-h", "/", "a_b+c=d,e.f@g-h"),
        ] {
            let arn: IamRoleArn = text.parse().expect(text);
            assert_eq!((arn.account().as_ref(), arn.path(), arn.name()), ("444455556666", path, name));
            assert_eq!(arn.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_role_arn_is_refused() {
        for bad in [
            "",
            "atlas-cmk",
            "arn:aws:iam::444455556666:user/atlas-cmk",
            "arn:aws:iam::444455556666:role/",
            "arn:aws:iam::444455556666:role",
            "arn:aws:iam::444455556666:rolex/atlas-cmk",
            "arn:aws:iam:us-east-1:444455556666:role/atlas-cmk",
            "arn:aws:iam::4444:role/atlas-cmk",
            "arn:aws-eu:iam::444455556666:role/atlas-cmk",
            "arn:aws:sts::444455556666:assumed-role/atlas-cmk/session",
            "arn:aws:iam::444455556666:role/with space",
            "arn:aws:iam::444455556666:role/ümlaut",
        ] {
            assert!(bad.parse::<IamRoleArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_principal_is_never_a_wildcard() {
        for good in [
            "arn:aws:iam::299602853325:root",
            "arn:aws:iam::299602853325:user/atlas",
            "arn:aws:iam::299602853325:role/x/y",
        ] {
            assert!(good.parse::<PrincipalArn>().is_ok(), "{good}");
        }
        for bad in [
            "*",
            "299602853325",
            "arn:aws:iam::*:root",
            "arn:aws:iam::299602853325:user/*",
            "arn:aws:iam::299602853325:group/x",
        ] {
            assert!(bad.parse::<PrincipalArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_boundary_is_a_managed_policy_of_an_account_or_of_aws() {
        for good in ["arn:aws:iam::444455556666:policy/boundary", "arn:aws:iam::aws:policy/PowerUserAccess"] {
            assert!(good.parse::<IamPolicyArn>().is_ok(), "{good}");
        }
        for bad in ["boundary", "arn:aws:iam::444455556666:policy/", "arn:aws:iam::444455556666:role/boundary"] {
            assert!(bad.parse::<IamPolicyArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_multi_region_key_knows_its_replicas_and_a_single_region_key_has_none() {
        let west: Region = "eu-west-1".parse().unwrap();
        let multi: KmsKeyArn = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd".parse().unwrap();
        let replica = multi.replica_in(&west).unwrap();
        assert_eq!(replica.to_string(), "arn:aws:kms:eu-west-1:444455556666:key/mrk-1234abcd");
        assert_eq!(replica, replica.to_string().parse().unwrap());
        assert_eq!((replica.region(), replica.key_id()), (&west, "mrk-1234abcd"));

        let single: KmsKeyArn = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab".parse().unwrap();
        assert_eq!(single.replica_in(&west), None);
        assert_eq!(single.replica_in(single.region()), Some(single.clone()));
    }

    #[test]
    fn what_is_no_key_arn_is_refused_and_an_alias_is_explained() {
        for bad in [
            "",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:us-east-1:444455556666:key/",
            "arn:aws:kms::444455556666:key/1234",
            "arn:aws:kms:US_EAST_1:444455556666:key/1234",
            "arn:aws:kms:us-east-1:444455556666:key/12/34",
            "arn:aws:iam::444455556666:role/atlas-cmk",
        ] {
            assert!(bad.parse::<KmsKeyArn>().is_err(), "{bad}");
        }
        let error = "arn:aws:kms:us-east-1:444455556666:alias/atlas".parse::<KmsKeyArn>().unwrap_err();
        assert!(error.to_string().contains("an alias"), "{error}");
    }

    proptest! {
        #[test]
        fn role_arns_are_read_back_from_their_parts(
            account in "[0-9]{12}", path in "(/[a-z0-9]{1,8}){0,3}/", name in "[A-Za-z0-9_+=,.@-]{1,64}"
        ) {
            let arn: IamRoleArn = format!("arn:aws:iam::{account}:role{path}{name}").parse().unwrap();
            prop_assert_eq!((arn.account().as_ref(), arn.path(), arn.name()), (account.as_str(), path.as_str(), name.as_str()));
        }

        #[test]
        fn a_replica_of_a_replica_is_the_replica(id in "mrk-[0-9a-f]{32}", here in "[a-z]{2}-[a-z]{4}-[1-9]", there in
            "[a-z]{2}-[a-z]{4}-[1-9]") {
            let key: KmsKeyArn = format!("arn:aws:kms:{here}:444455556666:key/{id}").parse().unwrap();
            let there: Region = there.parse().unwrap();
            let replica = key.replica_in(&there).unwrap();
            prop_assert_eq!(replica.replica_in(&there), Some(replica.clone()));
            prop_assert_eq!(replica.replica_in(key.region()), Some(key));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "(arn:aws:(iam|kms):)?.{0,60}") {
            let _ = text.parse::<IamRoleArn>();
            let _ = text.parse::<KmsKeyArn>();
        }
    }
}
