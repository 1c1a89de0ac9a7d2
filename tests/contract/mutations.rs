//! What somebody who adds or changes a step forgets, turns red: the committed files are changed for every step in turn,
//! and each change is found.

use atlas_cmk_tests::{asl, contracts, files::Files};
use serde_json::{Value, json};

use crate::{deployment, documentation, permissions, retries, state_machines};

/// A change of the files, and the check that has to find it.
type Mutation = (&'static str, fn(&mut Files, &str) -> bool, fn(&Files) -> Vec<String>);

/// Each says whether the step has what it changes.
const MUTATIONS: [Mutation; 11] = [
    ("no binary", remove_binary, deployment::check),
    ("no line in functions/Cargo.toml", remove_from_manifest, deployment::check),
    ("no function in the template", remove_function, deployment::check),
    ("another name of its role", rename_role, deployment::check),
    ("not invocable by its state machine", forbid_invocation, deployment::check),
    ("a permission that nobody declares", add_action, permissions::check),
    ("no policies in its role", remove_policies, permissions::check),
    ("no permission in the other account", remove_spoke_actions, permissions::check),
    ("no Retry", |files, step| change_states(files, step, "Retry"), retries::check),
    ("no Catch", |files, step| change_states(files, step, "Catch"), state_machines::check),
    ("no row in docs/steps.md", remove_row, documentation::check),
];

#[test]
fn whatever_is_left_out_of_the_files_for_any_step_is_found() {
    let files = Files::read().unwrap();
    for (what, mutate, check) in MUTATIONS {
        let mut changed = 0;
        for function in contracts::functions() {
            let mut mutant = files.clone();
            if mutate(&mut mutant, function.name()) {
                changed += 1;
                assert_ne!(check(&mutant), [] as [String; 0], "{}: {what}", function.name());
            }
        }
        assert!(changed > 0, "no step has what is changed: {what}");
    }
}

fn camel(step: &str) -> String {
    step.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn resource<'a>(files: &'a mut Files, step: &str, kind: &str) -> &'a mut Value {
    &mut files.template["Resources"][format!("{}{kind}", camel(step))]
}

fn remove_binary(files: &mut Files, step: &str) -> bool {
    let before = files.binaries.len();
    files.binaries.retain(|file| *file != format!("{step}.rs"));
    files.binaries.len() < before
}

fn remove_from_manifest(files: &mut Files, step: &str) -> bool {
    let line = format!("    {{ name = \"{step}\", test = false }},\n");
    let is_there = files.manifest.contains(&line);
    files.manifest = files.manifest.replace(&line, "");
    is_there
}

fn remove_function(files: &mut Files, step: &str) -> bool {
    files.template["Resources"].as_object_mut().unwrap().remove(&format!("{}Function", camel(step))).is_some()
}

fn rename_role(files: &mut Files, step: &str) -> bool {
    resource(files, step, "Role")["Properties"]["RoleName"] = json!("another");
    true
}

fn forbid_invocation(files: &mut Files, step: &str) -> bool {
    let machines = files
        .machines
        .iter()
        .filter(|machine| machine.states().iter().any(|state| asl::invoked(state.definition) == Some(step)));
    let roles: Vec<String> = machines.map(|machine| format!("{}Role", camel(&machine.name))).collect();
    let arn = json!({"Fn::GetAtt": format!("{}Function.Arn", camel(step))});
    for role in &roles {
        let statements =
            &mut files.template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        statements[0]["Resource"].as_array_mut().unwrap().retain(|resource| *resource != arn);
    }
    !roles.is_empty()
}

fn add_action(files: &mut Files, step: &str) -> bool {
    let statement = json!({"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"});
    let policy = json!({"PolicyName": "more", "PolicyDocument": {"Statement": [statement]}});
    let policies = &mut resource(files, step, "Role")["Properties"]["Policies"];
    match policies.as_array_mut() {
        Some(policies) => policies.push(policy),
        None => *policies = json!([policy]),
    }
    true
}

fn remove_policies(files: &mut Files, step: &str) -> bool {
    let properties = resource(files, step, "Role")["Properties"].as_object_mut().unwrap();
    let own = properties.remove("Policies");
    if own.is_none() {
        properties.remove("ManagedPolicyArns");
    }
    true
}

/// Takes all that a step does in other accounts from their role.
fn remove_spoke_actions(files: &mut Files, step: &str) -> bool {
    let functions = contracts::functions();
    let function = functions.iter().find(|function| function.name() == step).unwrap();
    let elsewhere =
        |action: &&&str| action.starts_with("iam:") || (action.starts_with("kms:") && !action.contains("Data"));
    if !function.actions.contains("sts:AssumeRole") {
        return false;
    }
    let mut removed = false;
    for action in function.actions.iter().filter(elsewhere) {
        for role in ["SpokeRole", "GuardRole"] {
            removed |= remove_text(&mut files.spoke["Resources"][role], action);
        }
    }
    removed
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

/// Takes a field out of every state that invokes the function.
fn change_states(files: &mut Files, step: &str, field: &str) -> bool {
    files
        .machines
        .iter_mut()
        .fold(false, |changed, machine| remove_field(&mut machine.definition, step, field) | changed)
}

fn remove_field(value: &mut Value, step: &str, field: &str) -> bool {
    // The tasks whose failure is a result, and the diagnosis itself, have catches of their own.
    let exempt = field == "Catch"
        && [
            "check-keys",
            "find-missed-accounts",
            "on-account-vended",
            "summarize-project",
            "check-credential",
            "diagnose",
        ]
        .contains(&step);
    let is_of_step = asl::invoked(value) == Some(step) && !exempt;
    match value {
        Value::Object(fields) => {
            let removed = is_of_step && fields.remove(field).is_some();
            fields.values_mut().fold(removed, |changed, inner| remove_field(inner, step, field) | changed)
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, inner| remove_field(inner, step, field) | changed)
        }
        _ => false,
    }
}

fn remove_row(files: &mut Files, step: &str) -> bool {
    let before = files.page_of_steps.len();
    let row = format!("| `{step}` |");
    files.page_of_steps =
        files.page_of_steps.lines().filter(|line| !line.starts_with(&row)).collect::<Vec<_>>().join("\n");
    files.page_of_steps.len() + 1 < before
}
