//! Placeholders in the texts of a profile, filled in by `minijinja`. Each text is a template of its own, so that no value of an account can change the
//! shape of the input around it.

use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use crate::{
    error::{Error, ErrorName, Result},
    ids::AccountId,
};

/// The names of all placeholders, in the order of [`Placeholders`].
const NAMES: [&str; 4] = ["accountId", "accountName", "ou", "region"];

/// What placeholders stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholders {
    /// The account.
    pub account_id: AccountId,
    /// Its name, if it is known.
    pub account_name: Option<String>,
    /// The id of its organizational unit, if it is known.
    pub ou: Option<String>,
    /// The region.
    pub region: String,
}

impl Placeholders {
    /// Those of an account that does not exist, to try a template with.
    pub(super) fn example() -> Self {
        Self {
            account_id: "123456789012".parse().expect("12 digits"),
            account_name: Some("example".to_owned()),
            ou: Some("ou-abcd-12345678".to_owned()),
            region: "us-east-1".to_owned(),
        }
    }

    /// Those that are known, by name.
    fn context(&self) -> minijinja::Value {
        let known =
            [Some(self.account_id.to_string()), self.account_name.clone(), self.ou.clone(), Some(self.region.clone())];
        minijinja::Value::from_pairs(NAMES.into_iter().zip(known).filter_map(|(name, value)| Some((name, value?))))
    }
}

fn invalid(path: &str, what: &str) -> Error {
    Error::new(ErrorName::InputInvalid, format!("{path}: {what}"))
}

/// A value with every text in it filled.
pub(super) fn fill(path: &str, value: &Value, values: &Placeholders) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(fill_text(path, text, values)?),
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| fill(&format!("{path}[{index}]"), item, values));
            Value::Array(items.collect::<Result<_>>()?)
        }
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| Ok((name.clone(), fill(&format!("{path}.{name}"), value, values)?)));
            Value::Object(fields.collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

/// Whether a text in a value holds this placeholder.
pub(super) fn mentions(value: &Value, placeholder: &str) -> bool {
    match value {
        Value::String(text) => {
            let environment = Environment::new();
            environment.template_from_str(text).is_ok_and(|it| it.undeclared_variables(false).contains(placeholder))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, placeholder)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, placeholder)),
        _ => false,
    }
}

fn fill_text(path: &str, text: &str, values: &Placeholders) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let template = environment
        .template_from_str(text)
        .map_err(|error| invalid(path, &format!("it is no template: {}", error.detail().unwrap_or("malformed"))))?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !NAMES.contains(&name.as_str()));
    unknown.sort();
    if let Some(name) = unknown.first() {
        return Err(invalid(path, &format!("there is no placeholder {name}; there are {}", NAMES.join(", "))));
    }
    template.render(values.context()).map_err(|error| match error.kind() {
        minijinja::ErrorKind::UndefinedError => {
            let missing: Vec<&str> =
                NAMES.into_iter().filter(|name| template.undeclared_variables(false).contains(*name)).collect();
            invalid(
                path,
                &format!("one of {} is not known of the account; let the functions read it from Organizations (they may, where they run in a delegated administrator's account), or do without", missing.join(", ")),
            )
        }
        _ => invalid(path, &format!("it cannot be filled: {}", error.detail().unwrap_or("malformed"))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_change_texts_and_never_the_shape_around_them() {
        let mut values = Placeholders::example();
        values.account_name = Some("\", \"mode\": \"plan {{ region }}".to_owned());
        let filled =
            fill("input", &json!({"name": "{{ accountName }}", "list": [1, null, "{{ ou }}"]}), &values).unwrap();
        assert_eq!(filled, json!({"name": "\", \"mode\": \"plan {{ region }}", "list": [1, null, "ou-abcd-12345678"]}));
    }

    #[test]
    fn filters_make_names_fit() {
        let values = Placeholders { account_name: Some("Payments Prod".to_owned()), ..Placeholders::example() };
        let text = json!("{{ accountName | lower | replace(' ', '-') }}");
        assert_eq!(fill("input", &text, &values).unwrap(), json!("payments-prod"));
    }

    #[test]
    fn what_is_not_known_of_an_account_is_said_and_not_left_empty() {
        let values = Placeholders { account_name: None, ..Placeholders::example() };
        let error = fill("input.name", &json!("x-{{ accountName }}"), &values).unwrap_err();
        assert!(error.message().starts_with("input.name: ") && error.message().contains("accountName"), "{error}");
        assert!(fill("input", &json!("{{ accountName | default('unnamed') }}"), &values).is_ok());
        assert!(mentions(&json!({"a": ["{{ ou }}"]}), "ou") && !mentions(&json!("ou"), "ou"));
    }
}
