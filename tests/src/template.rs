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

/// The actions that a role allows: by its own policies, and by the managed policies of the template that it has.
pub fn allowed_actions(template: &Value, role: &Value) -> Vec<String> {
    let allows = policies(template, role).into_iter().flat_map(|policy| statements(&policy));
    let allows = allows.filter(|statement| statement["Effect"] == "Allow");
    allows
        .flat_map(|statement| texts(&statement["Action"]).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The policies of a role, whatever their conditions are: its own, and the managed ones of the template.
pub fn policies(template: &Value, role: &Value) -> Vec<Value> {
    let managed = managed_policies(role).into_iter().map(|name| template["Resources"][name]["Properties"].clone());
    branches(&role["Properties"]["Policies"]).into_iter().chain(managed).collect()
}

/// The managed policies of the template that a role has, by name.
pub fn managed_policies(role: &Value) -> Vec<&str> {
    let arns = role["Properties"]["ManagedPolicyArns"].as_array().into_iter().flatten();
    let arns = arns.flat_map(|arn| match arn["Fn::If"].as_array() {
        Some(branches) => branches.iter().skip(1).collect(),
        None => vec![arn],
    });
    arns.filter_map(|arn| arn["Ref"].as_str()).filter(|name| !name.starts_with("AWS::")).collect()
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

/// How many statements of a policy stand there whatever the parameters are.
pub fn unconditional_statements(policy: &Value) -> usize {
    let statements = policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten();
    statements.filter(|statement| statement.get("Fn::If").is_none()).count()
}

/// The items of a list, which may itself be in an `!If`, each `!If` replaced by what it chooses between.
fn branches(list: &Value) -> Vec<Value> {
    if let Some(chosen) = list["Fn::If"].as_array() {
        return chosen.iter().filter(|branch| branch.is_array()).flat_map(branches).collect();
    }
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
