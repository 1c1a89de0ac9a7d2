//! What a policy means, apart from how it is written.
//!
//! AWS returns documents in another form than they were sent: lists of one become strings, an account id becomes the
//! ARN of its root, numbers and booleans in conditions become strings, order changes. A meaning is a normal form in
//! which such documents are equal (IAM user guide, "Grammar of the IAM JSON policy language").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{PolicyDocument, Statement};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning {
    effect: String,
    /// `Action`, `NotResource`, `Principal.AWS` … with their values, order and repetition removed.
    elements: BTreeMap<String, BTreeSet<String>>,
    /// Operator and key, in lower case since neither is case-sensitive, with their values.
    conditions: BTreeMap<(String, String), BTreeSet<String>>,
    /// Elements this version of IAM's grammar does not know: compared as they are written.
    others: BTreeMap<String, String>,
}

/// The version counts: with that of 2012, `${…}` in a statement is a variable. A document without one is of 2008.
pub(super) fn of_document(document: &PolicyDocument) -> (String, BTreeSet<Meaning>) {
    (document.version().to_owned(), document.statements().iter().map(of_statement).collect())
}

pub(super) fn of_statement(statement: &Statement) -> Meaning {
    let mut meaning = Meaning {
        effect: String::new(),
        elements: BTreeMap::new(),
        conditions: BTreeMap::new(),
        others: BTreeMap::new(),
    };
    for (name, value) in statement.elements() {
        match (name.as_str(), value) {
            ("Sid", _) => {}
            ("Effect", Value::String(effect)) => meaning.effect.clone_from(effect),
            ("Action" | "NotAction", _) => {
                let actions = texts(value).into_iter().map(|action| action.to_ascii_lowercase()).collect();
                meaning.elements.insert(name.clone(), actions);
            }
            ("Resource" | "NotResource", _) => {
                meaning.elements.insert(name.clone(), texts(value));
            }
            ("Principal" | "NotPrincipal", _) => meaning.elements.extend(principals(name, value)),
            ("Condition", Value::Object(operators)) => meaning.conditions.extend(conditions(operators)),
            _ => {
                meaning.others.insert(name.clone(), value.to_string());
            }
        }
    }
    meaning
}

/// `"*"` and `{"AWS": "*"}` are the same; `"123456789012"` is the root of that account.
fn principals(name: &str, value: &Value) -> Vec<(String, BTreeSet<String>)> {
    match value {
        Value::Object(kinds) => kinds
            .iter()
            .map(|(kind, value)| {
                let principals = texts(value);
                let principals =
                    if kind == "AWS" { principals.into_iter().map(account_root).collect() } else { principals };
                (format!("{name}.{kind}"), principals)
            })
            .collect(),
        other => vec![(format!("{name}.AWS"), texts(other))],
    }
}

fn account_root(principal: String) -> String {
    if principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()) {
        format!("arn:aws:iam::{principal}:root")
    } else {
        principal
    }
}

fn conditions(operators: &Map<String, Value>) -> Vec<((String, String), BTreeSet<String>)> {
    operators
        .iter()
        .filter_map(|(operator, keys)| Some((operator, keys.as_object()?)))
        .flat_map(|(operator, keys)| {
            keys.iter()
                .map(move |(key, value)| ((operator.to_ascii_lowercase(), key.to_ascii_lowercase()), texts(value)))
        })
        .collect()
}

/// The values of an element that may be one value or a list of them.
fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => BTreeSet::from([text(one)]),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
