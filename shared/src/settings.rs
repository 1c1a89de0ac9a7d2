//! What a function reads from its environment: set by infra/template.yaml, never by an input.

#![expect(clippy::disallowed_methods, reason = "the environment is read here")]

use std::{env, fmt, path::PathBuf};

use aws_credential_types::Credentials;
use url::{Host, Url};
use wildmatch::WildMatch;

use crate::{
    error::{Error, ErrorName, Result},
    ids::{IamPolicyArn, IamRoleArn, InvalidId, SourceRole},
    request::BucketAccess,
};

const ATLAS_BASE_URL: &str = "https://cloud.mongodb.com";

/// IAM's default quota for a trust policy. It can be raised to 8,192 (IAM user guide, "IAM and AWS STS quotas").
const TRUST_POLICY_SIZE: usize = 2048;

/// The environment of a function.
#[derive(Clone)]
pub struct Settings {
    /// Where Atlas is: `ATLAS_BASE_URL`, by default `https://cloud.mongodb.com`.
    pub atlas_base_url: Url,
    /// The AWS accounts of Atlas that roles may trust: `ATLAS_ACCOUNT_IDS`. Without any, the one that Atlas names.
    pub atlas_accounts: Vec<String>,
    /// The secret with the Atlas credentials: `ATLAS_SECRET_ID`, a name or an ARN. Functions that do not call Atlas
    /// have none.
    pub atlas_secret_id: Option<String>,
    /// The region to call AWS in: `AWS_REGION`, which Lambda sets.
    pub aws_region: String,
    /// Another endpoint for every AWS service: `AWS_ENDPOINT_URL`, as the AWS SDKs know it.
    pub aws_endpoint_url: Option<Url>,
    /// The credentials that Lambda puts into the environment.
    pub aws_credentials: Credentials,
    /// The account's quota for the size of a trust policy: `TRUST_POLICY_SIZE_QUOTA`, by default 2048.
    pub trust_policy_size_quota: usize,
    /// The permissions boundary of every IAM role that Atlas assumes in our own account: `ACCESS_ROLE_BOUNDARY_ARN`. An
    /// input may name another, if the role of the function allows it.
    pub access_role_boundary: Option<IamPolicyArn>,
    /// The roles of our own account that the functions may write, by path and name with wildcards: `ACCESS_ROLE_NAME`.
    pub access_role_name: Option<String>,
    /// Permissions boundaries that roles of other accounts may have instead, by ARN with wildcards:
    /// `MORE_ACCESS_ROLE_BOUNDARY_ARNS`.
    pub more_boundaries: Vec<String>,
    /// Roles that need no boundary, by ARN: `UNBOUNDED_ROLE_ARNS`.
    pub unbounded_roles: Vec<String>,
    /// What cross-account access may connect.
    pub cross_account: CrossAccount,
    /// The secret in which functions share the access token that they get with the Atlas secret: `ATLAS_TOKENS_SECRET_ID`.
    pub tokens_secret_id: Option<String>,
    /// That of other Atlas secrets: `MORE_ATLAS_TOKENS_SECRET_ID`.
    pub more_tokens_secret_id: Option<String>,
    /// Whether changes that switch encryption off, remove trust or move a project to another account's key need an
    /// approval: `REQUIRE_APPROVAL` is not `false`.
    pub requires_approval: bool,
    /// Where an approver answers: `APPROVAL_URL`, of the function that asks.
    pub approval_url: Option<String>,
    /// The SNS topic that notifies people and programs: `TOPIC_ARN`.
    pub topic_arn: Option<String>,
    /// The queue that keeps events that could not be handled: `DEAD_LETTER_QUEUE_URL`.
    pub dead_letter_queue_url: Option<String>,
    /// The table of the registry: `REGISTRY_TABLE`.
    pub registry_table: Option<String>,
    /// The path in Parameter Store below which projects are published: `PUBLISHED_BELOW`.
    pub published_below: Option<String>,
    /// The state machines that functions start.
    pub state_machines: StateMachines,
    /// The roles that our own calls are made with.
    pub own_roles: OwnRoles,
    /// A PEM file with more certificate authorities to trust: `EXTRA_CA_FILE`.
    pub extra_ca_file: Option<PathBuf>,
}

/// The state machines that functions start, by ARN. A function has those that it starts.
#[derive(Debug, Clone, Default)]
pub struct StateMachines {
    /// `enable-encryption`: `ENABLE_STATE_MACHINE_ARN`.
    pub enable: Option<String>,
    /// `reconcile-project`: `RECONCILE_STATE_MACHINE_ARN`.
    pub reconcile: Option<String>,
    /// `guard-key`: `GUARD_STATE_MACHINE_ARN`.
    pub guard: Option<String>,
}

/// What cross-account access may connect. Without roles it is off.
#[derive(Debug, Clone, Default)]
pub struct CrossAccount {
    /// The permissions boundary that a role of our own account must have: `CROSS_ACCOUNT_BOUNDARY_ARN`.
    pub boundary: Option<String>,
    /// The roles, by ARN with wildcards: `CROSS_ACCOUNT_ROLE_ARNS`.
    pub roles: Vec<String>,
    /// The buckets that they may be given access to, by ARN with wildcards: `CROSS_ACCOUNT_BUCKET_ARNS`.
    pub buckets: Vec<String>,
    /// The organization that their accounts must belong to, such as `o-abcde12345`: `ORGANIZATION_ID`.
    pub organization: Option<String>,
}

impl CrossAccount {
    /// Refuses to connect roles that the deployment does not list, and returns the organization that they must belong to.
    ///
    /// # Errors
    /// `Deployment.Invalid` if cross-account access is off, or the organization is not known; `Input.Invalid` with the
    /// path of a role that is not listed.
    pub fn check(&self, source: &SourceRole, target: &IamRoleArn) -> Result<&str> {
        let lacking = |what: &str| Error::new(ErrorName::DeploymentInvalid, what);
        if self.roles.is_empty() {
            return Err(lacking(
                "cross-account access is off; to switch it on, name the roles in CrossAccountRoleArns of the stack",
            ));
        }
        for (field, role) in [("sourceRoleArn", source.as_ref()), ("targetRoleArn", target.as_ref())] {
            if !self.roles.iter().any(|pattern| WildMatch::new(pattern).matches(role)) {
                return Err(Error::new(
                    ErrorName::InputInvalid,
                    format!("{field}: CrossAccountRoleArns of the stack does not list {role}"),
                ));
            }
        }
        self.organization.as_deref().ok_or_else(|| {
            lacking("cross-account access works within an organization; set OrganizationId of the stack")
        })
    }

    /// Refuses a bucket that the deployment does not list: the permissions boundary would make it of no effect.
    ///
    /// # Errors
    /// `Input.Invalid` with the path of the bucket.
    pub fn check_buckets(&self, partition: &str, buckets: &[BucketAccess]) -> Result<()> {
        for (index, bucket) in buckets.iter().enumerate() {
            let arn = format!("arn:{partition}:s3:::{}", bucket.name);
            if !self.buckets.iter().any(|pattern| WildMatch::new(pattern).matches(&arn)) {
                return Err(Error::new(
                    ErrorName::InputInvalid,
                    format!("buckets[{index}].name: CrossAccountBucketArns of the stack does not list {arn}"),
                ));
            }
        }
        Ok(())
    }
}

/// The roles that our own calls are made with.
#[derive(Debug, Clone, Default)]
pub struct OwnRoles {
    /// The path of the roles of the stack: `OWN_ROLE_PATH`, such as `/stacks/atlas-cmk/`.
    pub path: Option<String>,
    /// What the ARNs of the roles of the stack begin with, before the name of the step: `OWN_ROLE_ARN_PREFIX`, of
    /// functions that create keys.
    pub arn_prefix: Option<String>,
    /// The name of the role that reads in other accounts, after which the others there are named: `SPOKE_ROLE_NAME`.
    pub spoke: Option<String>,
}

/// Written by hand because of the credentials.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("atlas_base_url", &self.atlas_base_url.as_str())
            .field("atlas_secret_id", &self.atlas_secret_id)
            .field("aws_region", &self.aws_region)
            .field("aws_endpoint_url", &self.aws_endpoint_url.as_ref().map(Url::as_str))
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// `Deployment.Invalid`, naming the variable that is missing or unusable.
    pub fn from_env() -> Result<Self> {
        Self::read(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads the variables that `get` knows.
    ///
    /// # Errors
    /// `Deployment.Invalid`, naming the variable that is missing or unusable.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let required = |name: &str| get(name).ok_or_else(|| invalid(name, "is not set"));
        let list = |name: &str| get(name).iter().flat_map(|all| all.split(',')).map(str::to_owned).collect();
        let endpoint = |name: &str| get(name).map(|value| parse_endpoint(name, &value)).transpose();
        Ok(Self {
            atlas_base_url: match endpoint("ATLAS_BASE_URL")? {
                Some(url) => url,
                None => parse_endpoint("ATLAS_BASE_URL", ATLAS_BASE_URL)?,
            },
            atlas_secret_id: get("ATLAS_SECRET_ID"),
            atlas_accounts: list("ATLAS_ACCOUNT_IDS"),
            aws_region: required("AWS_REGION")?,
            aws_endpoint_url: endpoint("AWS_ENDPOINT_URL")?,
            aws_credentials: Credentials::new(
                required("AWS_ACCESS_KEY_ID")?,
                required("AWS_SECRET_ACCESS_KEY")?,
                get("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            trust_policy_size_quota: match get("TRUST_POLICY_SIZE_QUOTA") {
                Some(text) => text.parse().map_err(|_| invalid("TRUST_POLICY_SIZE_QUOTA", "is not a number"))?,
                None => TRUST_POLICY_SIZE,
            },
            access_role_boundary: get("ACCESS_ROLE_BOUNDARY_ARN")
                .map(|text| {
                    text.parse().map_err(|error: InvalidId| {
                        invalid("ACCESS_ROLE_BOUNDARY_ARN", &format!("is invalid: {error}"))
                    })
                })
                .transpose()?,
            access_role_name: get("ACCESS_ROLE_NAME"),
            more_boundaries: list("MORE_ACCESS_ROLE_BOUNDARY_ARNS"),
            unbounded_roles: list("UNBOUNDED_ROLE_ARNS"),
            cross_account: CrossAccount {
                boundary: get("CROSS_ACCOUNT_BOUNDARY_ARN"),
                roles: list("CROSS_ACCOUNT_ROLE_ARNS"),
                buckets: list("CROSS_ACCOUNT_BUCKET_ARNS"),
                organization: get("ORGANIZATION_ID"),
            },
            tokens_secret_id: get("ATLAS_TOKENS_SECRET_ID"),
            more_tokens_secret_id: get("MORE_ATLAS_TOKENS_SECRET_ID"),
            requires_approval: get("REQUIRE_APPROVAL").as_deref() != Some("false"),
            approval_url: get("APPROVAL_URL"),
            topic_arn: get("TOPIC_ARN"),
            dead_letter_queue_url: get("DEAD_LETTER_QUEUE_URL"),
            registry_table: get("REGISTRY_TABLE"),
            published_below: get("PUBLISHED_BELOW"),
            state_machines: StateMachines {
                enable: get("ENABLE_STATE_MACHINE_ARN"),
                reconcile: get("RECONCILE_STATE_MACHINE_ARN"),
                guard: get("GUARD_STATE_MACHINE_ARN"),
            },
            own_roles: OwnRoles {
                path: get("OWN_ROLE_PATH"),
                arn_prefix: get("OWN_ROLE_ARN_PREFIX"),
                spoke: get("SPOKE_ROLE_NAME"),
            },
            extra_ca_file: get("EXTRA_CA_FILE").map(PathBuf::from),
        })
    }
}

/// An endpoint must be reached over TLS unless it never leaves the machine.
fn parse_endpoint(name: &str, text: &str) -> Result<Url> {
    let url: Url = text.parse().map_err(|error| invalid(name, &format!("is not a URL: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(name, "must not carry credentials"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(invalid(name, "must start with https:// (http:// is for loopback only)")),
    }
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(ErrorName::DeploymentInvalid, format!("the environment variable {name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(|name| {
            let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
            let default = match name {
                "ATLAS_SECRET_ID" => "atlas/keys",
                "AWS_REGION" => "us-east-1",
                "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
                "AWS_SECRET_ACCESS_KEY" => "s3cr3t",
                _ => "",
            };
            Some(changed.unwrap_or(default).to_owned()).filter(|value| !value.is_empty())
        })
    }

    #[test]
    fn only_loopback_is_spoken_to_without_tls() {
        for good in ["https://cloud.mongodbgov.com", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"] {
            assert!(read(&[("ATLAS_BASE_URL", good), ("AWS_ENDPOINT_URL", good)]).is_ok(), "{good}");
        }
        for bad in [
            "http://cloud.mongodb.com",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "ftp://127.0.0.1",
            "https://a:b@cloud.mongodb.com",
            "cloud.mongodb.com",
        ] {
            for variable in ["ATLAS_BASE_URL", "AWS_ENDPOINT_URL"] {
                let error = read(&[(variable, bad)]).expect_err(bad);
                assert!(error.message().contains(variable), "{error}");
            }
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        for variable in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let error = read(&[(variable, "")]).expect_err(variable);
            assert!(error.message().contains(variable), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let debug = format!("{:?}", read(&[]).unwrap());
        assert!(!debug.contains("s3cr3t") && !debug.contains("AKIDEXAMPLE"), "{debug}");
    }
}
