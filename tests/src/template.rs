//! infra/template.yaml as JSON: `!Ref X` is `{"Ref": "X"}`, any other `!F x` is `{"Fn::F": x}`.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Reads the template.
///
/// # Errors
/// If it is missing or no YAML.
pub fn load() -> anyhow::Result<Value> {
    load_file("infra/template.yaml")
}

/// Reads a template by its path.
///
/// # Errors
/// If it is missing or no YAML.
pub fn load_file(path: &str) -> anyhow::Result<Value> {
    let text = crate::read(path)?;
    let documents = Yaml::load_from_str(&text)?;
    documents.first().map(to_json).ok_or_else(|| anyhow::anyhow!("{path} is empty"))
}

fn to_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(flag)) => json!(flag),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Representation(text, ..) => json!(text),
        Yaml::Sequence(list) => list.iter().map(to_json).collect(),
        Yaml::Mapping(mapping) => mapping
            .iter()
            .map(|(key, value)| (to_json(key).as_str().unwrap_or_default().to_owned(), to_json(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tag, inner) => {
            let name = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            json!({ name: to_json(inner) })
        }
        _ => Value::Null,
    }
}

/// The resource that `!GetAtt Resource.Attribute` names.
pub fn get_att(value: &Value) -> Option<&str> {
    value.get("Fn::GetAtt")?.as_str()?.split('.').next()
}

/// The actions that the inline policies of a role resource allow.
pub fn allowed_actions(role: &Value) -> Vec<String> {
    policies(role)
        .into_iter()
        .flat_map(|policy| branches(&policy["PolicyDocument"]["Statement"]))
        .filter(|statement| statement["Effect"] == "Allow")
        .flat_map(|statement| match &statement["Action"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => many.iter().filter_map(|action| action.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// The inline policies of a role resource, whatever their conditions are.
pub fn policies(role: &Value) -> Vec<Value> {
    branches(&role["Properties"]["Policies"])
}

/// The statements of a policy, whatever their conditions are.
pub fn statements(policy: &Value) -> Vec<Value> {
    branches(&policy["PolicyDocument"]["Statement"])
}

/// The texts of an element that may be one or many.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// The items of a list, each `!If` replaced by what it chooses between.
fn branches(list: &Value) -> Vec<Value> {
    let items = list.as_array().cloned().unwrap_or_default();
    items
        .into_iter()
        .flat_map(|item| match item.get("Fn::If") {
            Some(branches) => branches.as_array().cloned().unwrap_or_default(),
            None => vec![item],
        })
        .filter(|item| item.is_object() && item.get("Ref").is_none())
        .collect()
}
