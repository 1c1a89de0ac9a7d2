//! Would IAM allow a request? A small, strict evaluator of policies that are plain JSON, without `!Ref` and the like.
//!
//! It follows these pages of the IAM user guide: "Policy evaluation logic", "Grammar of the IAM JSON policy language",
//! those of the elements (Action, Resource, Principal, `NotPrincipal`), "Condition operators", "Conditions with
//! multiple context keys or values", "Multivalued context keys", and "Variables and tags".
//!
//! It panics at what it does not know, wherever that stands in a policy, so that no test passes because of it: other
//! elements; operators for dates, addresses and binary data; sessions, unique IDs and `Federated` as principals.
//!
//! What is simpler than in AWS:
//! - Policies of organizations, sessions and VPC endpoints do not exist, nor do grants of KMS keys.
//! - `aws:PrincipalArn` says who asks: a user, or a role, of which every request is a session. A service asks with
//!   `aws:PrincipalServiceName`. A root user is not special.
//! - No key is derived from another: whoever gives `aws:PrincipalArn` may have to give `aws:PrincipalAccount` too.
//! - If the policy of a resource is not given, those of the identity decide, also for keys, roles and other accounts.
//!   A policy without statements is something else: it allows nothing.
//! - A resource belongs to `aws:ResourceAccount`, or else to the account in its ARN, or else to that of the principal.
//! - Wildcards in the value of a variable are text. The guide does not say what they are.
//! - After the fifth colon of a resource, wildcards match colons too. Before it, only a `*` that ends a part is known.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Map, Value};
use wildmatch::{WildMatch, WildMatchPattern};

/// The wildcards of a pattern whose variables are replaced. In it, `*` and `?` are text, as `${*}` and `${?}` ask for.
const ANY: char = '\u{E000}';
const ONE: char = '\u{E001}';

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The action, such as `kms:Decrypt`.
    pub action: &'a str,
    /// The ARN, or `*` for an action that has no resource.
    pub resource: &'a str,
    /// The condition keys, compared without case, and their values. A key without values is absent.
    pub context: BTreeMap<&'a str, Vec<String>>,
}

/// The policies that apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// Those of the role or user, its own and the managed ones.
    pub identity: &'a [Value],
    /// Its permissions boundary.
    pub boundary: Option<&'a Value>,
    /// That of the resource, such as a key or a queue; for `sts:AssumeRole` the trust policy of the role.
    pub resource: Option<&'a Value>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The policies allow it, and none denies it.
    Allowed,
    /// The policies do not allow it.
    ImplicitlyDenied,
    /// A policy denies it.
    ExplicitlyDenied,
}

/// What a policy says, which is the greatest of what its statements say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Silent,
    /// Allowed to the account, whose own policies decide.
    Account,
    /// Allowed to the role, within its boundary.
    Role,
    /// Allowed to the one who asks, whatever the policies of identities allow.
    Principal,
    Denied,
}

impl<'a> Request<'a> {
    /// A request without condition keys.
    #[must_use]
    pub fn new(action: &'a str, resource: &'a str) -> Self {
        Self { action, resource, context: BTreeMap::new() }
    }

    /// The request with one more condition key.
    #[must_use]
    pub fn with(mut self, key: &'a str, values: &[&str]) -> Self {
        self.context.insert(key, values.iter().map(|&value| value.to_owned()).collect());
        self
    }

    fn values(&self, key: &str) -> &[String] {
        let mut found = self.context.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let values = found.next().map_or(&[][..], |(_, values)| values);
        assert!(found.next().is_none(), "the context has {key} twice");
        values
    }

    fn value(&self, key: &str) -> Option<&str> {
        let values = self.values(key);
        assert!(values.len() < 2, "{key} has several values: only ForAllValues and ForAnyValue can compare them");
        values.first().map(String::as_str)
    }

    fn principal(&self) -> Option<[&str; 6]> {
        self.value("aws:PrincipalArn").map(parts)
    }

    fn crosses_accounts(&self) -> bool {
        let of_arn = self.resource.split(':').nth(4).filter(|account| !account.is_empty());
        let owner = self.value("aws:ResourceAccount").or(of_arn);
        self.principal().zip(owner).is_some_and(|(arn, owner)| arn[4] != owner)
    }

    fn check(&self, policies: &Policies) {
        let exact = |text: &str| !text.contains(['*', '?', '$']);
        assert!(self.action.contains(':') && exact(self.action), "not an action: {}", self.action);
        let arn = self.resource.starts_with("arn:") && exact(self.resource);
        assert!(arn || self.resource == "*", "not the ARN of a resource: {}", self.resource);
        match (self.principal(), self.value("aws:PrincipalServiceName")) {
            (Some(arn), None) => assert_eq!(arn[2], "iam", "aws:PrincipalArn is that of a role or user: {arn:?}"),
            (None, Some(_)) => assert!(policies.identity.is_empty(), "a service has no policies of its own"),
            (None, None) => assert!(policies.resource.is_none(), "who asks? aws:PrincipalArn is missing"),
            _ => panic!("a service and a role cannot both ask"),
        }
    }
}

/// Says whether the policies allow the request ("Policy evaluation logic").
///
/// # Panics
/// If a policy has something that this module does not know, or the request cannot be one.
#[must_use]
pub fn decide(request: &Request, policies: &Policies) -> Decision {
    request.check(policies);
    let of_identity = |document| {
        evaluate(document, request, |statement| {
            let has = |element| statement.contains_key(element);
            assert!(has("Resource") || has("NotResource"), "the policy of an identity has no Resource");
            assert!(!has("Principal") && !has("NotPrincipal"), "the policy of an identity has a Principal");
            Verdict::Principal
        })
    };
    let identity = policies.identity.iter().map(of_identity).max().unwrap_or(Verdict::Silent);
    let boundary = policies.boundary.map_or(Verdict::Principal, of_identity);
    let bounded = policies.boundary.is_some();
    let resource = policies.resource.map(|it| evaluate(it, request, |statement| named(statement, request, bounded)));
    if [identity, boundary, resource.unwrap_or(Verdict::Silent)].contains(&Verdict::Denied) {
        return Decision::ExplicitlyDenied;
    }
    let within = boundary == Verdict::Principal;
    let by_identity = within && identity == Verdict::Principal;
    // Keys and roles do not trust their own account unless their policy says so. Other resources do.
    let distrusts = ["kms:", "sts:"].iter().any(|service| request.action.to_lowercase().starts_with(service));
    let allowed = match resource {
        Some(Verdict::Silent) => by_identity && !distrusts && !request.crosses_accounts(),
        // Another account has to allow it as well.
        Some(_) if request.crosses_accounts() => by_identity,
        Some(Verdict::Role) => within,
        Some(Verdict::Principal) => true,
        _ => by_identity,
    };
    if allowed { Decision::Allowed } else { Decision::ImplicitlyDenied }
}

/// What a policy says, where `whom` says whom a statement is for.
fn evaluate(document: &Value, request: &Request, whom: impl Fn(&Map<String, Value>) -> Verdict) -> Verdict {
    let document = object(document, &["Version", "Id", "Statement"]);
    // Before 2012-10-17 there were no variables, and `${aws:username}` is text.
    let version = document.get("Version").map_or("2008-10-17", |version| text(version));
    assert!(["2008-10-17", "2012-10-17"].contains(&version), "unknown Version: {version}");
    let variables = version == "2012-10-17";
    let say = |statement| {
        let elements = "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition";
        let statement = object(statement, &elements.split(' ').collect::<Vec<_>>());
        // All of it is evaluated, also if a part does not match: the others may have something unknown.
        let whom = whom(statement);
        let conditions = conditions_hold(statement, request, variables);
        let action = lists(statement, "Action", |it| action_matches(it, request)).expect("a statement has an Action");
        // The trust policy of a role has no Resource.
        let resource = lists(statement, "Resource", |it| resource_matches(it, request, variables)).unwrap_or(true);
        let effect = match statement.get("Effect").map(text) {
            Some("Allow") => whom,
            Some("Deny") => Verdict::Denied,
            other => panic!("unknown Effect: {other:?}"),
        };
        if conditions && action && resource && whom > Verdict::Silent { effect } else { Verdict::Silent }
    };
    let statements = many(document.get("Statement").expect("a policy has a Statement"));
    statements.into_iter().map(say).max().unwrap_or(Verdict::Silent)
}

/// Whether an element lists what matches, or its counterpart with `Not` does not.
fn lists(statement: &Map<String, Value>, element: &str, matches: impl Fn(&str) -> bool) -> Option<bool> {
    let any = |value| many(value).into_iter().filter(|it| matches(text(it))).count() > 0;
    let (element, not) = (statement.get(element), statement.get(&format!("Not{element}")));
    assert!(element.is_none() || not.is_none(), "an element and its negation in one statement: {not:?}");
    assert!(element.or(not).is_none_or(|value| !many(value).is_empty()), "an element without values");
    element.map(any).or(not.map(|value| !any(value)))
}

fn action_matches(pattern: &str, request: &Request) -> bool {
    assert!((pattern == "*" || pattern.contains(':')) && !pattern.contains('$'), "not an action: {pattern}");
    WildMatch::new_case_insensitive(pattern).matches(request.action)
}

fn resource_matches(pattern: &str, request: &Request, variables: bool) -> bool {
    assert!(pattern == "*" || pattern.starts_with("arn:"), "not a resource: {pattern}");
    let mut starts = pattern.splitn(6, ':').take(5).map(|part| part.strip_suffix('*').unwrap_or(part));
    assert!(!starts.any(|it| it.contains(['*', '?', '$'])), "only the sixth part of an ARN can have that: {pattern}");
    expand(pattern, request, variables).is_some_and(|pattern| like(&pattern, request.resource))
}

/// Whom the statement of a resource's policy is for ("Principal", "`NotPrincipal`").
fn named(statement: &Map<String, Value>, request: &Request, bounded: bool) -> Verdict {
    let of = |principals: &Value| -> Vec<Verdict> {
        if principals == "*" {
            return vec![Verdict::Principal];
        }
        let kinds = object(principals, &["AWS", "Service"]).iter();
        kinds.flat_map(|(kind, names)| many(names).into_iter().map(|it| meant(kind, text(it), request))).collect()
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principals), None) => of(principals).into_iter().max().unwrap_or(Verdict::Silent),
        (None, Some(principals)) => {
            assert_eq!(statement.get("Effect").map(text), Some("Deny"), "NotPrincipal is for Deny");
            assert!(!principals.to_string().contains("\"*\""), "NotPrincipal names everybody");
            let named = of(principals);
            // A principal is spared if its account is named too, and never if it has a boundary.
            let account = request.principal().is_none() || named.contains(&Verdict::Account);
            let role = !bounded && account && named.contains(&Verdict::Role);
            assert!(!role, "NotPrincipal has to name the session of a role too, which is not known here");
            let spared = !bounded && account && named.contains(&Verdict::Principal);
            if spared { Verdict::Silent } else { Verdict::Principal }
        }
        _ => panic!("the policy of a resource has a Principal or a NotPrincipal in each statement"),
    }
}

/// What of the one who asks is meant by a principal of a policy.
fn meant(kind: &str, name: &str, request: &Request) -> Verdict {
    if kind == "Service" {
        assert!(name.ends_with(".amazonaws.com") && !name.contains('*'), "not a service: {name}");
        let same = request.value("aws:PrincipalServiceName") == Some(name);
        return if same { Verdict::Principal } else { Verdict::Silent };
    }
    let is_account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
    let root = format!("arn:aws:iam::{name}:root");
    let [_, partition, service, _, account, who] = match name {
        "*" => return Verdict::Principal,
        _ => parts(if is_account { &root } else { name }),
    };
    let known = who == "root" || who.starts_with("role/") || who.starts_with("user/");
    assert!(service == "iam" && known && !name.contains(['*', '?', '$']), "unknown principal: {name}");
    match request.principal() {
        Some(own) if own[4] != account || !(is_account || own[1] == partition) => Verdict::Silent,
        Some(own) if own[5] == who && who.starts_with("role/") => Verdict::Role,
        Some(own) if own[5] == who => Verdict::Principal,
        Some(_) if who == "root" => Verdict::Account,
        _ => Verdict::Silent,
    }
}

/// Whether all conditions hold ("Conditions with multiple context keys or values").
fn conditions_hold(statement: &Map<String, Value>, request: &Request, variables: bool) -> bool {
    let mut hold = true;
    for (operator, keys) in statement.get("Condition").into_iter().flat_map(entries) {
        for (key, expected) in entries(keys) {
            hold &= holds(operator, key, expected, request, variables);
        }
    }
    hold
}

fn holds(operator: &str, key: &str, expected: &Value, request: &Request, variables: bool) -> bool {
    assert!(key.contains(':'), "not a condition key: {key}");
    let (set, name) = operator.split_once(':').map_or((None, operator), |(set, name)| (Some(set), name));
    let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
    // Numbers and Booleans may stand there without quotes.
    let bare = |value: &Value| value.is_number() || value.is_boolean();
    let scalar = |value| if bare(value) { value.to_string() } else { text(value).to_owned() };
    let expected: Vec<String> = many(expected).into_iter().map(scalar).collect();
    assert!(!expected.is_empty(), "{key} has no values in a condition");
    if name == "Null" {
        assert!(set.is_none() && !if_exists && expected.len() == 1, "unknown form of Null: {operator} {expected:?}");
        return truth(&expected[0]) == request.values(key).is_empty();
    }
    let tests: Vec<_> = expected.iter().map(|it| test(name, it, request, variables)).collect();
    let negated = name.contains("Not");
    let matches = |value: &str| (tests.iter().filter(|test| test(value)).count() > 0) != negated;
    // A value that is empty is none to them ("Multivalued context keys").
    let mut values = request.values(key).iter().filter(|value| !value.is_empty());
    match set {
        None => request.value(key).map_or(negated || if_exists, matches),
        Some("ForAllValues") => values.all(|value| matches(value)),
        Some("ForAnyValue") if !if_exists => values.any(|value| matches(value)),
        _ => panic!("unknown operator: {operator}"),
    }
}

/// The test that an operator makes with one of its values, whether it is negated or not ("Condition operators").
fn test(name: &str, expected: &str, request: &Request, variables: bool) -> impl Fn(&str) -> bool {
    let compare: fn(&str, &str) -> bool = match name {
        "StringEquals" | "StringNotEquals" => |pattern, value| unmark(pattern) == value,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
            |pattern, value| unmark(pattern).to_lowercase() == value.to_lowercase()
        }
        "StringLike" | "StringNotLike" => like,
        "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => {
            |pattern, value| parts(pattern).iter().zip(parts(value)).all(|(pattern, part)| like(pattern, part))
        }
        "Bool" => |expected, value| truth(expected) == truth(value),
        "NumericEquals" | "NumericNotEquals" => |limit, value| order(value, limit).is_eq(),
        "NumericLessThan" => |limit, value| order(value, limit).is_lt(),
        "NumericLessThanEquals" => |limit, value| order(value, limit).is_le(),
        "NumericGreaterThan" => |limit, value| order(value, limit).is_gt(),
        "NumericGreaterThanEquals" => |limit, value| order(value, limit).is_ge(),
        _ => panic!("unknown operator: {name}"),
    };
    let of_texts = name.starts_with("String") || name.starts_with("Arn");
    assert!(of_texts || !expected.contains("${"), "{name} has no variables: {expected}");
    let pattern = expand(expected, request, variables);
    // This panics if the policy has no number or ARN where one belongs, even if the context does not have the key.
    let _ = pattern.as_ref().map(|pattern| compare(pattern, &unmark(pattern)));
    // Nothing is like a variable without a value, so that negated operators match.
    move |value| pattern.as_ref().is_some_and(|pattern| compare(pattern, value))
}

/// A pattern with the values of its variables, and [`ANY`] and [`ONE`] as wildcards; nothing if one has no value.
fn expand(text: &str, request: &Request, variables: bool) -> Option<String> {
    let mark = |text: &str| text.replace('*', &ANY.to_string()).replace('?', &ONE.to_string());
    let (mut expanded, mut rest) = (String::new(), text);
    while variables && let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').expect("a variable ends with a brace");
        let (key, default) = name.split_once(", ").map_or((name, None), |(key, default)| (key, Some(default)));
        let unquote = |it: &'_ str| Some(it.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        let default = default.map(|it| unquote(it).expect("the default of a variable has quotes"));
        expanded += &mark(before);
        expanded += &match name {
            "*" | "?" | "$" => name.to_owned(),
            _ => request.value(key).map(str::to_owned).or(default)?,
        };
        rest = after;
    }
    Some(expanded + &mark(rest))
}

/// A pattern as text, for operators without wildcards.
fn unmark(pattern: &str) -> String {
    pattern.replace(ANY, "*").replace(ONE, "?")
}

fn like(pattern: &str, text: &str) -> bool {
    WildMatchPattern::<ANY, ONE>::new(pattern).matches(text)
}

/// The six parts of an ARN, of which the last may have colons.
fn parts(arn: &str) -> [&str; 6] {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.try_into().unwrap_or_else(|_| panic!("not an ARN: {arn}"))
}

fn order(one: &str, other: &str) -> Ordering {
    let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("not a number: {text}"));
    number(one).partial_cmp(&number(other)).expect("numbers are not NaN")
}

fn truth(text: &str) -> bool {
    text.parse().unwrap_or_else(|_| panic!("neither true nor false: {text}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// The items of an element that may be one or many.
fn many(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |many| many.iter().collect())
}

fn entries(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

/// A JSON object that has no other elements than these.
fn object<'a>(value: &'a Value, elements: &[&str]) -> &'a Map<String, Value> {
    let unknown = entries(value).keys().find(|key| !elements.contains(&key.as_str()));
    assert!(unknown.is_none(), "unknown element {unknown:?} in {value}");
    entries(value)
}

#[cfg(test)]
mod tests;
