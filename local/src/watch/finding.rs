//! What the answer of a step says, in a few words.

use serde_json::Value;

use crate::report;

/// What a step changed or found. If it is one of several that do the same, it says to what.
pub(super) fn phrase(answer: &Value, is_one_of_several: bool) -> String {
    let nothing = || match subject(answer) {
        Some(subject) if is_one_of_several => format!("{subject}: nothing to change"),
        _ => "nothing to change".to_owned(),
    };
    changes(answer)
        .or_else(|| several(answer, "findings", "finding", "cause"))
        .or_else(|| several(answer, "differences", "difference", "difference"))
        .or_else(|| planned(answer))
        .or_else(|| answer["error"].as_str().map(str::to_owned))
        .or_else(|| (answer["matches"] == true).then(|| "nothing differs".to_owned()))
        .or_else(|| endpoints(answer))
        .or_else(|| answer["summary"].as_str().map(str::to_owned))
        .or_else(|| answer["verified"].as_str().map(|how| format!("verified {}", words(how))))
        .or_else(|| list(answer, "findings").map(|_| "no problems found".to_owned()))
        .or_else(|| list(answer, "differences").map(|_| "no differences".to_owned()))
        .unwrap_or_else(nothing)
}

/// Whether the answer says that something stands in the way.
pub(super) fn objects(answer: &Value) -> bool {
    list(answer, "findings").is_some_and(|findings| !findings.is_empty())
}

/// How what is waited for stands, if the answer says so.
pub(super) fn status(answer: &Value) -> Option<String> {
    let endpoints = list(answer, "endpoints").filter(|endpoints| !endpoints.is_empty());
    let each = |endpoint: &Value| format!("{} {}", text(endpoint, "region"), text(endpoint, "status"));
    let endpoints = endpoints.map(|endpoints| endpoints.iter().map(each).collect::<Vec<_>>().join(", "));
    endpoints.or_else(|| answer["summary"].as_str().map(str::to_owned))
}

/// A name in camel case as words, in small letters.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn list<'a>(answer: &'a Value, field: &str) -> Option<&'a Vec<Value>> {
    answer[field].as_array()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("?")
}

/// The first change, and how many more there are.
fn changes(answer: &Value) -> Option<String> {
    let changes = list(answer, "changes")?;
    let first = changes.first()?;
    let (sign, summary) = (report::sign(text(first, "action")), text(first, "summary"));
    Some(match changes.len() - 1 {
        0 => format!("{sign} {summary}"),
        more => format!("{sign} {summary} (and {more} more)"),
    })
}

/// How many there are in a list, and the first one.
fn several(answer: &Value, field: &str, noun: &str, message: &str) -> Option<String> {
    let list = list(answer, field).filter(|list| !list.is_empty())?;
    Some(format!("{}: {}", count(list.len(), noun), text(list.first()?, message)))
}

fn planned(answer: &Value) -> Option<String> {
    let plan = list(answer, "plan").filter(|plan| !plan.is_empty())?;
    Some(format!("{} to make", count(plan.len(), "change")))
}

/// How many endpoints have which status.
fn endpoints(answer: &Value) -> Option<String> {
    let endpoints = list(answer, "endpoints").filter(|endpoints| !endpoints.is_empty())?;
    let mut statuses: Vec<(&str, usize)> = Vec::new();
    for status in endpoints.iter().map(|endpoint| text(endpoint, "status")) {
        match statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, number)) => *number += 1,
            None => statuses.push((status, 1)),
        }
    }
    let noun = count(endpoints.len(), "endpoint");
    if let [(status, _)] = statuses[..] {
        return Some(format!("{noun} {status}"));
    }
    let statuses: Vec<String> = statuses.iter().map(|(status, number)| format!("{number} {status}")).collect();
    Some(format!("{noun}: {}", statuses.join(", ")))
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What an answer is about: the region or cluster, or what the ARN it names is in or of.
fn subject(answer: &Value) -> Option<&str> {
    let named = ["region", "cluster"].into_iter().find_map(|field| answer[field].as_str());
    named.or_else(|| {
        let fields = answer.as_object()?;
        fields.values().filter_map(Value::as_str).find_map(of_arn)
    })
}

/// The region of an ARN, or the name of its resource if it is in none.
fn of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':').skip(2);
    let (region, resource) = (parts.next()?, parts.nth(1)?);
    if region.is_empty() { resource.rsplit('/').next() } else { Some(region) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_a_phrase() {
        let change = |summary: &str| json!({"step": "register", "action": "create", "summary": summary});
        let endpoint = |region: &str, status: &str| json!({"region": region, "status": status});
        for (answer, expected) in [
            (json!({"changes": [change("role tagged")], "roleArn": "arn:aws:iam::1:role/a"}), "+ role tagged"),
            (json!({"changes": [change("one"), change("two"), change("three")]}), "+ one (and 2 more)"),
            (json!({"changes": [], "region": "eu-west-1", "status": "ACTIVE"}), "eu-west-1: nothing to change"),
            (json!({"changes": [], "cluster": "orders"}), "orders: nothing to change"),
            (json!({"changes": [], "keyArn": "arn:aws:kms:eu-west-1:1:key/mrk-1"}), "eu-west-1: nothing to change"),
            (json!({"changes": [], "policyArn": "arn:aws:iam::1:policy/path/Name"}), "Name: nothing to change"),
            (json!({"changes": [], "roleId": "6a79"}), "nothing to change"),
            (json!({"changes": [], "findings": []}), "no problems found"),
            (json!({"changes": [], "findings": [{"cause": "no key"}]}), "1 finding: no key"),
            (
                json!({"changes": [], "step": "verify", "error": "Kms.KeyUnusable", "cause": "it is disabled"}),
                "Kms.KeyUnusable",
            ),
            (json!({"plan": [change("a"), change("b")], "findings": []}), "2 changes to make"),
            (json!({"matches": true, "endpoints": [endpoint("a", "ACTIVE")]}), "nothing differs"),
            (
                json!({"matches": false, "differences": [{"difference": "no tag"}, {"difference": "b"}]}),
                "2 differences: no tag",
            ),
            (json!({"differences": []}), "no differences"),
            (
                json!({"endpoints": [endpoint("a", "ACTIVE"), endpoint("b", "INITIATING"), endpoint("c", "ACTIVE")]}),
                "3 endpoints: 2 ACTIVE, 1 INITIATING",
            ),
            (json!({"endpoints": [endpoint("a", "ACTIVE"), endpoint("b", "ACTIVE")]}), "2 endpoints ACTIVE"),
            (json!({"endpoints": [], "summary": "every endpoint is ACTIVE"}), "every endpoint is ACTIVE"),
            (json!({"verified": "byAssuming", "changes": []}), "verified by assuming"),
            (json!(null), "nothing to change"),
        ] {
            assert_eq!(phrase(&answer, true), expected, "{answer}");
        }
        for (answer, expected) in [
            (json!({"changes": [], "region": "eu-west-1"}), "nothing to change"),
            (json!({"findings": []}), "no problems found"),
        ] {
            assert_eq!(phrase(&answer, false), expected, "{answer}");
        }
    }

    #[test]
    fn an_answer_with_findings_objects() {
        for (findings, expected) in [(json!([{"cause": "no key"}]), true), (json!([]), false), (json!(null), false)] {
            assert_eq!(objects(&json!({ "findings": findings })), expected, "{findings}");
        }
    }

    #[test]
    fn an_answer_says_how_what_is_waited_for_stands() {
        let endpoints = json!([{"region": "a", "status": "ACTIVE"}, {"region": "b", "status": "INITIATING"}]);
        for (answer, expected) in [
            (json!({"endpoints": endpoints, "summary": "b is INITIATING"}), Some("a ACTIVE, b INITIATING")),
            (json!({"summary": "cluster orders is UPDATING"}), Some("cluster orders is UPDATING")),
            (json!({"changes": []}), None),
        ] {
            assert_eq!(status(&answer).as_deref(), expected, "{answer}");
        }
    }

    #[test]
    fn a_name_becomes_words() {
        for (name, expected) in [("WaitForEndpoints", "wait for endpoints"), ("Settle", "settle"), ("", "")] {
            assert_eq!(words(name), expected);
        }
    }
}
