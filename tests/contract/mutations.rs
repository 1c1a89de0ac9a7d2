//! What somebody who adds or changes a step forgets, turns red: the committed files are changed for every step in turn,
//! one place at a time, and each change is found.

use atlas_cmk_tests::{asl, contracts, files::Files};
use serde_json::{Value, json};

use crate::{deployment, documentation, order, permissions, retries, state_machines, statements};

/// A way to change the files for a step, once for each place where that is possible, and the check that has to find it.
type Mutation = (&'static str, fn(&Files, &str) -> Vec<Files>, fn(&Files) -> Vec<String>);

const MUTATIONS: [Mutation; 15] = [
    ("no binary", without_binary, deployment::check),
    ("no line in functions/Cargo.toml", without_line_of_manifest, deployment::check),
    ("no function in the template", without_function, deployment::check),
    ("another name of its role", with_another_role_name, deployment::check),
    ("not invocable by its state machine", without_invocation, deployment::check),
    ("a permission that nobody declares", with_an_action, permissions::check),
    ("a managed policy less in its role", without_managed_policy, of_permissions),
    ("a statement less in its role", without_statement, of_permissions),
    ("a condition less in its role", without_condition, statements::check),
    ("an action less in its role", without_action, of_permissions),
    ("an action less in the other account", without_spoke_action, permissions::check),
    ("no Retry", |files, step| without_field(files, step, "Retry"), retries::check),
    ("no Catch", |files, step| without_field(files, step, "Catch"), state_machines::check),
    ("no row in docs/steps.md", without_row, documentation::check),
    ("no entry in the order", without_entry, order::check),
];

fn of_permissions(files: &Files) -> Vec<String> {
    permissions::check(files).into_iter().chain(statements::check(files)).collect()
}

#[test]
fn whatever_is_left_out_of_the_files_for_any_step_is_found() {
    let files = Files::read().unwrap();
    for (what, mutate, check) in MUTATIONS {
        let mut changed = 0;
        for function in contracts::functions() {
            for (place, mutant) in mutate(&files, function.name()).iter().enumerate() {
                changed += 1;
                assert_ne!(check(mutant), [] as [String; 0], "{}: {what} (place {place})", function.name());
            }
        }
        assert!(changed > 0, "no step has what is changed: {what}");
    }
}

#[test]
fn a_statement_or_a_condition_less_in_the_roles_of_other_accounts_is_found() {
    let files = Files::read().unwrap();
    for role in contracts::SPOKE_ROLES {
        let path = format!("/Resources/{role}/Properties/Policies");
        let without = |change: fn(&Value) -> Vec<Value>| {
            let changed = change(files.spoke.pointer(&path).unwrap());
            changed.into_iter().map(|policies| with_value(&files, |files| &mut files.spoke, &path, policies))
        };
        for mutant in without(less_a_statement) {
            assert_ne!(of_permissions(&mutant), [] as [String; 0], "{role}: {}", mutant.spoke.pointer(&path).unwrap());
        }
        for mutant in without(less_a_condition) {
            assert_ne!(
                statements::check(&mutant),
                [] as [String; 0],
                "{role}: {}",
                mutant.spoke.pointer(&path).unwrap()
            );
        }
    }
}

fn camel(step: &str) -> String {
    step.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// One copy of the files, changed.
fn changed(files: &Files, change: impl FnOnce(&mut Files)) -> Vec<Files> {
    let mut mutant = files.clone();
    change(&mut mutant);
    vec![mutant]
}

/// A copy with another value at a place of one of the files.
fn with_value(files: &Files, file: fn(&mut Files) -> &mut Value, path: &str, value: Value) -> Files {
    let mut mutant = files.clone();
    *file(&mut mutant).pointer_mut(path).unwrap() = value;
    mutant
}

fn without_binary(files: &Files, step: &str) -> Vec<Files> {
    changed(files, |files| files.binaries.retain(|file| *file != format!("{step}.rs")))
}

fn without_line_of_manifest(files: &Files, step: &str) -> Vec<Files> {
    let line = format!("    {{ name = \"{step}\", test = false }},\n");
    changed(files, |files| files.manifest = files.manifest.replace(&line, ""))
}

fn without_function(files: &Files, step: &str) -> Vec<Files> {
    changed(files, |files| {
        files.template["Resources"].as_object_mut().unwrap().remove(&format!("{}Function", camel(step)));
    })
}

fn with_another_role_name(files: &Files, step: &str) -> Vec<Files> {
    let path = format!("/Resources/{}Role/Properties/RoleName", camel(step));
    vec![with_value(files, |files| &mut files.template, &path, json!("another"))]
}

fn without_invocation(files: &Files, step: &str) -> Vec<Files> {
    let arn = json!({"Fn::GetAtt": format!("{}Function.Arn", camel(step))});
    let invoking = files
        .machines
        .iter()
        .filter(|machine| machine.states().iter().any(|state| asl::invoked(state.definition) == Some(step)));
    invoking
        .flat_map(|machine| {
            let role = format!("{}Role", camel(&machine.name));
            changed(files, |files| {
                let statements =
                    &mut files.template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
                statements[0]["Resource"].as_array_mut().unwrap().retain(|resource| *resource != arn);
            })
        })
        .collect()
}

fn with_an_action(files: &Files, step: &str) -> Vec<Files> {
    let statement = json!({"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"});
    let policies = json!([{"PolicyName": "more", "PolicyDocument": {"Statement": [statement]}}]);
    let properties = files.template.pointer(&format!("/Resources/{}Role/Properties", camel(step))).unwrap();
    let mut more = properties.clone();
    more["Policies"] = policies;
    vec![with_value(files, |files| &mut files.template, &format!("/Resources/{}Role/Properties", camel(step)), more)]
}

fn without_managed_policy(files: &Files, step: &str) -> Vec<Files> {
    let path = format!("/Resources/{}Role/Properties/ManagedPolicyArns", camel(step));
    let policies = files.template.pointer(&path).unwrap().as_array().unwrap();
    let without = |left_out: usize| {
        let rest = policies.iter().enumerate().filter(|(place, _)| *place != left_out);
        rest.map(|(_, policy)| policy.clone()).collect()
    };
    (0..policies.len()).map(|place| with_value(files, |files| &mut files.template, &path, without(place))).collect()
}

/// Where the statements of a role are: its own, and those of the managed policies that it has.
fn policies_of(files: &Files, step: &str) -> Vec<String> {
    let role = format!("{}Role", camel(step));
    let managed = atlas_cmk_tests::template::managed_policies(&files.template["Resources"][&role]);
    let managed = managed.iter().map(|name| format!("/Resources/{name}/Properties"));
    let own = format!("/Resources/{role}/Properties/Policies");
    managed.chain(files.template.pointer(&own).is_some().then_some(own)).collect()
}

fn changed_policies(files: &Files, step: &str, change: fn(&Value) -> Vec<Value>) -> Vec<Files> {
    let paths = policies_of(files, step).into_iter();
    paths
        .flat_map(|path| {
            let changed = change(files.template.pointer(&path).unwrap());
            let mutants = changed.into_iter().map(|it| with_value(files, |files| &mut files.template, &path, it));
            mutants.collect::<Vec<_>>()
        })
        .collect()
}

fn without_statement(files: &Files, step: &str) -> Vec<Files> {
    changed_policies(files, step, less_a_statement)
}

fn without_condition(files: &Files, step: &str) -> Vec<Files> {
    changed_policies(files, step, less_a_condition)
}

fn without_action(files: &Files, step: &str) -> Vec<Files> {
    changed_policies(files, step, less_an_action)
}

/// Copies of policies, each with one statement less.
fn less_a_statement(policies: &Value) -> Vec<Value> {
    variants(policies, &|value| {
        let statements = value["Statement"].as_array().into_iter().flatten();
        let without = |left_out: &Value| {
            let mut rest = value.clone();
            rest["Statement"].as_array_mut().unwrap().retain(|statement| statement != left_out);
            rest
        };
        statements.map(without).collect()
    })
}

/// Copies of policies, each with one condition less.
fn less_a_condition(policies: &Value) -> Vec<Value> {
    variants(policies, &|value| match value {
        Value::Object(fields) if fields.contains_key("Condition") && fields.contains_key("Effect") => {
            let mut rest = fields.clone();
            rest.remove("Condition");
            vec![Value::Object(rest)]
        }
        _ => Vec::new(),
    })
}

/// Copies of policies, each with one of the actions of a statement less that allows several.
fn less_an_action(policies: &Value) -> Vec<Value> {
    variants(policies, &|value| match value {
        Value::Object(fields) if fields.contains_key("Effect") => {
            let actions = fields.get("Action").and_then(Value::as_array).into_iter().flatten();
            let without = |left_out: &Value| {
                let mut rest = fields.clone();
                rest["Action"].as_array_mut().unwrap().retain(|action| action != left_out);
                Value::Object(rest)
            };
            actions.map(without).collect()
        }
        _ => Vec::new(),
    })
}

/// All copies of a value in which one place within is replaced by one of what `replace` returns for it.
fn variants(value: &Value, replace: &dyn Fn(&Value) -> Vec<Value>) -> Vec<Value> {
    let mut all = replace(value);
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                all.extend(variants(item, replace).into_iter().map(|variant| {
                    let mut copy = items.clone();
                    copy[place] = variant;
                    Value::Array(copy)
                }));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                all.extend(variants(field, replace).into_iter().map(|variant| {
                    let mut copy = fields.clone();
                    copy[name] = variant;
                    Value::Object(copy)
                }));
            }
        }
        _ => {}
    }
    all
}

/// Takes one of the things that a step does in other accounts from their roles.
fn without_spoke_action(files: &Files, step: &str) -> Vec<Files> {
    let function = contracts::functions().iter().find(|function| function.name() == step).unwrap();
    let Some((role, actions)) = function.elsewhere() else { return Vec::new() };
    let without = |action: &String| {
        let mut mutant = files.clone();
        remove_text(&mut mutant.spoke["Resources"][role], action).then_some(mutant)
    };
    actions.iter().filter_map(without).collect()
}

/// Takes a text out of every list, and replaces it where it stands alone.
fn remove_text(value: &mut Value, text: &str) -> bool {
    match value {
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| item != text);
            let removed = items.len() < before;
            items.iter_mut().fold(removed, |removed, item| remove_text(item, text) | removed)
        }
        Value::Object(fields) => fields.values_mut().fold(false, |removed, field| remove_text(field, text) | removed),
        Value::String(one) if one == text => {
            "iam:NotThis".clone_into(one);
            true
        }
        _ => false,
    }
}

/// Takes a field out of one state that invokes the function.
fn without_field(files: &Files, step: &str, field: &str) -> Vec<Files> {
    let without = |value: &Value| match value {
        Value::Object(fields) if asl::invoked(value) == Some(step) && fields.contains_key(field) => {
            let mut rest = fields.clone();
            rest.remove(field);
            vec![Value::Object(rest)]
        }
        _ => Vec::new(),
    };
    let mut mutants = Vec::new();
    for (place, machine) in files.machines.iter().enumerate() {
        for definition in variants(&machine.definition, &without) {
            let mut mutant = files.clone();
            mutant.machines[place].definition = definition;
            mutants.push(mutant);
        }
    }
    mutants
}

fn without_row(files: &Files, step: &str) -> Vec<Files> {
    let row = format!("| `{step}` |");
    let rest = files.page_of_steps.lines().filter(|line| !line.starts_with(&row)).collect::<Vec<_>>().join("\n");
    changed(files, |files| files.page_of_steps = rest)
}

/// Leaves a step out of the order that its state machine is compared with, wherever it stands.
fn without_entry(files: &Files, step: &str) -> Vec<Files> {
    let mut mutants = Vec::new();
    for (of_machine, order) in files.orders.iter().enumerate() {
        for place in (0..order.steps.len()).filter(|place| order.steps[*place] == step) {
            let mut mutant = files.clone();
            mutant.orders[of_machine].steps.remove(place);
            mutants.push(mutant);
        }
    }
    mutants
}
