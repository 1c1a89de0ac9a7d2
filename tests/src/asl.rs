//! State machine definitions, taken apart far enough to be checked.

use serde_json::{Map, Value};

/// A definition in infra/state-machines.
#[derive(Clone)]
pub struct Machine {
    /// The name of its file, without `.asl.json`.
    pub name: String,
    /// The whole definition.
    pub definition: Value,
}

/// A state, with where it is.
pub struct State<'a> {
    /// `enable-encryption/CreateEndpoints/CreateEndpoint`: machine, enclosing states, state.
    pub path: String,
    /// Its name.
    pub name: &'a str,
    /// Its definition.
    pub definition: &'a Value,
    /// The states it can name: those of the same level.
    pub siblings: &'a Map<String, Value>,
}

/// Every definition.
///
/// # Errors
/// If one is missing or no JSON.
pub fn machines() -> anyhow::Result<Vec<Machine>> {
    crate::list("infra/state-machines")?
        .into_iter()
        .map(|file| {
            let definition = serde_json::from_str(&crate::read(&format!("infra/state-machines/{file}"))?)?;
            Ok(Machine { name: file.trim_end_matches(".asl.json").to_owned(), definition })
        })
        .collect()
}

impl Machine {
    /// Every state, those inside Map and Parallel included.
    pub fn states(&self) -> Vec<State<'_>> {
        let mut states = Vec::new();
        collect(&self.name, &self.definition, &mut states);
        states
    }

    /// Every level: the top, and the inside of each Map and Parallel. A path, where it starts, and its states.
    pub fn levels(&self) -> Vec<(String, &str, &Map<String, Value>)> {
        let mut levels = Vec::new();
        collect_levels(&self.name, &self.definition, &mut levels);
        levels
    }
}

fn inner_levels(state: &Value) -> Vec<&Value> {
    let map = state.get("ItemProcessor").into_iter();
    map.chain(state["Branches"].as_array().into_iter().flatten()).collect()
}

fn collect<'a>(path: &str, level: &'a Value, states: &mut Vec<State<'a>>) {
    let Some(siblings) = level["States"].as_object() else { return };
    for (name, definition) in siblings {
        let path = format!("{path}/{name}");
        for inner in inner_levels(definition) {
            collect(&path, inner, states);
        }
        states.push(State { path, name, definition, siblings });
    }
}

fn collect_levels<'a>(path: &str, level: &'a Value, levels: &mut Vec<(String, &'a str, &'a Map<String, Value>)>) {
    let Some(states) = level["States"].as_object() else { return };
    levels.push((path.to_owned(), level["StartAt"].as_str().unwrap_or_default(), states));
    for (name, definition) in states {
        for inner in inner_levels(definition) {
            collect_levels(&format!("{path}/{name}"), inner, levels);
        }
    }
}

/// The step of the function that a state invokes: `${FunctionArnPrefix}create-role` is `create-role`.
pub fn invoked(state: &Value) -> Option<&str> {
    state["Arguments"]["FunctionName"].as_str()?.strip_prefix("${FunctionArnPrefix}")
}

/// The states that a state can go to: next, by choice, or by a catch.
pub fn successors(state: &Value) -> Vec<&str> {
    let branches = ["Choices", "Catch"].into_iter().flat_map(|field| state[field].as_array().into_iter().flatten());
    let direct = ["Next", "Default"].into_iter().filter_map(|field| state[field].as_str());
    branches.filter_map(|branch| branch["Next"].as_str()).chain(direct).collect()
}

/// The names a retrier or catcher is for.
pub fn error_equals(rule: &Value) -> Vec<&str> {
    rule["ErrorEquals"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every string in a value, at any depth.
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The names that follow `prefix` in a JSONata expression, such as the fields read after `$states.result.Payload.`.
pub fn names_after<'a>(expression: &'a str, prefix: &str) -> Vec<&'a str> {
    expression
        .match_indices(prefix)
        .filter_map(|(at, _)| {
            let rest = &expression[at + prefix.len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            Some(&rest[..end]).filter(|name| !name.is_empty())
        })
        .collect()
}

/// The variables that a JSONata expression reads. Functions, `$states` and variables of its own are left out.
pub fn variables(expression: &str) -> Vec<&str> {
    let own =
        |name: &str| expression.contains(&format!("${name} :=")) || expression.contains(&format!("function(${name})"));
    let call = |name: &str| expression.contains(&format!("${name}("));
    names_after(expression, "$").into_iter().filter(|name| *name != "states" && !own(name) && !call(name)).collect()
}
