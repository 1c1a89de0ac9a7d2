//! What a step declares is what the role of its function allows, in the stack and in other accounts. What is recorded
//! when it runs is compared in tests/recorded.

use std::collections::BTreeSet;

use atlas_cmk_tests::{
    contracts::{self, Function},
    files::Files,
    template,
};
use serde_json::Value;

/// What every function does, and no step declares.
const OF_EVERY_FUNCTION: [&str; 4] =
    ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// What Lambda does with the role of a function in a VPC (Lambda developer guide, "VPC").
const IN_A_VPC: [&str; 6] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

/// Where what a step declares is not what the role of its function allows, or what infra/spoke.yaml allows is not what
/// steps declare.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let functions = contracts::functions();
    let mut complaints: Vec<String> = functions.iter().flat_map(|function| check_role(files, function)).collect();
    for role in ["SpokeRole", "GuardRole"] {
        let elsewhere = functions.iter().filter_map(Function::elsewhere).filter(|(it, _)| *it == role);
        let needed: BTreeSet<String> = elsewhere.flat_map(|(_, actions)| actions).collect();
        let allowed = template::allowed_actions(&files.spoke, &files.spoke["Resources"][role]);
        complain(&mut complaints, &format!("{role} of infra/spoke.yaml"), &needed, &allowed.into_iter().collect());
    }
    complaints
}

fn check_role(files: &Files, function: &Function) -> Vec<String> {
    let mut complaints = Vec::new();
    let camel: String = function.name().split('-').map(capitalised).collect();
    let role = &files.template["Resources"][format!("{camel}Role")];
    let declared = function.actions.iter().chain(&OF_EVERY_FUNCTION).chain(&IN_A_VPC);
    let declared = declared.map(|action| (*action).to_owned()).collect();
    let allowed = template::allowed_actions(&files.template, role).into_iter().collect();
    complain(&mut complaints, &format!("{camel}Role of infra/template.yaml"), &declared, &allowed);
    complaints
}

fn complain(complaints: &mut Vec<String>, role: &str, declared: &BTreeSet<String>, allowed: &BTreeSet<String>) {
    let missing = declared - allowed;
    if !missing.is_empty() {
        complaints.push(format!("{role} does not allow {missing:?}, which ACTIONS declares"));
    }
    let too_much = allowed - declared;
    if !too_much.is_empty() {
        complaints.push(format!("{role} allows {too_much:?}, which no ACTIONS declares"));
    }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn roles(template: &Value) -> Vec<(String, Value)> {
    let resources = template["Resources"].as_object().unwrap().clone();
    resources.into_iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role").collect()
}

#[test]
fn every_function_may_do_what_its_step_declares_and_no_more() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}

#[test]
fn only_what_has_no_arn_is_allowed_on_every_resource() {
    let files = Files::read().unwrap();
    for (name, role) in roles(&files.template) {
        for statement in template::policies(&files.template, &role).iter().flat_map(template::statements) {
            if statement["Resource"] == "*" {
                let actions = template::texts(&statement["Action"]);
                // A key that is to be made has no ARN, but it has to carry our mark.
                let of_a_new_key = actions == ["kms:CreateKey"] && statement.get("Condition").is_some();
                // A task that waits for an answer is known by its token.
                let of_a_token = actions == ["states:SendTaskSuccess", "states:SendTaskFailure"];
                let without_arn = |action: &&str| {
                    ["logs:", "xray:", "ec2:"].iter().any(|service| action.starts_with(service))
                        || ["kms:ListKeys", "organizations:ListAccounts"].contains(action)
                };
                assert!(of_a_new_key || of_a_token || actions.iter().all(without_arn), "{name}: {actions:?}");
            }
        }
        let actions = template::allowed_actions(&files.template, &role);
        assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
    }
}

#[test]
fn nothing_deployed_in_either_account_may_disable_or_delete_a_key() {
    let files = Files::read().unwrap();
    let mut deployed = Vec::new();
    for template in [&files.template, &files.spoke] {
        let allowed = |(name, role)| (name, template::allowed_actions(template, &role));
        deployed.extend(roles(template).into_iter().map(allowed));
    }
    assert!(deployed.len() > 30, "there are roles to look at: {}", deployed.len());
    for (name, actions) in deployed {
        assert!(!actions.is_empty(), "{name}");
        for forbidden in
            ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DeleteImportedKeyMaterial", "kms:CreateGrant"]
        {
            // A wildcard would do it too.
            let covers = |action: &String| {
                let prefix = action.trim_end_matches('*');
                action == forbidden || (action.ends_with('*') && forbidden.starts_with(prefix))
            };
            assert!(!actions.iter().any(covers), "{name}: {forbidden}");
        }
    }
    // What is denied by exception allows nothing, so that the names occur nowhere.
    for text in [files.template.to_string(), files.spoke["Resources"]["SpokeRole"].to_string()] {
        assert!(!text.contains("\"kms:ScheduleKeyDeletion") && !text.contains("\"kms:DisableKey"));
    }
}

#[test]
fn a_key_is_changed_only_if_it_carries_our_mark_or_was_named() {
    let files = Files::read().unwrap();
    for (name, role) in roles(&files.template) {
        for statement in template::policies(&files.template, &role).iter().flat_map(template::statements) {
            let actions = template::texts(&statement["Action"]);
            let writes = |action: &&str| {
                action.starts_with("kms:")
                    && !["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"].contains(action)
                    && !action.starts_with("kms:Get")
                    && !action.starts_with("kms:List")
            };
            if !actions.iter().any(writes) || statement["Resource"]["Ref"] == "KeyArns" {
                continue;
            }
            let condition = statement["Condition"]["StringEquals"].to_string();
            let of_an_alias = statement["Resource"].to_string().contains(":alias/");
            assert!(condition.contains("atlas-cmk:managed-by") || of_an_alias, "{name}: {actions:?}");
        }
    }
    assert_eq!(files.template["Parameters"]["KeyArns"]["Default"], "", "no key but ours, unless somebody names it");
}

#[test]
fn no_statement_is_written_twice() {
    let template = template::load().unwrap();
    let mut seen = BTreeSet::new();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let own = resource["Properties"]["Policies"].as_array().into_iter().flatten();
        let managed = (resource["Type"] == "AWS::IAM::ManagedPolicy").then_some(&resource["Properties"]);
        for statement in own.chain(managed).flat_map(template::statements) {
            let actions = template::texts(&statement["Action"]).len();
            assert!(seen.insert(statement.to_string()) || actions == 0, "{name}: {statement}");
        }
    }
}
