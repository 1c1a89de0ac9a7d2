//! Whom a key policy allows, as far as that is known without the request.
//!
//! Conditions depend on the request: a conditional Allow counts as allowed, and a conditional Deny is ignored. A
//! reported problem is therefore real; some problems go unreported.

use serde_json::Value;
use wildmatch::WildMatch;

use super::{PolicyDocument, Statement, statement::texts};
use crate::ids::{AccountId, IamRoleArn};

impl PolicyDocument {
    /// Whether the policy of a key leaves the decision to the IAM policies of an account, which is what its statement
    /// for the account's root does (KMS developer guide, "Default key policy").
    pub fn delegates_to_iam(&self, account: &AccountId, actions: &[&str]) -> bool {
        let root = |principal: &str| principal == account.as_ref() || principal.ends_with(&format!("::{account}:root"));
        actions.iter().all(|action| {
            self.statements().iter().any(|it| it.allows_unconditionally(action) && it.names_principal(root))
        })
    }

    /// Whether the policy of a key lets the role do this by itself, without its IAM policies.
    pub fn lets_role(&self, role: &IamRoleArn, action: &str) -> bool {
        let named = |principal: &str| principal == role.as_ref() || principal == "*";
        let root = role.account_root();
        self.statements().iter().any(|it| {
            let names_role = it.names_principal(named)
                || (it.names_principal(|principal| same_principal(principal, &root)) && it.asks_for_role(role));
            it.has_effect("Allow") && it.is_about(action) && names_role
        })
    }

    /// Whether a trust policy lets a principal do this, under whatever conditions.
    pub fn lets_principal(&self, principal: &str, action: &str) -> bool {
        let named = |it: &str| same_principal(it, principal) || it == "*";
        self.statements().iter().any(|it| it.has_effect("Allow") && it.is_about(action) && it.names_principal(named))
    }

    /// The statement, by its Sid or its place, that lets somebody of these do this without asking for an external ID,
    /// under whatever other conditions.
    pub fn lets_in_without_external_id(&self, account_root: &str, principal: Option<&str>) -> Option<String> {
        let named = |it: &str| {
            it == "*"
                || same_principal(it, account_root)
                || principal.is_some_and(|principal| same_principal(it, principal))
        };
        self.statements().iter().enumerate().find_map(|(place, it)| {
            let lets = it.has_effect("Allow")
                && it.is_about("sts:AssumeRole")
                && it.names_principal(named)
                && !it.asks_for_external_id();
            lets.then(|| it.sid().map_or_else(|| format!("number {}", place + 1), |sid| format!("{sid:?}")))
        })
    }

    /// The statement, by its Sid or its place, that denies the role an action whatever else allows it.
    pub fn denies_role(&self, role: &IamRoleArn, action: &str) -> Option<String> {
        self.denies_principal(role.as_ref(), action)
    }

    /// The statement, by its Sid or its place, that denies a principal an action whatever else allows it.
    pub fn denies_principal(&self, denied: &str, action: &str) -> Option<String> {
        let named = |principal: &str| same_principal(principal, denied) || principal == "*";
        self.statements().iter().enumerate().find_map(|(place, it)| {
            let denied = it.has_effect("Deny")
                && it.is_about(action)
                && it.names_principal(named)
                && it.elements().get("Condition").is_none();
            denied.then(|| it.sid().map_or_else(|| format!("number {}", place + 1), |sid| format!("{sid:?}")))
        })
    }

    /// Whether any statement of a boundary allows the action, and none denies it without a condition.
    pub fn permits(&self, action: &str) -> bool {
        let statements = self.statements();
        let denied = statements
            .iter()
            .any(|it| it.has_effect("Deny") && it.is_about(action) && it.elements().get("Condition").is_none());
        !denied && statements.iter().any(|it| it.has_effect("Allow") && it.is_about(action))
    }
}

impl Statement {
    fn has_effect(&self, effect: &str) -> bool {
        self.elements().get("Effect").and_then(Value::as_str) == Some(effect)
    }

    fn allows_unconditionally(&self, action: &str) -> bool {
        self.has_effect("Allow") && self.is_about(action) && self.elements().get("Condition").is_none()
    }

    /// Whether a condition asks for this role, which need not exist yet.
    fn asks_for_role(&self, role: &IamRoleArn) -> bool {
        let operators = self.elements().get("Condition").and_then(Value::as_object);
        operators.into_iter().flatten().any(|(operator, keys)| {
            let values = keys.as_object().into_iter().flatten().filter(|(key, _)| {
                key.eq_ignore_ascii_case("aws:PrincipalArn")
                    && ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&operator.as_str())
            });
            values.flat_map(|(_, list)| texts(list)).any(|arn| arn == role.as_ref())
        })
    }

    /// Whether any condition is about the external ID.
    fn asks_for_external_id(&self) -> bool {
        let operators = self.elements().get("Condition").and_then(Value::as_object);
        let keys = operators.into_iter().flat_map(|it| it.values()).filter_map(Value::as_object);
        keys.flat_map(|it| it.keys()).any(|key| key.eq_ignore_ascii_case("sts:ExternalId"))
    }

    /// Whether `Action` or `NotAction` covers the action.
    fn is_about(&self, action: &str) -> bool {
        let covers = |list: &Value| texts(list).iter().any(|pattern| matches(pattern, action));
        match (self.elements().get("Action"), self.elements().get("NotAction")) {
            (Some(list), _) => covers(list),
            (None, Some(list)) => !covers(list),
            (None, None) => false,
        }
    }

    fn names_principal(&self, named: impl Fn(&str) -> bool) -> bool {
        match self.elements().get("Principal") {
            Some(Value::String(one)) => named(one),
            Some(Value::Object(kinds)) => kinds.get("AWS").is_some_and(|list| texts(list).into_iter().any(named)),
            _ => false,
        }
    }
}

/// An account's id is the ARN of its root.
fn same_principal(one: &str, other: &str) -> bool {
    one == other || (one.len() == 12 && other.ends_with(&format!("::{one}:root")))
}

/// IAM's wildcards: `*` is any number of characters, `?` is one. Upper and lower case are alike in actions.
fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new_case_insensitive(pattern).matches(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DECRYPT: &str = "kms:Decrypt";

    fn document(statement: &Value) -> PolicyDocument {
        PolicyDocument::parse(&json!({"Version": "2012-10-17", "Statement": statement}).to_string()).unwrap()
    }

    fn role() -> IamRoleArn {
        "arn:aws:iam::444455556666:role/atlas-cmk".parse().unwrap()
    }

    #[test]
    fn a_key_policy_leaves_it_to_iam_when_it_lets_the_root_of_the_account_in_and_says_no_more() {
        let account: AccountId = "444455556666".parse().unwrap();
        let root = "arn:aws:iam::444455556666:root";
        for (statement, delegates) in [
            (json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}]), true),
            (json!({"Effect": "Allow", "Principal": {"AWS": ["444455556666"]}, "Action": ["kms:De*"]}), true),
            (json!({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:Describe*"}), false),
            (json!({"Effect": "Deny", "Principal": {"AWS": root}, "Action": "kms:*"}), false),
            (
                json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*"}),
                false,
            ),
            (
                json!({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Condition": {"Bool": {}}}),
                false,
            ),
            (json!([]), false),
        ] {
            assert_eq!(document(&statement).delegates_to_iam(&account, &[DECRYPT]), delegates, "{statement}");
        }
    }

    #[test]
    fn a_role_is_let_in_by_name_and_kept_out_by_a_deny() {
        let role = role();
        for (statement, lets) in [
            (json!({"Effect": "Allow", "Principal": {"AWS": role.as_ref()}, "Action": ["kms:decrypt"]}), true),
            (json!({"Effect": "Allow", "Principal": "*", "NotAction": "kms:Put*"}), true),
            (json!({"Effect": "Allow", "Principal": {"AWS": "AROAEXAMPLE"}, "Action": "kms:*"}), false),
            (json!({"Effect": "Allow", "Principal": {"Service": "x.amazonaws.com"}, "Action": "kms:*"}), false),
        ] {
            assert_eq!(document(&statement).lets_role(&role, DECRYPT), lets, "{statement}");
        }
        let to_come = PolicyDocument::default().merge(&Statement::allow_role_to_come("Later", &role, &[DECRYPT]));
        assert!(to_come.lets_role(&role, DECRYPT));
        let another = "arn:aws:iam::444455556666:role/atlas-cmk-2".parse().unwrap();
        assert!(!to_come.lets_role(&another, DECRYPT) && !to_come.delegates_to_iam(role.account(), &[DECRYPT]));
        let deny = json!([{"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt"}]);
        assert_eq!(document(&deny).denies_role(&role, DECRYPT).as_deref(), Some("\"No\""));
        let other = json!([{"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt"}]);
        assert_eq!(document(&other).denies_role(&role, DECRYPT), None);
        let maybe = json!([{"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Condition": {"Bool": {}}}]);
        assert_eq!(document(&maybe).denies_role(&role, DECRYPT), None, "it is not known");
    }

    #[test]
    fn a_boundary_permits_what_it_allows_and_does_not_deny() {
        for (statement, permits) in [
            (json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]), true),
            (json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]), false),
            (json!([{"Effect": "Allow", "Action": "*"}, {"Effect": "Deny", "Action": "kms:De?rypt"}]), false),
        ] {
            assert_eq!(document(&statement).permits(DECRYPT), permits, "{statement}");
        }
    }
}
