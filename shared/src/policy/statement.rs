//! One statement of a policy document.

use serde_json::{Map, Value, json};

use super::{Owner, PolicyDocument, meaning};
use crate::ids::IamRoleArn;

/// A statement of an IAM policy, kept as the JSON it was read or built from.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement(Map<String, Value>);

impl Statement {
    /// Lets `principal` assume the role if it presents `external_id`
    /// (MongoDB Atlas documentation, "Set Up Unified AWS Access").
    pub fn trust(sid: &str, principal: &str, external_id: &str) -> Self {
        Self::from_json(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
        }))
    }

    /// Lets the roles of an account whose ARN is like `pattern` assume the role if they present `external_id`. By a
    /// condition and not as principals: a role that is created again matches again.
    pub fn trust_path(sid: &str, account_root: &str, pattern: &str, external_id: &str) -> Self {
        Self::from_json(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": account_root },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "sts:ExternalId": external_id },
                "ArnLike": { "aws:PrincipalArn": pattern },
            },
        }))
    }

    /// The same, for principals of this organization only.
    #[must_use]
    pub fn within(mut self, organization: &str) -> Self {
        self.0["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = json!(organization);
        self
    }

    /// Lets nobody assume the role: what stands in a trust policy of which nothing else is left, because it cannot be
    /// empty.
    pub fn nobody() -> Self {
        Self::from_json(json!({
            "Sid": Owner::Nobody.sid(),
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "sts:AssumeRole",
        }))
    }

    /// The external ID that the statement asks for, if it asks for one.
    pub fn external_id(&self) -> Option<&str> {
        self.0.get("Condition")?.get("StringEquals")?.get("sts:ExternalId")?.as_str()
    }

    /// Allows `actions` on exactly `resources`.
    pub fn allow<'a>(sid: &str, actions: &[&str], resources: impl IntoIterator<Item = &'a str>) -> Self {
        Self::from_json(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Resource": resources.into_iter().collect::<Vec<_>>(),
        }))
    }

    /// Allows `principal` `actions` on the key that the policy belongs to
    /// (KMS developer guide, "Allowing users in other accounts to use a KMS key").
    pub fn allow_principal(sid: &str, principal: &str, actions: &[&str]) -> Self {
        Self::from_json(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": actions,
            "Resource": "*",
        }))
    }

    /// Allows a role `actions` on the key that the policy belongs to, whether the role exists or not: KMS refuses a
    /// principal that does not (KMS API reference, `PutKeyPolicy`). The role needs an identity policy besides.
    pub fn allow_role_to_come(sid: &str, role: &IamRoleArn, actions: &[&str]) -> Self {
        Self::from_json(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": role.account_root() },
            "Action": actions,
            "Resource": "*",
            "Condition": { "ArnEquals": { "aws:PrincipalArn": role } },
        }))
    }

    /// The statement's Sid, if it has one.
    pub fn sid(&self) -> Option<&str> {
        self.0.get("Sid").and_then(Value::as_str)
    }

    /// The resources it is about, whether one or many.
    pub fn resources(&self) -> Vec<&str> {
        self.0.get("Resource").map(texts).unwrap_or_default()
    }

    /// Whether both statements grant or deny the same, however they are written. Sids do not count.
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        meaning::of_statement(self) == meaning::of_statement(other)
    }

    /// The statement's elements, such as `Effect` and `Principal`.
    pub fn elements(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) fn from_json(value: Value) -> Self {
        match value {
            Value::Object(elements) => Self(elements),
            _ => unreachable!("statements are built from objects"),
        }
    }
}

/// The texts of an element that may be one or many.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

impl From<Map<String, Value>> for Statement {
    fn from(elements: Map<String, Value>) -> Self {
        Self(elements)
    }
}

impl From<Statement> for Value {
    fn from(statement: Statement) -> Self {
        Self::Object(statement.0)
    }
}

/// Our statement as it goes into a document, and the one that was in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    before: Option<Statement>,
    after: Statement,
}

impl Merged {
    /// Our statement, on its way into a document.
    pub fn new(document: &PolicyDocument, ours: Statement) -> Self {
        Self { before: ours.sid().and_then(|sid| document.statement(sid)), after: ours }
    }

    /// The statement in its place, null if there is none.
    pub fn before(&self) -> Value {
        self.before.clone().map_or(Value::Null, Value::from)
    }

    /// Our statement.
    pub fn after(&self) -> Value {
        self.after.clone().into()
    }
}
