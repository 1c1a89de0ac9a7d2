//! Placeholders in the texts of a profile, filled in by `minijinja`. Each text is a template of its own, so that no
//! value of an account can change the shape of the input around it.
//!
//! Of the template language there is a name with filters, such as `{{ accountName | lower }}`, and no more: statements
//! could keep a function busy for hours, and operators and most filters make texts that no memory holds.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, filters};
use serde_json::Value;

use crate::{
    error::{Error, ErrorName, Result},
    ids::AccountId,
};

/// The names of all placeholders, in the order of [`Placeholders`].
const NAMES: [&str; 4] = ["accountId", "accountName", "ou", "region"];

/// The filters there are.
const FILTERS: [&str; 7] = ["capitalize", "default", "lower", "replace", "title", "trim", "upper"];

/// The longest text, filled or not, and the longest that a filter may make, in bytes. Nothing in an input is longer,
/// and `minijinja` parses and compiles by recursion, which a text of tens of kilobytes would take beyond the stack.
const LONGEST: usize = 2048;

/// How many instructions of `minijinja` filling a text may take: a hundred filters take fewer.
const FUEL: u64 = 2000;

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

    /// Those of accounts that differ in nothing but their ids: ids of which two become alike wherever a filter of
    /// `text` leaves digits out or exchanges them.
    pub(super) fn accounts_of_one_name(text: &str) -> impl Iterator<Item = Self> {
        const FILLER: &str = "7070707070";
        let example = Self::example();
        let id = example.account_id.to_string();
        let mut ids = BTreeSet::from([id.clone()]);
        for at in 0..id.len() {
            ids.extend((0..10).map(|digit| format!("{}{digit}{}", &id[..at], &id[at + 1..])));
        }
        for pair in (0..100).map(|pair| format!("{pair:02}")) {
            ids.extend([format!("{pair}{FILLER}"), format!("{FILLER}{pair}")]);
        }
        // What a filter replaces, and by what, once before and once behind: both become the same.
        let quoted = text.split(['\'', '"']).skip(1).step_by(2);
        let digits = |text: &&str| text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let texts: BTreeSet<&str> = quoted.filter(digits).chain([""]).collect();
        for (one, other) in texts.iter().flat_map(|one| texts.iter().map(move |other| (one, other))) {
            ids.insert(format!("{one}7{other}{FILLER}").chars().take(id.len()).collect());
            ids.insert(format!("{one}{FILLER}{FILLER}").chars().take(id.len()).collect());
        }
        ids.into_iter().filter_map(move |id| Some(Self { account_id: id.parse().ok()?, ..example.clone() }))
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
            let environment = environment();
            // A longer text is refused when it is filled.
            let names = |text| Some(environment.template_from_str(text).ok()?.undeclared_variables(false));
            text.len() <= LONGEST && names(text).is_some_and(|names| names.contains(placeholder))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, placeholder)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, placeholder)),
        _ => false,
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", replace);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment
}

/// As the filter of `minijinja`, but for texts that grow too long.
fn replace(text: &str, from: &str, to: &str) -> std::result::Result<String, minijinja::Error> {
    let grown = text.matches(from).count().saturating_mul(to.len());
    if grown.saturating_add(text.len()) > LONGEST {
        return Err(too_long());
    }
    Ok(text.replace(from, to))
}

fn too_long() -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, format!("the text would be longer than {LONGEST} bytes"))
}

/// What of a text is not a name with filters, if anything is.
fn beyond_filters(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        if let Some(statement) = ["{%", "{#"].into_iter().find(|it| rest[..start].contains(it)) {
            return Some(statement.to_owned());
        }
        let mut quote = None;
        let mut end = None;
        for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < start + 2) {
            match quote {
                // `minijinja` takes it for an escape, so that a quote behind it would not end the text.
                Some(_) if c == '\\' => return Some(c.to_string()),
                Some(open) if c == open => quote = None,
                Some(_) => {}
                None if c == '\'' || c == '"' => quote = Some(c),
                None if rest[at..].starts_with("}}") => {
                    end = Some(at + 2);
                    break;
                }
                None if c.is_alphanumeric() || c.is_whitespace() || "_|(),".contains(c) => {}
                None => return Some(c.to_string()),
            }
        }
        let Some(end) = end else { return Some("an end".to_owned()) };
        rest = &rest[end..];
    }
    ["{%", "{#"].into_iter().find(|it| rest.contains(it)).map(str::to_owned)
}

/// Takes a text up to its longest.
#[derive(Default)]
struct Filled(Vec<u8>);

impl Write for Filled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fill_text(path: &str, text: &str, values: &Placeholders) -> Result<String> {
    if text.len() > LONGEST {
        return Err(invalid(path, &format!("a text has at most {LONGEST} bytes")));
    }
    if let Some(found) = beyond_filters(text) {
        let what = format!("a placeholder consists of a name and filters ({}), without {found:?}", FILTERS.join(", "));
        return Err(invalid(path, &what));
    }
    let environment = environment();
    let template = environment.template_from_str(text).map_err(|error| {
        invalid(path, &format!("it is not a valid template: {}", error.detail().unwrap_or("malformed")))
    })?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !NAMES.contains(&name.as_str()));
    unknown.sort();
    if let Some(name) = unknown.first() {
        return Err(invalid(path, &format!("the placeholder {name} does not exist; use one of {}", NAMES.join(", "))));
    }
    let mut filled = Filled::default();
    template.render_captured_to(values.context(), &mut filled).map_err(|error| match error.kind() {
        ErrorKind::UnknownFilter => {
            invalid(path, &format!("the filter does not exist; use one of {}", FILTERS.join(", ")))
        }
        ErrorKind::WriteFailure => invalid(
            path,
            &format!(
                "the placeholders cannot be replaced: {too_long}",
                too_long = too_long().detail().unwrap_or_default()
            ),
        ),
        ErrorKind::UndefinedError => {
            let missing: Vec<&str> =
                NAMES.into_iter().filter(|name| template.undeclared_variables(false).contains(*name)).collect();
            invalid(
                path,
                &format!(
                    "one of {} is not known for the account; allow the functions to read it from Organizations \
                    (deploy them in a delegated administrator's account), or do not use it",
                    missing.join(", ")
                ),
            )
        }
        _ => invalid(path, &format!("the placeholders cannot be replaced: {}", error.detail().unwrap_or("malformed"))),
    })?;
    String::from_utf8(filled.0).map_err(|_| invalid(path, "the placeholders cannot be replaced: it would not be UTF-8"))
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
    fn no_text_stops_a_function_or_keeps_it_busy() {
        let chained = format!("{{{{ 'x' {} }}}}", "| replace('x', 'xxxxxxxxxx')".repeat(12));
        let long = "{{ accountName | replace('example', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }}"
            .repeat(80);
        for text in [
            "{{ ou|indent(9999999999999) }}",
            "{% if accountId != '123456789012' %}{{ ou|indent(9999999999999) }}{% endif %}",
            "{{ '%1000000000d'|format(1) }}",
            "{{ accountName|slice(1000000000)|list }}",
            "{{ accountName|batch(1000000000,'x')|list }}",
            "{% set x = 'xx' %}{{ x ~ x }}",
            "{% for a in 'xxxxxxxxxxxxxxxxxxxx' %}{% for b in 'xxxxxxxxxxxxxxxxxxxx' %}x{% endfor %}{% endfor %}",
            "{{ 'x' * 100000000 }}",
            "{{ accountName * 100000000 }}",
            "{{ accountName ~ accountName }}",
            "{{ [1] }}",
            "{{ accountName[0] }}",
            "{{ 2 ** 100 }}",
            "{{ range(100000) }}",
            "{# a comment #}",
            "{{ accountName }}{% raw %}{% endraw %}",
            "{{ 'x\\'' }}{% for a in ou %}y{% endfor %}",
            "{{ 'x\\'' ~ ou }}",
            "{{ accountName",
            "{{ 'x }}{% for a in ou %}y{% endfor %}",
            &format!("{{{{ {} ou }}}}", "not ".repeat(6000)),
            &format!("{{{{ ou{} }}}}", "|trim".repeat(10_000)),
            &format!("{{{{ ou{} }}}}", " or ou".repeat(5000)),
            &chained,
            &long,
        ] {
            let error = fill("input", &json!(text), &Placeholders::example()).unwrap_err();
            assert!(error.message().starts_with("input: ") && error.message().len() < 500, "{text}: {error}");
        }
    }

    #[test]
    fn texts_of_filters_may_hold_anything_and_texts_around_placeholders_too() {
        let filled = |text: &str| fill("input", &json!(text), &Placeholders::example()).unwrap();
        assert_eq!(
            filled("arn:aws:s3:::*/{{ accountName | replace('*', '}} {% [') | upper }}/~"),
            "arn:aws:s3:::*/EXAMPLE/~"
        );
        assert_eq!(filled("{{ accountName | replace(\"ex\", '[*]') | title | trim | capitalize }}"), "[*]ample");
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
