//! The template deploys every function, each with a role and a log group of its own, and nothing else.

use std::collections::BTreeSet;

use atlas_cmk_tests::{list, steps, template};
use serde_json::Value;

use crate::permissions;

fn resources(of_type: &str) -> Vec<(String, Value)> {
    let template = template::load().unwrap();
    let resources = template["Resources"].as_object().unwrap().clone();
    resources.into_iter().filter(|(_, resource)| resource["Type"] == of_type).collect()
}

fn resource(name: &str) -> Value {
    template::load().unwrap()["Resources"][name].clone()
}

#[test]
fn folders_packages_steps_and_deployed_functions_are_the_same() {
    let steps: Vec<&str> = steps::functions().iter().map(|contract| contract.name).collect();
    assert_eq!(list("functions").unwrap(), steps);
    let mut deployed: Vec<String> = resources("AWS::Serverless::Function")
        .iter()
        .map(|(_, function)| function["Properties"]["CodeUri"].as_str().unwrap().replace("../functions/", ""))
        .collect();
    deployed.sort();
    assert_eq!(deployed, steps);
    for (name, function) in resources("AWS::Serverless::Function") {
        let folder = function["Properties"]["CodeUri"].as_str().unwrap().replace("../functions/", "");
        assert_eq!(function["Metadata"]["BuildMethod"], "rust-cargolambda", "{name}");
        assert_eq!(function["Metadata"]["BuildProperties"]["Binary"], folder.as_str(), "{name}");
        assert_eq!(
            function["Properties"]["FunctionName"]["Fn::Sub"],
            format!("${{AWS::StackName}}-{folder}"),
            "{name}"
        );
    }
}

#[test]
fn no_two_functions_share_a_role_or_a_log_group() {
    let functions = resources("AWS::Serverless::Function");
    for field in [&["Role"] as &[&str], &["LoggingConfig", "LogGroup"]] {
        let own: BTreeSet<String> = functions
            .iter()
            .map(|(_, function)| field.iter().fold(&function["Properties"], |value, key| &value[*key]).to_string())
            .collect();
        assert_eq!(own.len(), functions.len(), "{field:?}");
    }
    for (name, group) in resources("AWS::Logs::LogGroup") {
        assert!(group["Properties"].get("RetentionInDays").is_some(), "{name} keeps its logs for ever");
    }
}

#[test]
fn every_function_may_do_what_its_step_does_and_no_more() {
    let of_sns = |name: &str| match name {
        "diagnose" | "request-approval" | "on-account-vended" | "on-change" | "restore-key" | "report-drift"
        | "report-sweep" | "check-keys" => vec!["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"],
        _ => vec![],
    };
    // The functions that write to IAM and KMS neither call Atlas nor can read its credentials.
    let of_atlas = |name: &str| match name {
        "update-trust" | "ensure-key" | "replicate-key" | "grant-key" | "register" => vec![],
        "plan-access" | "create-access-policy" | "attach-access-policy" | "verify-access" => vec![],
        "revoke-key" | "remove-trust" | "unregister" | "request-approval" | "approve" => vec![],
        "on-account-vended" | "put-profile" | "on-change" | "restore-key" | "take-turn" => vec![],
        "report-drift" | "list-projects" | "report-sweep" | "check-keys" | "find-missed-accounts" => vec![],
        _ => vec![
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "secretsmanager:CreateSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
        ],
    };
    let of_all = ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];
    for (name, function) in resources("AWS::Serverless::Function") {
        let step = function["Properties"]["CodeUri"].as_str().unwrap().replace("../functions/", "");
        let role = resource(template::get_att(&function["Properties"]["Role"]).unwrap());
        let allowed: BTreeSet<String> = template::allowed_actions(&role).into_iter().collect();
        let expected: BTreeSet<String> = permissions::of_step(&step)
            .into_iter()
            .chain(of_sns(&step))
            .chain(of_atlas(&step))
            .chain(of_all)
            .map(str::to_owned)
            .collect();
        assert_eq!(allowed, expected, "{name}");
    }
}

#[test]
fn only_what_has_no_arn_is_allowed_on_every_resource() {
    for (name, role) in resources("AWS::IAM::Role") {
        for policy in template::policies(&role) {
            for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
                if statement["Resource"] == "*" {
                    let actions: Vec<&str> = match &statement["Action"] {
                        Value::String(one) => vec![one],
                        many => many.as_array().unwrap().iter().filter_map(Value::as_str).collect(),
                    };
                    // A key that is to be made has no ARN, but it has to carry our mark.
                    let of_a_new_key = actions == ["kms:CreateKey"] && statement.get("Condition").is_some();
                    // A task that waits for an answer is known by its token.
                    let of_a_token = actions == ["states:SendTaskSuccess", "states:SendTaskFailure"];
                    assert!(
                        of_a_new_key
                            || of_a_token
                            || actions == ["kms:ListKeys"]
                            || actions == ["organizations:ListAccounts"]
                            || actions.iter().all(|action| action.starts_with("logs:") || action.starts_with("xray:")),
                        "{name}: {actions:?}"
                    );
                }
            }
        }
        let actions = template::allowed_actions(&role);
        assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
    }
}

#[test]
fn nothing_deployed_in_either_account_may_disable_or_delete_a_key() {
    let mut roles = resources("AWS::IAM::Role");
    let spoke = template::load_file("infra/spoke.yaml").unwrap();
    for role in ["SpokeRole", "GuardRole", "ForwardRole"] {
        roles.push((role.to_owned(), spoke["Resources"][role].clone()));
    }
    assert!(roles.len() > 30, "there are roles to look at: {}", roles.len());
    for (name, role) in roles {
        let actions = template::allowed_actions(&role);
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
        // What is denied by exception allows nothing.
        let text = role.to_string();
        assert!(!text.contains("ScheduleKeyDeletion") && !text.contains("DisableKey"), "{name}");
    }
}

#[test]
fn a_function_outlives_atlas_and_a_task_outlives_its_function() {
    let template = template::load().unwrap();
    let timeout = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert!(timeout > 65, "Atlas may take 60 seconds to give up on a write");
    for machine in atlas_cmk_tests::asl::machines().unwrap() {
        for state in machine.states() {
            if let Some(task) =
                state.definition["TimeoutSeconds"].as_u64().filter(|_| state.definition["Type"] == "Task")
            {
                assert!(task > timeout, "{}", state.path);
            }
        }
    }
}

#[test]
fn every_state_machine_is_deployed_with_logging_tracing_and_every_function_it_names() {
    let machines = atlas_cmk_tests::asl::machines().unwrap();
    let deployed = resources("AWS::Serverless::StateMachine");
    assert_eq!(machines.len(), deployed.len());
    for machine in machines {
        let file = format!("state-machines/{}.asl.json", machine.name);
        let (name, resource) =
            deployed.iter().find(|(_, it)| it["Properties"]["DefinitionUri"] == file.as_str()).unwrap();
        let properties = &resource["Properties"];
        assert_eq!(properties["Tracing"]["Enabled"], true, "{name}");
        assert_eq!(properties["Logging"]["Level"], "ALL", "{name}");
        let substitutions = properties["DefinitionSubstitutions"].as_object().unwrap();
        let used: BTreeSet<String> = atlas_cmk_tests::asl::strings(&machine.definition)
            .into_iter()
            .filter_map(|text| text.strip_prefix("${")?.strip_suffix('}').map(str::to_owned))
            .collect();
        assert_eq!(substitutions.keys().cloned().collect::<BTreeSet<_>>(), used, "{name}");
        let role = super::template::resource(template::get_att(&properties["Role"]).unwrap());
        let invocable =
            role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"].as_array().unwrap().clone();
        for (placeholder, value) in substitutions {
            let Some(function) = template::get_att(value) else {
                let machine = value["Ref"].as_str().unwrap();
                assert_eq!(
                    super::template::resource(machine)["Type"],
                    "AWS::Serverless::StateMachine",
                    "{placeholder}"
                );
                continue;
            };
            assert_eq!(super::template::resource(function)["Type"], "AWS::Serverless::Function", "{placeholder}");
            assert!(invocable.contains(value), "{name} may not invoke {function}");
        }
    }
}

#[test]
fn a_key_is_changed_only_if_it_carries_our_mark_or_was_named() {
    let template = template::load().unwrap();
    for (name, role) in resources("AWS::IAM::Role") {
        for policy in template::policies(&role) {
            for statement in template::statements(&policy) {
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
    }
    assert_eq!(template["Parameters"]["KeyArns"]["Default"], "", "no key but ours, unless somebody names it");
}
