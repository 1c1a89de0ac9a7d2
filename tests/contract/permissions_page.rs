//! docs/permissions.md: the roles of the templates for a reviewer, made of the templates and of what the steps say.

use std::fmt::Write as _;

use atlas_cmk_tests::{contracts, template};
use serde_json::Value;

const PAGE: &str = "docs/permissions.md";

const HEAD: &str = "# Permissions

For a security reviewer: each role of the templates, who may be it, and what it may do. This page is generated from
`infra/*.yaml` and the descriptions of the steps: `BLESS=1 cargo test -p atlas-cmk-tests --test contract` writes it.
[threat-model.md](threat-model.md) says what stops whom.

In resources, `${X}` is a parameter, a resource of the template or a value of AWS. \"If X\" is a condition of the template.
";

/// A value of a template as text: what refers to something else by its name.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(object) => match object.iter().next() {
            Some((function, inner)) if function == "Ref" => format!("${{{}}}", text(inner)),
            Some((function, inner)) if function == "Fn::GetAtt" => format!("${{{}}}", text(inner)),
            Some((function, inner)) if function == "Fn::Sub" => match inner.as_array() {
                Some(parts) => format!("{} with {}", text(&parts[0]), variables(&parts[1])),
                None => text(inner),
            },
            Some((function, inner)) if function == "Fn::If" => {
                let chosen = inner.as_array().map_or(&[] as &[Value], Vec::as_slice);
                let other = text(&chosen[2]);
                let other = if other == "${AWS::NoValue}" { String::new() } else { format!(", else {other}") };
                format!("(if {}: {}{other})", text(&chosen[0]), text(&chosen[1]))
            }
            Some((function, inner)) if function == "Fn::Split" => text(&inner[1]),
            _ => variables(value),
        },
        other => other.to_string(),
    }
}

fn variables(object: &Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name} = {}", text(value))).collect::<Vec<_>>().join(", ")
}

/// A statement in a line.
fn statement(statement: &Value) -> String {
    let mut line = String::new();
    let effect = if statement["Effect"] == "Deny" { "**deny**" } else { "allow" };
    let actions = if statement["NotAction"].is_null() {
        text(&statement["Action"])
    } else {
        format!("all but {}", text(&statement["NotAction"]))
    };
    let _ = write!(line, "- {effect} `{actions}` on `{}`", text(&statement["Resource"]));
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    for (operator, keys) in conditions {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let _ = write!(line, "; {operator} `{key}` `{}`", text(value));
        }
    }
    line
}

/// The statements of a policy, those that a condition decides about with its name.
fn statements(document: &Value) -> String {
    let mut lines = String::new();
    for item in document["Statement"].as_array().into_iter().flatten() {
        match item["Fn::If"].as_array() {
            Some(chosen) => {
                for (index, branch) in
                    chosen.iter().enumerate().skip(1).filter(|(_, branch)| branch["Effect"].is_string())
                {
                    let negation = if index == 2 { "not " } else { "" };
                    let _ = writeln!(lines, "{} (if {negation}{})", statement(branch), text(&chosen[0]));
                }
            }
            None => drop(writeln!(lines, "{}", statement(item))),
        }
    }
    lines
}

/// The comment above a resource, in one line.
fn comment(yaml: &str, resource: &str) -> String {
    let lines: Vec<&str> = yaml.lines().collect();
    let Some(at) = lines.iter().position(|line| *line == format!("  {resource}:")) else { return String::new() };
    let comments = lines[..at].iter().rev().take_while(|line| line.starts_with("  # "));
    let mut comments: Vec<&str> = comments.map(|line| line.trim_start_matches("  # ")).collect();
    comments.reverse();
    comments.join(" ")
}

/// Who may be a role.
fn trusted(role: &Value) -> String {
    let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    let mut who = format!("`{}`", variables(&trust["Principal"]));
    for (operator, keys) in trust["Condition"].as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let _ = write!(who, "; {operator} `{key}` `{}`", text(value));
        }
    }
    who
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (file, heading) in [
        ("infra/template.yaml", "The hub"),
        ("infra/spoke.yaml", "Other accounts"),
        ("infra/management.yaml", "The management account"),
    ] {
        let yaml = atlas_cmk_tests::read(file).unwrap();
        let template = template::load_file(file).unwrap();
        let resources = template["Resources"].as_object().unwrap();
        let _ = write!(page, "\n## {heading}: {file}\n");
        for (name, resource) in resources.iter().filter(|(_, it)| it["Type"] == "AWS::IAM::ManagedPolicy") {
            let about = comment(&yaml, name);
            let _ = write!(page, "\n### Policy {name}\n\n");
            if !about.is_empty() {
                let _ = write!(page, "{about}\n\n");
            }
            page += &statements(&resource["Properties"]["PolicyDocument"]);
        }
        for (name, resource) in resources.iter().filter(|(_, it)| it["Type"] == "AWS::IAM::Role") {
            let step = atlas_cmk_tests::kebab(name.strip_suffix("Role").unwrap_or(name));
            let function = contracts::functions().iter().find(|it| it.name() == step && file == "infra/template.yaml");
            let about = match function {
                Some(function) => format!("{}.", function.about),
                None => resource["Properties"]["Description"]
                    .as_str()
                    .map_or_else(|| comment(&yaml, name), |it| format!("{it}.")),
            };
            let _ = write!(page, "\n### {name}\n\n");
            if !about.is_empty() {
                let _ = write!(page, "{about}\n\n");
            }
            let _ = write!(page, "May be assumed by {}.", trusted(resource));
            let managed = template::managed_policies(resource).join(", ");
            if !managed.is_empty() {
                let _ = write!(page, " Policies: {managed}.");
            }
            page += "\n\n";
            let own = resource["Properties"]["Policies"].clone();
            let own = own["Fn::If"].as_array().map_or(own.clone(), |chosen| chosen[1].clone());
            for policy in own.as_array().into_iter().flatten() {
                page += &statements(&policy["PolicyDocument"]);
            }
        }
    }
    // A heading is followed by one blank line, whatever a role has of its own.
    while page.contains("\n\n\n") {
        page = page.replace("\n\n\n", "\n\n");
    }
    wrapped(page.trim_end()) + "\n"
}

/// Lines of at most 120 columns, broken between words.
fn wrapped(page: &str) -> String {
    let mut lines = Vec::new();
    for line in page.lines() {
        let indent = if line.starts_with("- ") { "  " } else { "" };
        let mut rest = String::new();
        for word in line.split(' ') {
            if !rest.trim().is_empty() && rest.chars().count() + 1 + word.chars().count() > 120 {
                lines.push(std::mem::replace(&mut rest, indent.to_owned()));
            } else if !rest.is_empty() {
                rest.push(' ');
            }
            rest += word;
        }
        lines.push(rest);
    }
    lines.join("\n")
}

#[test]
fn the_page_of_permissions_says_what_the_templates_say() {
    let page = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(atlas_cmk_tests::root().join(PAGE), &page).unwrap();
    }
    let committed = atlas_cmk_tests::read(PAGE).unwrap_or_default();
    assert!(committed == page, "{PAGE} is stale: run with BLESS=1 and look at the difference");
}
