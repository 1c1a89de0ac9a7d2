//! IAM policy documents: parse, merge by Sid, compare by meaning, size.
//!
//! A document is kept as the JSON it was read from, so that statements of others come back exactly as they were. Only
//! the statements that carry our Sids are ever replaced or removed.

mod access;
mod key;
mod meaning;
mod owner;
mod statement;

use serde_json::{Map, Value, json};

pub use key::KeyMaintainers;
pub use owner::{Document, KEY_RIGHTS, KeyRight, Owner, SID_PREFIX};
pub use statement::{Merged, Statement};

/// The only policy version that supports everything we write
/// (IAM user guide, "IAM JSON policy elements: Version").
const VERSION: &str = "2012-10-17";

/// A policy document that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a policy document: {0}")]
pub struct InvalidPolicy(String);

/// An IAM policy document: a trust policy, an inline policy or a key policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument(Map<String, Value>);

impl Default for PolicyDocument {
    fn default() -> Self {
        let Value::Object(document) = json!({ "Version": VERSION, "Statement": [] }) else { unreachable!() };
        Self(document)
    }
}

impl PolicyDocument {
    /// Reads a document as AWS returns it: URL-encoded (IAM) or plain (KMS), with one statement or a list of them.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let decoded = if text.trim_start().starts_with('{') {
            text.into()
        } else {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map_err(|_| InvalidPolicy("it is not UTF-8".to_owned()))?
        };
        let document: Map<String, Value> =
            serde_json::from_str(&decoded).map_err(|error| InvalidPolicy(error.to_string()))?;
        let statements_are_objects = match document.get("Statement") {
            Some(Value::Object(_)) => true,
            Some(Value::Array(list)) => list.iter().all(Value::is_object),
            None => true,
            Some(_) => false,
        };
        if statements_are_objects {
            Ok(Self(document))
        } else {
            Err(InvalidPolicy("its Statement is neither an object nor a list of objects".to_owned()))
        }
    }

    /// The version of the policy language it is written in.
    pub fn version(&self) -> &str {
        self.0.get("Version").and_then(Value::as_str).unwrap_or("2008-10-17")
    }

    /// The statements, in their order.
    pub fn statements(&self) -> Vec<Statement> {
        let statement = |value: &Value| value.as_object().cloned().map(Statement::from);
        match self.0.get("Statement") {
            Some(Value::Array(list)) => list.iter().filter_map(statement).collect(),
            Some(one) => statement(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The statement with the given Sid.
    pub fn statement(&self, sid: &str) -> Option<Statement> {
        self.statements().into_iter().find(|statement| statement.sid() == Some(sid))
    }

    /// Whether any statement means the same, under whatever Sid.
    pub fn has_meaning_of(&self, statement: &Statement) -> bool {
        self.statements().iter().any(|it| it.means_the_same_as(statement))
    }

    /// This document with `ours` in the place of the statement that has its Sid, or at the end.
    ///
    /// Every other statement, and everything else in the document, stays as it is. Where the statement already means
    /// the same, the document is returned unchanged, so that comparing the two shows whether anything is to be written.
    #[must_use]
    pub fn merge(&self, ours: &Statement) -> Self {
        let before = self.statements();
        let same_sid = |statement: &Statement| statement.sid() == ours.sid();
        if before.iter().filter(|s| same_sid(s)).map(|s| s.means_the_same_as(ours)).eq([true]) {
            return self.clone();
        }
        let place = before.iter().position(same_sid).unwrap_or(before.len());
        let mut after: Vec<Statement> = before.into_iter().filter(|s| !same_sid(s)).collect();
        after.insert(place, ours.clone());
        self.with_statements(after)
    }

    /// This document without the statement of the given Sid; unchanged if there is none.
    #[must_use]
    pub fn remove(&self, sid: &str) -> Self {
        if self.statement(sid).is_none() {
            return self.clone();
        }
        self.with_statements(self.statements().into_iter().filter(|s| s.sid() != Some(sid)).collect())
    }

    /// Whether both documents grant and deny the same, however they are written.
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        meaning::of_document(self) == meaning::of_document(other)
    }

    /// Whether the document has no statement left.
    pub fn is_empty(&self) -> bool {
        self.statements().is_empty()
    }

    /// The size AWS counts against its quotas: characters other than white space
    /// (IAM user guide, "IAM and AWS STS quotas").
    pub fn size(&self) -> usize {
        self.to_json().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The document as compact JSON, ready to be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("a JSON map serialises")
    }

    fn with_statements(&self, statements: Vec<Statement>) -> Self {
        let mut document = self.0.clone();
        document.insert("Statement".to_owned(), statements.into_iter().map(Value::from).collect());
        Self(document)
    }
}

#[cfg(test)]
mod tests;
