use proptest::prelude::*;

use super::*;

const OURS: &str = "AtlasCmk66f0a1b2c3d4e5f601234567";

fn ours(external_id: &str) -> Statement {
    Statement::trust(OURS, "arn:aws:iam::299602853325:root", external_id)
}

fn parse(value: &Value) -> PolicyDocument {
    PolicyDocument::parse(&value.to_string()).unwrap()
}

#[test]
fn a_document_is_read_however_aws_returns_it() {
    let plain = concat!(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","#,
        r#""Principal":{"Service":"ec2.amazonaws.com"}}}"#,
    );
    let encoded = concat!(
        "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C",
        "%22Action%22%3A%5B%22sts%3AAssumeRole%22%5D%2C",
        "%22Principal%22%3A%7B%22Service%22%3A%5B%22ec2.amazonaws.com%22%5D%7D%7D%5D%7D",
    );
    let (plain, encoded) = (PolicyDocument::parse(plain).unwrap(), PolicyDocument::parse(encoded).unwrap());
    assert_eq!(plain.statements().len(), 1);
    assert!(plain.means_the_same_as(&encoded));
}

#[test]
fn what_is_no_document_is_refused() {
    for bad in ["", "null", "[]", "\"text\"", "{", "%7B%22", r#"{"Statement":"Allow"}"#, r#"{"Statement":[1]}"#] {
        assert!(PolicyDocument::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn documents_are_compared_by_what_they_mean() {
    let statement = |value: Value| Statement::from(value.as_object().unwrap().clone());
    let reference = json!({
        "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
        "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*",
        "Condition": {"StringEquals": {"sts:ExternalId": ["a"]}, "Bool": {"aws:SecureTransport": "true"}}
    });
    let same = [json!({
        "Sid": "Named", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
        "Action": ["KMS:decrypt", "kms:Encrypt", "kms:Encrypt"], "Resource": ["*"],
        "Condition": {"Bool": {"aws:SecureTransport": true}, "StringEquals": {"STS:externalid": "a"}}
    })];
    let different = [
        ("effect", json!("Deny"), "Effect"),
        ("action", json!("kms:*"), "Action"),
        ("resource", json!("arn:aws:kms:us-east-1:111122223333:key/x"), "Resource"),
        ("principal", json!("*"), "Principal"),
        ("condition", json!({"StringEquals": {"sts:ExternalId": "b"}}), "Condition"),
        ("unknown element", json!(1), "Future"),
    ];
    for value in same {
        assert!(statement(reference.clone()).means_the_same_as(&statement(value)));
    }
    for (what, value, element) in different {
        let mut changed = reference.clone();
        changed[element] = value;
        assert!(!statement(reference.clone()).means_the_same_as(&statement(changed)), "{what}");
    }
    let anyone = |value: Value| statement(json!({"Effect": "Allow", "Principal": value, "Action": "sts:AssumeRole"}));
    assert!(anyone(json!("*")).means_the_same_as(&anyone(json!({"AWS": "*"}))));
}

#[test]
fn merging_into_one_bare_statement_keeps_it_first() {
    let document = parse(
        &json!({"Version": "2008-10-17", "Id": "kept", "Statement": {"Sid": "Foreign", "Effect": "Deny", "Action": "*"}}),
    );
    let merged = document.merge(&ours("id"));
    let sids: Vec<_> = merged.statements().iter().map(|s| s.sid().map(str::to_owned)).collect();
    assert_eq!(sids, [Some("Foreign".to_owned()), Some(OURS.to_owned())]);
    assert!(merged.to_json().starts_with(r#"{"Version":"2008-10-17","Id":"kept","#), "{}", merged.to_json());
}

#[test]
fn our_statement_is_replaced_where_it_stands_and_repetitions_of_it_disappear() {
    let stale = Value::from(ours("old"));
    let document = parse(&json!({"Version": VERSION, "Statement": [stale, {"Effect": "Deny", "Action": "*"}, stale]}));
    let merged = document.merge(&ours("new"));
    assert_eq!(merged.statements().len(), 2);
    assert_eq!(merged.statements()[0], ours("new"));
}

#[test]
fn a_statement_that_already_means_the_same_is_not_written_again() {
    let mut rewritten = ours("id").elements().clone();
    rewritten.insert("Principal".to_owned(), json!({"AWS": ["299602853325"]}));
    let document = PolicyDocument::default().merge(&Statement::from(rewritten));
    assert_eq!(document.merge(&ours("id")), document);
}

#[test]
fn the_size_leaves_out_white_space() {
    let document = PolicyDocument::parse("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [ ]\n}").unwrap();
    assert_eq!(document.size(), r#"{"Version":"2012-10-17","Statement":[]}"#.len());
}

fn foreign_statement() -> impl Strategy<Value = Value> {
    let one_or_many = |pattern: &'static str| {
        prop_oneof![pattern.prop_map(Value::from), prop::collection::vec(pattern, 1..3).prop_map(Value::from),]
    };
    (
        prop::option::of("[A-Za-z]{1,12}"),
        prop_oneof![Just("Allow"), Just("Deny")],
        one_or_many("[a-z]{2,4}:[A-Za-z*]{1,10}"),
        one_or_many("arn:aws:iam::[0-9]{12}:role/[a-z]{1,8}"),
        prop::option::of(one_or_many("[a-z0-9-]{2,10}")),
    )
        .prop_map(|(sid, effect, action, principal, external_id)| {
            let mut statement = json!({"Effect": effect, "Action": action, "Principal": {"AWS": principal}});
            if let Some(sid) = sid {
                statement["Sid"] = sid.into();
            }
            if let Some(id) = external_id {
                statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
            }
            statement
        })
}

fn foreign_document() -> impl Strategy<Value = PolicyDocument> {
    prop_oneof![prop::collection::vec(foreign_statement(), 0..5).prop_map(Value::from), foreign_statement(),]
        .prop_flat_map(|statement| {
            let version = prop_oneof![Just(Some(VERSION)), Just(Some("2008-10-17")), Just(None)];
            version.prop_map(move |version| match version {
                Some(version) => parse(&json!({"Version": version, "Statement": statement})),
                None => parse(&json!({"Statement": statement})),
            })
        })
}

fn foreign_part(document: &PolicyDocument) -> Vec<String> {
    let is_foreign = |s: &Statement| !s.sid().is_some_and(|sid| sid.starts_with(SID_PREFIX));
    document.statements().into_iter().filter(is_foreign).map(|s| Value::from(s).to_string()).collect()
}

proptest! {
    #[test]
    fn foreign_statements_survive_any_sequence_of_merges_byte_for_byte(
        document in foreign_document(),
        writes in prop::collection::vec(("[0-3]", "[a-z]{2,6}", any::<bool>()), 0..12),
    ) {
        let (before, version) = (foreign_part(&document), document.version().to_owned());
        let after = writes.iter().fold(document, |document, (project, external_id, remove)| {
            let sid = format!("{SID_PREFIX}{project}");
            if *remove {
                document.remove(&sid)
            } else {
                document.merge(&Statement::trust(&sid, "arn:aws:iam::299602853325:root", external_id))
            }
        });
        prop_assert_eq!(foreign_part(&after), before);
        prop_assert_eq!(after.version(), version);
    }

    #[test]
    fn merging_twice_is_merging_once(document in foreign_document(), id in "[a-z]{2,9}") {
        let once = document.merge(&ours(&id));
        prop_assert_eq!(once.merge(&ours(&id)), once);
    }

    #[test]
    fn removing_undoes_merging(document in foreign_document(), id in "[a-z]{2,9}") {
        let back = document.merge(&ours(&id)).remove(OURS);
        prop_assert!(back.means_the_same_as(&document));
        prop_assert_eq!(foreign_part(&back), foreign_part(&document));
    }

    #[test]
    fn a_document_means_the_same_after_the_way_through_the_url_encoding(document in foreign_document()) {
        let encoded = percent_encoding::utf8_percent_encode(&document.to_json(), percent_encoding::NON_ALPHANUMERIC).to_string();
        prop_assert_eq!(PolicyDocument::parse(&encoded).unwrap(), document);
    }
}
