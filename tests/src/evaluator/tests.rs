//! What the IAM user guide states, by the titles of its pages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use super::*;
use Decision::{Allowed, ExplicitlyDenied, ImplicitlyDenied};

const ROLE: &str = "arn:aws:iam::111122223333:role/service/reader";
const USER: &str = "arn:aws:iam::111122223333:user/Bob";
const STRANGER: &str = "arn:aws:iam::444455556666:role/reader";
const SERVICE: &str = "events.amazonaws.com";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:queue";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";
const TRUSTED: &str = "arn:aws:iam::111122223333:role/trusted";

/// Who asks, for which resource, the own policies, the boundary, the policy of the resource, and the answer.
type Case<'a> = (&'a str, &'a str, Vec<Value>, Option<Value>, Option<Value>, Decision);

fn policy(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn allow(action: &str) -> Value {
    policy(&json!({"Effect": "Allow", "Action": action, "Resource": "*"}))
}

fn deny(action: &str) -> Value {
    policy(&json!({"Effect": "Deny", "Action": action, "Resource": "*"}))
}

/// A policy of a resource for a principal.
fn to(effect: &str, principal: &Value) -> Value {
    policy(&json!({"Effect": effect, "Principal": principal, "Action": "*"}))
}

fn not_to(principal: &Value) -> Value {
    policy(&json!({"Effect": "Deny", "NotPrincipal": principal, "Action": "*"}))
}

/// What one statement of an identity's policy says.
fn with_statement(request: &Request, statement: &Value) -> Decision {
    decide(request, &Policies { identity: &[policy(statement)], ..Policies::default() })
}

/// Whether a condition holds in a context.
fn holds_in(condition: &Value, context: &Value) -> bool {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let mut request = Request::new("s3:GetObject", "arn:aws:s3:::bucket/object");
    for (key, values) in context.as_object().unwrap() {
        request = request.with(key, &many(values).into_iter().map(text).collect::<Vec<_>>());
    }
    with_statement(&request, &statement) == Allowed
}

fn check_conditions(cases: &[(Value, Value, bool)]) {
    for (condition, context, expected) in cases {
        assert_eq!(holds_in(condition, context), *expected, "{condition} in {context}");
    }
}

/// "Policy evaluation logic" and its pages "Policy evaluation for requests within a single account", "Cross-account
/// policy evaluation logic" and "Permissions boundaries".
#[test]
fn policies_are_combined() {
    let (nothing, all, no) = (|| vec![], || vec![allow("*")], || vec![allow("*"), deny("sqs:*")]);
    let it = |arn: &str| json!({"AWS": arn});
    let (role, user, stranger, own) = (it(ROLE), it(USER), it(STRANGER), it("111122223333"));
    let other = it("arn:aws:iam::111122223333:role/other");
    #[rustfmt::skip]
    let cases: Vec<Case> = vec![
        (ROLE, QUEUE, nothing(), None, None, ImplicitlyDenied),
        (ROLE, QUEUE, all(), None, None, Allowed),
        (ROLE, QUEUE, no(), None, None, ExplicitlyDenied),
        (ROLE, QUEUE, vec![deny("*")], None, None, ExplicitlyDenied),
        (ROLE, QUEUE, vec![allow("s3:*")], None, None, ImplicitlyDenied),
        (ROLE, QUEUE, vec![allow("s3:*"), allow("sqs:*")], None, None, Allowed),
        // The boundary allows nothing by itself, and limits what the policies allow.
        (ROLE, QUEUE, all(), Some(allow("sqs:*")), None, Allowed),
        (ROLE, QUEUE, all(), Some(allow("s3:*")), None, ImplicitlyDenied),
        (ROLE, QUEUE, nothing(), Some(allow("*")), None, ImplicitlyDenied),
        (ROLE, QUEUE, all(), Some(deny("sqs:*")), None, ExplicitlyDenied),
        // In one account, either policy is enough.
        (ROLE, QUEUE, all(), None, Some(to("Allow", &other)), Allowed),
        (ROLE, QUEUE, nothing(), None, Some(to("Allow", &role)), Allowed),
        (ROLE, QUEUE, nothing(), None, Some(to("Allow", &json!("*"))), Allowed),
        (ROLE, QUEUE, all(), None, Some(to("Deny", &role)), ExplicitlyDenied),
        (ROLE, QUEUE, no(), None, Some(to("Allow", &role)), ExplicitlyDenied),
        // What is granted to a role is within its boundary; what is granted to a user or to everybody is not.
        (ROLE, QUEUE, nothing(), Some(allow("s3:*")), Some(to("Allow", &role)), ImplicitlyDenied),
        (ROLE, QUEUE, nothing(), Some(allow("sqs:*")), Some(to("Allow", &role)), Allowed),
        (USER, QUEUE, nothing(), Some(allow("s3:*")), Some(to("Allow", &user)), Allowed),
        (ROLE, QUEUE, nothing(), Some(allow("s3:*")), Some(to("Allow", &json!("*"))), Allowed),
        (ROLE, QUEUE, nothing(), Some(deny("sqs:*")), Some(to("Allow", &json!("*"))), ExplicitlyDenied),
        // An account has to allow its own principals what is granted to it.
        (ROLE, QUEUE, nothing(), None, Some(to("Allow", &own)), ImplicitlyDenied),
        (ROLE, QUEUE, all(), None, Some(to("Allow", &own)), Allowed),
        // Keys and roles: their policy has to allow it, or leave it to the account.
        (ROLE, KEY, all(), None, Some(to("Allow", &other)), ImplicitlyDenied),
        (ROLE, KEY, nothing(), None, Some(to("Allow", &role)), Allowed),
        (ROLE, KEY, nothing(), None, Some(to("Allow", &own)), ImplicitlyDenied),
        (ROLE, KEY, all(), None, Some(to("Allow", &own)), Allowed),
        (ROLE, KEY, all(), Some(allow("s3:*")), Some(to("Allow", &own)), ImplicitlyDenied),
        (ROLE, TRUSTED, all(), None, Some(to("Allow", &other)), ImplicitlyDenied),
        (ROLE, TRUSTED, nothing(), None, Some(to("Allow", &role)), Allowed),
        // Across accounts, both have to allow it.
        (STRANGER, QUEUE, all(), None, Some(to("Allow", &stranger)), Allowed),
        (STRANGER, QUEUE, all(), None, Some(to("Allow", &it("444455556666"))), Allowed),
        (STRANGER, QUEUE, all(), None, Some(to("Allow", &own)), ImplicitlyDenied),
        (STRANGER, QUEUE, all(), None, Some(policy(&json!([]))), ImplicitlyDenied),
        (STRANGER, QUEUE, nothing(), None, Some(to("Allow", &stranger)), ImplicitlyDenied),
        (STRANGER, QUEUE, nothing(), None, Some(to("Allow", &json!("*"))), ImplicitlyDenied),
        (STRANGER, TRUSTED, all(), None, Some(to("Allow", &it("444455556666"))), Allowed),
        (STRANGER, TRUSTED, nothing(), None, Some(to("Allow", &it("444455556666"))), ImplicitlyDenied),
    ];
    for (who, resource, identity, boundary, of_resource, expected) in cases {
        let action = match resource {
            KEY => "kms:Decrypt",
            TRUSTED => "sts:AssumeRole",
            _ => "sqs:SendMessage",
        };
        let request = Request::new(action, resource).with("aws:PrincipalArn", &[who]);
        let policies = Policies { identity: &identity, boundary: boundary.as_ref(), resource: of_resource.as_ref() };
        assert_eq!(decide(&request, &policies), expected, "{who} {action}: {policies:?}");
    }
}

/// The account of a bucket is not in its ARN ("AWS global condition context keys").
#[test]
fn the_context_can_say_whose_a_resource_is() {
    let request = Request::new("s3:GetObject", "arn:aws:s3:::bucket/object").with("aws:PrincipalArn", &[ROLE]);
    let (identity, of_resource) = ([allow("*")], policy(&json!([])));
    let policies = Policies { identity: &identity, resource: Some(&of_resource), ..Policies::default() };
    assert_eq!(decide(&request, &policies), Allowed);
    assert_eq!(decide(&request.with("aws:ResourceAccount", &["444455556666"]), &policies), ImplicitlyDenied);
}

/// "AWS JSON policy elements: Principal" and "`NotPrincipal`".
#[test]
fn principals_are_found() {
    let bob = json!({"AWS": [USER, "arn:aws:iam::111122223333:root"]});
    let aws = |who: &str| json!({"AWS": who});
    #[rustfmt::skip]
    let cases = [
        // The account by its number or its root user means everybody in it, also when it is denied.
        (ROLE, to("Deny", &aws("111122223333")), ExplicitlyDenied),
        (ROLE, to("Deny", &aws("arn:aws:iam::111122223333:root")), ExplicitlyDenied),
        (ROLE, to("Deny", &aws("arn:aws:iam::444455556666:root")), Allowed),
        (ROLE, to("Deny", &aws("arn:aws-cn:iam::111122223333:root")), Allowed),
        (ROLE, to("Deny", &aws("*")), ExplicitlyDenied),
        // Any of several; names are compared with case.
        (ROLE, to("Deny", &json!({"AWS": ["444455556666", ROLE]})), ExplicitlyDenied),
        (USER, to("Deny", &aws("arn:aws:iam::111122223333:user/bob")), Allowed),
        // Services.
        (SERVICE, to("Allow", &json!({"Service": SERVICE})), Allowed),
        (SERVICE, to("Allow", &json!({"Service": ["sns.amazonaws.com", SERVICE]})), Allowed),
        (SERVICE, to("Allow", &json!({"Service": "sns.amazonaws.com"})), ImplicitlyDenied),
        (SERVICE, to("Allow", &aws("111122223333")), ImplicitlyDenied),
        (SERVICE, to("Deny", &json!("*")), ExplicitlyDenied),
        (ROLE, to("Deny", &json!({"Service": SERVICE})), Allowed),
        // NotPrincipal has to name the account too.
        (USER, not_to(&bob), Allowed),
        (USER, not_to(&aws(USER)), ExplicitlyDenied),
        (ROLE, not_to(&bob), ExplicitlyDenied),
        (STRANGER, not_to(&bob), ExplicitlyDenied),
        (SERVICE, not_to(&bob), ExplicitlyDenied),
        (SERVICE, not_to(&json!({"Service": SERVICE})), ImplicitlyDenied),
    ];
    for (who, of_resource, expected) in cases {
        let service = who == SERVICE;
        let key = if service { "aws:PrincipalServiceName" } else { "aws:PrincipalArn" };
        let request = Request::new("sqs:SendMessage", QUEUE).with(key, &[who]);
        let identity = if service { vec![] } else { vec![allow("*")] };
        let policies = Policies { identity: &identity, boundary: None, resource: Some(&of_resource) };
        assert_eq!(decide(&request, &policies), expected, "{who}: {of_resource}");
    }
    // Whoever has a boundary is denied in any case.
    let (identity, boundary, of_resource) = ([allow("*")], allow("*"), not_to(&bob));
    let policies = Policies { identity: &identity, boundary: Some(&boundary), resource: Some(&of_resource) };
    let request = Request::new("sqs:SendMessage", QUEUE).with("aws:PrincipalArn", &[USER]);
    assert_eq!(decide(&request, &policies), ExplicitlyDenied);
}

/// "IAM JSON policy elements: Action", "`NotAction`", "Resource" and "`NotResource`".
#[test]
fn actions_and_resources_match() {
    let object = "arn:aws:s3:::bucket/1/2/test/3/object.jpg";
    #[rustfmt::skip]
    let cases = [
        (json!({"Action": "*", "Resource": "*"}), true),
        (json!({"Action": "s3:*", "Resource": "*"}), true),
        (json!({"Action": "S3:getobject", "Resource": "*"}), true),
        (json!({"Action": "s3:Get*", "Resource": "*"}), true),
        (json!({"Action": "s3:*Object", "Resource": "*"}), true),
        (json!({"Action": "s3:GetObjec?", "Resource": "*"}), true),
        (json!({"Action": "s3:GetObject?", "Resource": "*"}), false),
        (json!({"Action": "s3:GetObjectAcl", "Resource": "*"}), false),
        (json!({"Action": ["sqs:*", "s3:GetObject"], "Resource": "*"}), true),
        (json!({"NotAction": "iam:*", "Resource": "*"}), true),
        (json!({"NotAction": ["iam:*", "s3:get*"], "Resource": "*"}), false),
        // The wildcard goes across slashes, and an empty part is one.
        (json!({"Action": "*", "Resource": "arn:aws:s3:::bucket/*/test/*"}), true),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::bucket/?/2/test/*"}), true),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::bucket/?/test/*"}), false),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::bucket/*.png"}), false),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::bucket"}), false),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::Bucket/*"}), false),
        (json!({"Action": "*", "Resource": ["arn:aws:s3:::other/*", "arn:aws:s3:::bucket/*"]}), true),
        (json!({"Action": "*", "Resource": "arn:aws:s3:*:*:bucket/*"}), true),
        (json!({"Action": "*", "Resource": "arn:aws:*"}), true),
        (json!({"Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}), false),
        (json!({"Action": "*", "NotResource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]}), true),
    ];
    for (mut statement, expected) in cases {
        statement["Effect"] = json!("Allow");
        let allowed = with_statement(&Request::new("s3:GetObject", object), &statement) == Allowed;
        assert_eq!(allowed, expected, "{statement}");
    }
    // An action without resources is allowed on all or none.
    let on = |resource: &str| json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": resource});
    assert_eq!(with_statement(&Request::new("kms:ListKeys", "*"), &on("*")), Allowed);
    assert_eq!(with_statement(&Request::new("kms:ListKeys", "*"), &on(KEY)), ImplicitlyDenied);
}

/// "IAM JSON policy elements: Condition operators".
#[test]
fn operators_compare() {
    let topic = |arn: &str| json!({"aws:SourceArn": arn});
    let (none, dev) = (json!({}), json!({"aws:PrincipalTag/team": "Dev"}));
    let team = |operator: &str, value: &str| json!({operator: {"aws:PrincipalTag/team": value}});
    let finance = "arn:aws:someservice:*:111122223333:finance/*";
    let shifted = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
    let direct = "arn:aws:someservice:us-east-2:111122223333:finance/a:b/document.txt";
    let max = |operator: &str, value: Value| json!({operator: {"s3:max-keys": value}});
    let ten = json!({"s3:max-keys": "10"});
    let secure = |value: Value| json!({"Bool": {"aws:SecureTransport": value}});
    let null = |value: Value| json!({"Null": {"aws:TokenIssueTime": value}});
    #[rustfmt::skip]
    check_conditions(&[
        // Texts.
        (team("StringEquals", "Dev"), dev.clone(), true),
        (team("StringEquals", "dev"), dev.clone(), false),
        (team("StringEquals", "D*"), dev.clone(), false),
        (team("StringEquals", "Dev"), none.clone(), false),
        (team("StringNotEquals", "Dev"), dev.clone(), false),
        (team("StringNotEquals", "dev"), dev.clone(), true),
        (team("StringNotEquals", "Dev"), none.clone(), true),
        (team("StringEqualsIgnoreCase", "DEV"), dev.clone(), true),
        (team("StringNotEqualsIgnoreCase", "DEV"), dev.clone(), false),
        (team("StringLike", "D?v*"), dev.clone(), true),
        (team("StringLike", "D"), dev.clone(), false),
        (team("StringLike", "d*"), dev.clone(), false),
        (team("StringLike", "*"), none.clone(), false),
        (team("StringNotLike", "D*"), dev.clone(), false),
        (team("StringNotLike", "D*"), none.clone(), true),
        (json!({"StringLike": {"s3:prefix": ["", "home/"]}}), json!({"s3:prefix": ""}), true),
        // Names of keys are compared without case.
        (json!({"StringEquals": {"AWS:principaltag/TEAM": "Dev"}}), dev.clone(), true),
        // ARNs, part by part. The two operators are the same.
        (json!({"StringLike": topic(finance)}), topic(shifted), true),
        (json!({"ArnLike": topic(finance)}), topic(shifted), false),
        (json!({"ArnEquals": topic(finance)}), topic(shifted), false),
        (json!({"ArnLike": topic(finance)}), topic(direct), true),
        (json!({"ArnEquals": topic(finance)}), topic(direct), true),
        (json!({"ArnNotLike": topic(finance)}), topic(direct), false),
        (json!({"ArnNotEquals": topic(finance)}), topic(shifted), true),
        (json!({"ArnNotEquals": topic(finance)}), none.clone(), true),
        (json!({"ArnLike": topic("arn:*:*:*:*:*")}), none.clone(), false),
        // Numbers.
        (max("NumericEquals", json!("10.0")), ten.clone(), true),
        (max("NumericNotEquals", json!("10")), ten.clone(), false),
        (max("NumericNotEquals", json!("10")), none.clone(), true),
        (max("NumericLessThan", json!("10")), ten.clone(), false),
        (max("NumericLessThan", json!("10.5")), ten.clone(), true),
        (max("NumericLessThanEquals", json!(10)), ten.clone(), true),
        (max("NumericLessThanEquals", json!("9")), ten.clone(), false),
        (max("NumericLessThanEquals", json!("10")), none.clone(), false),
        (max("NumericGreaterThan", json!("9")), ten.clone(), true),
        (max("NumericGreaterThan", json!("10")), ten.clone(), false),
        (max("NumericGreaterThanEquals", json!("11")), ten.clone(), false),
        (max("NumericGreaterThanEquals", json!("10")), ten.clone(), true),
        // Booleans, with and without quotes.
        (secure(json!("false")), json!({"aws:SecureTransport": "false"}), true),
        (secure(json!(true)), json!({"aws:SecureTransport": "false"}), false),
        (secure(json!("false")), none.clone(), false),
        // Whether a key is there.
        (null(json!("true")), none.clone(), true),
        (null(json!(false)), none.clone(), false),
        (null(json!("false")), json!({"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}), true),
        (null(json!("true")), json!({"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}), false),
        (null(json!("false")), json!({"aws:TokenIssueTime": []}), false),
        // IfExists.
        (team("StringLikeIfExists", "t2.*"), none.clone(), true),
        (team("StringLikeIfExists", "t2.*"), dev.clone(), false),
        (team("StringNotEqualsIfExists", "Dev"), none.clone(), true),
        (team("StringNotEqualsIfExists", "Dev"), dev.clone(), false),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), none.clone(), true),
        (json!({"NumericLessThanIfExists": {"s3:max-keys": 5}}), ten.clone(), false),
        (json!({"ArnLikeIfExists": topic(finance)}), none.clone(), true),
    ]);
}

/// "Conditions with multiple context keys or values".
#[test]
fn keys_are_all_needed_and_of_values_one() {
    let tags = |department: &str, role: &str| {
        let mut tags = json!({"aws:PrincipalTag/department": department});
        tags["aws:PrincipalTag/role"] = json!(role);
        tags
    };
    let condition = json!({
        "StringEquals": {
            "aws:PrincipalTag/department": ["finance", "hr", "legal"],
            "aws:PrincipalTag/role": ["audit", "security"],
        },
        "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:user/Ana", "arn:aws:iam::222222222222:user/Mary"]},
    });
    let by = |who: &str, mut context: Value| {
        context["aws:PrincipalArn"] = json!(format!("arn:aws:iam::222222222222:user/{who}"));
        context
    };
    let vpc = json!({"StringNotEquals": {"aws:SourceVpc": ["vpc-1", "vpc-2"], "aws:SourceAccount": ["1", "2"]}});
    let from = |vpc: &str, account: &str| json!({"aws:SourceVpc": vpc, "aws:SourceAccount": account});
    check_conditions(&[
        (condition.clone(), by("Mary", tags("hr", "audit")), true),
        (condition.clone(), by("Mary", tags("finance", "security")), true),
        (condition.clone(), by("Mary", tags("hr", "pm")), false),
        (condition.clone(), by("Joe", tags("hr", "audit")), false),
        (condition.clone(), tags("hr", "audit"), false),
        (condition, by("Mary", json!({"aws:PrincipalTag/department": "hr"})), false),
        // Negated, no value may match; and still each key has to hold.
        (vpc.clone(), from("vpc-3", "3"), true),
        (vpc.clone(), from("vpc-2", "3"), false),
        (vpc, from("vpc-3", "1"), false),
    ]);
}

/// "Multivalued context keys": `ForAllValues` and `ForAnyValue`.
#[test]
fn sets_are_compared() {
    let tags = |operator: &str, values: Value| json!({operator: {"aws:TagKeys": values}});
    let with = |keys: Value| json!({"aws:TagKeys": keys});
    let (all_like, any) = ("ForAllValues:StringLike", "ForAnyValue:StringEquals");
    let none = json!({});
    #[rustfmt::skip]
    check_conditions(&[
        (tags(all_like, json!("key1*")), with(json!(["key1:hr", "key1:legal"])), true),
        (tags(all_like, json!("key1*")), with(json!(["key1:hr", "key2:audit"])), false),
        (tags(all_like, json!(["key1*", "key2*"])), with(json!(["key1:hr", "key2:audit"])), true),
        (tags(all_like, json!("key1*")), none.clone(), true),
        (tags(all_like, json!("key1*")), with(json!([])), true),
        (tags(all_like, json!("key1*")), with(json!("")), true),
        (tags("ForAllValues:StringNotLike", json!("key1*")), with(json!(["key1:hr", "key1:personnel"])), false),
        (tags("ForAllValues:StringNotLike", json!("key1*")), with(json!(["key1:hr", "key2:audit"])), false),
        (tags("ForAllValues:StringNotLike", json!("key1*")), with(json!("key2:audit")), true),
        (tags("ForAllValues:StringNotLike", json!("key1*")), none.clone(), true),
        (tags(any, json!(["environment", "webserver"])), with(json!(["webserver", "cost"])), true),
        (tags(any, json!(["environment", "webserver"])), with(json!(["cost", "test"])), false),
        (tags(any, json!("environment")), none.clone(), false),
        (tags(any, json!("environment")), with(json!("")), false),
        (tags("ForAnyValue:StringNotEquals", json!("a")), with(json!(["a", "b"])), true),
        (tags("ForAnyValue:StringNotEquals", json!("a")), with(json!("a")), false),
        (tags("ForAnyValue:StringNotEquals", json!("a")), none.clone(), false),
        // Null closes what ForAllValues leaves open.
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"aws:TagKeys": "false"}}), none, false),
    ]);
}

/// "IAM policy elements: Variables and tags".
#[test]
fn variables_are_replaced() {
    let mine = |template: &str| json!({"StringLike": {"s3:prefix": template}});
    let equal = json!({"StringEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}});
    let unequal = json!({"StringNotEquals": {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}});
    let teams =
        |own: &str, of_object: &str| json!({"aws:PrincipalTag/Team": own, "s3:ExistingObjectTag/Team": of_object});
    let principal = json!({"ArnEquals": {"aws:SourceArn": "${aws:PrincipalArn}"}});
    #[rustfmt::skip]
    check_conditions(&[
        (mine("home/${aws:username}/*"), json!({"s3:prefix": "home/bob/a", "aws:username": "bob"}), true),
        (mine("home/${AWS:UserName}/*"), json!({"s3:prefix": "home/bob/a", "aws:username": "bob"}), true),
        (mine("home/${aws:username}/*"), json!({"s3:prefix": "home/eve/a", "aws:username": "bob"}), false),
        (mine("h*/${aws:username}"), json!({"s3:prefix": "home/bob", "aws:username": "bob"}), true),
        (equal.clone(), teams("red", "red"), true),
        (equal.clone(), teams("red", "blue"), false),
        (principal.clone(), json!({"aws:PrincipalArn": ROLE, "aws:SourceArn": ROLE}), true),
        (principal, json!({"aws:PrincipalArn": ROLE, "aws:SourceArn": USER}), false),
        // Without a value nothing is equal to it, so that negated operators match.
        (equal, json!({"s3:ExistingObjectTag/Team": "red"}), false),
        (unequal.clone(), json!({"s3:ExistingObjectTag/Team": "red"}), true),
        (unequal, teams("red", "red"), false),
        (mine("home/${aws:username, 'anonymous'}"), json!({"s3:prefix": "home/anonymous"}), true),
        (mine("home/${aws:username, 'anonymous'}"), json!({"s3:prefix": "home/bob", "aws:username": "bob"}), true),
        // Characters that would be wildcards, and what looks like a variable.
        (mine("a${*}"), json!({"s3:prefix": "a*"}), true),
        (mine("a${*}"), json!({"s3:prefix": "abc"}), false),
        (mine("a${?}*"), json!({"s3:prefix": "a?bc"}), true),
        (mine("a${?}*"), json!({"s3:prefix": "abc"}), false),
        (mine("${$}{aws:username}"), json!({"s3:prefix": "${aws:username}"}), true),
    ]);
}

/// "IAM policy elements: Variables and tags": in resources, and by version.
#[test]
fn variables_are_replaced_in_resources() {
    let bucket = "arn:aws:s3:::bucket/${aws:PrincipalTag/department}/*";
    let request = |object| Request::new("s3:GetObject", object);
    let on = |element: &str, resource: &str| json!({"Effect": "Allow", "Action": "*", element: resource});
    let tagged = |object, tag| request(object).with("aws:PrincipalTag/department", &[tag]);
    let hr = "arn:aws:s3:::bucket/hr/object";
    let default = on("Resource", "arn:aws:s3:::bucket/${aws:PrincipalTag/department, 'all'}/*");
    for (request, statement, expected) in [
        (tagged(hr, "hr"), on("Resource", bucket), Allowed),
        (tagged(hr, "it"), on("Resource", bucket), ImplicitlyDenied),
        (tagged(hr, "hr"), on("NotResource", bucket), ImplicitlyDenied),
        // This is not documented: the value of a tag is taken as text.
        (tagged(hr, "h?"), on("Resource", bucket), ImplicitlyDenied),
        // Without a value it matches no resource.
        (request(hr), on("Resource", bucket), ImplicitlyDenied),
        (request("arn:aws:s3:::bucket//object"), on("Resource", bucket), ImplicitlyDenied),
        (request(hr), on("NotResource", bucket), Allowed),
        (request("arn:aws:s3:::bucket/all/object"), default.clone(), Allowed),
        (tagged("arn:aws:s3:::bucket/all/object", "hr"), default, ImplicitlyDenied),
    ] {
        assert_eq!(with_statement(&request, &statement), expected, "{request:?} {statement}");
    }
    // Older versions have no variables.
    for version in [json!({}), json!({"Version": "2008-10-17"})] {
        let mut old = version;
        old["Statement"] = json!([on("Resource", bucket)]);
        let policies = Policies { identity: &[old], ..Policies::default() };
        assert_eq!(decide(&tagged(hr, "hr"), &policies), ImplicitlyDenied);
    }
}

/// "Grammar of the IAM JSON policy language", and what this module leaves out.
#[test]
fn what_is_unknown_panics() {
    let full = |change: &[(&str, Value)]| {
        let mut statement = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
        for (element, value) in change {
            statement[*element] = value.clone();
        }
        policy(&statement)
    };
    let condition = |condition: Value| full(&[("Condition", condition)]);
    let of_key = |operator: &str, value: &str| condition(json!({operator: {"s3:prefix": value}}));
    let on = |resource: Value| full(&[("Resource", resource)]);
    #[rustfmt::skip]
    let identities = [
        (json!([]), "not an object"),
        (json!({"Version": "2012-10-17"}), "a policy has a Statement"),
        (json!({"Version": "2020-01-01", "Statement": []}), "unknown Version"),
        (json!({"Statements": []}), "unknown element"),
        (policy(&json!({"Effect": "Allow", "Resource": "*"})), "a statement has an Action"),
        (policy(&json!({"Effect": "Allow", "Action": "*"})), "no Resource"),
        (policy(&json!({"Action": "*", "Resource": "*"})), "unknown Effect"),
        (full(&[("Effect", json!("allow"))]), "unknown Effect"),
        (full(&[("NotAction", json!("s3:*"))]), "an element and its negation"),
        (full(&[("Principal", json!("*"))]), "has a Principal"),
        (full(&[("Actions", json!("*"))]), "unknown element"),
        (full(&[("Action", json!("GetItem"))]), "not an action"),
        (full(&[("Action", json!([]))]), "without values"),
        (on(json!({"Ref": "KeyArns"})), "not a text"),
        (on(json!("bucket")), "not a resource"),
        (on(json!("arn:aws:s3::${aws:PrincipalAccount}:bucket")), "only the sixth part"),
        (on(json!("arn:aws:kms:us-*-1:111122223333:key/1")), "only the sixth part"),
        (of_key("DateLessThan", "2026-01-01T00:00:00Z"), "unknown operator"),
        (of_key("IpAddress", "10.0.0.0/8"), "unknown operator"),
        (of_key("DateLessThan", "${aws:username}"), "unknown operator"),
        (of_key("stringequals", "a"), "unknown operator"),
        (of_key("ForSomeValues:StringEquals", "a"), "unknown operator"),
        (of_key("ForAnyValue:StringEqualsIfExists", "a"), "unknown operator"),
        (of_key("NullIfExists", "true"), "unknown form of Null"),
        (of_key("Null", "yes"), "neither true nor false"),
        (of_key("Bool", "1"), "neither true nor false"),
        (of_key("Bool", "${aws:username}"), "has no variables"),
        (of_key("NumericEquals", "ten"), "not a number"),
        (of_key("ArnLike", "*"), "not an ARN"),
        (of_key("StringLike", "${aws:username"), "a variable ends with a brace"),
        (of_key("StringLike", "${aws:username, none}"), "has quotes"),
        (condition(json!({"StringEquals": {"prefix": "a"}})), "not a condition key"),
        (condition(json!({"StringEquals": {"s3:prefix": {"Ref": "Prefix"}}})), "not a text"),
        (condition(json!({"StringEquals": {"s3:prefix": []}})), "no values"),
        // Several values of a key take an operator for sets, and are no value of a variable.
        (condition(json!({"StringEquals": {"aws:TagKeys": "a"}})), "has several values"),
        (of_key("StringEquals", "${aws:TagKeys}"), "has several values"),
    ];
    #[rustfmt::skip]
    let resources = [
        (policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"})), "a Principal or a NotPrincipal"),
        (to("Allow", &json!({"Federated": "accounts.google.com"})), "unknown element"),
        (to("Allow", &json!({"CanonicalUser": "1"})), "unknown element"),
        (to("Allow", &json!({"Service": "*"})), "not a service"),
        (to("Allow", &json!({"AWS": "arn:aws:iam::111122223333:role/*"})), "unknown principal"),
        (to("Allow", &json!({"AWS": "arn:aws:iam::111122223333:group/all"})), "unknown principal"),
        (to("Allow", &json!({"AWS": "arn:aws:sts::111122223333:assumed-role/reader/me"})), "unknown principal"),
        (to("Allow", &json!({"AWS": "AROAEXAMPLE"})), "not an ARN"),
        (policy(&json!({"Effect": "Allow", "NotPrincipal": {"AWS": USER}, "Action": "*"})), "is for Deny"),
        (not_to(&json!({"AWS": "*"})), "names everybody"),
        (not_to(&json!({"AWS": [ROLE, "111122223333"]})), "the session of a role"),
    ];
    // The action and the resource match none of the statements: what is unknown is found all the same.
    let request = Request::new("iam:GetRole", "arn:aws:iam::111122223333:role/a").with("aws:TagKeys", &["a", "b"]);
    let asked = request.clone().with("aws:PrincipalArn", &[ROLE]);
    for (document, why) in identities {
        let identity = [document];
        panics(&request, &Policies { identity: &identity, ..Policies::default() }, why);
        panics(&request, &Policies { boundary: Some(&identity[0]), ..Policies::default() }, why);
    }
    for (document, why) in resources {
        panics(&asked, &Policies { resource: Some(&document), ..Policies::default() }, why);
    }
}

/// What cannot be asked.
#[test]
fn a_request_that_cannot_be_panics() {
    let (identity, of_resource) = ([allow("*")], to("Allow", &json!("*")));
    let own = Policies { identity: &identity, ..Policies::default() };
    let others = Policies { resource: Some(&of_resource), ..Policies::default() };
    let request = || Request::new("kms:Decrypt", KEY);
    let session = "arn:aws:sts::111122223333:assumed-role/reader/me";
    panics(&Request::new("Decrypt", KEY), &own, "not an action");
    panics(&Request::new("kms:*", KEY), &own, "not an action");
    panics(&Request::new("kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/*"), &own, "not the ARN");
    panics(&Request::new("kms:Decrypt", "alias/a"), &own, "not the ARN");
    panics(&request(), &others, "who asks?");
    panics(&request().with("aws:PrincipalArn", &[session]), &own, "that of a role or user");
    panics(&request().with("aws:PrincipalArn", &[ROLE, USER]), &own, "has several values");
    panics(&request().with("aws:PrincipalArn", &[ROLE]).with("AWS:principalarn", &[USER]), &own, "twice");
    panics(&request().with("aws:PrincipalServiceName", &[SERVICE]), &own, "no policies of its own");
    let both = request().with("aws:PrincipalServiceName", &[SERVICE]).with("aws:PrincipalArn", &[ROLE]);
    panics(&both, &others, "cannot both ask");
}

fn panics(request: &Request, policies: &Policies, why: &str) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| decide(request, policies))) else {
        panic!("no panic because of {why}: {request:?} {policies:?}");
    };
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap();
    assert!(message.contains(why), "{message} instead of {why}");
}
