//! The template deploys every function, each with a role and a log group of its own, and nothing else.

use std::collections::BTreeSet;

use atlas_cmk_tests::{list, steps, template};
use serde_json::Value;

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
    let of_iam = |name: &str| match name {
        "update-trust" => vec![
            "iam:CreateRole",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "sts:AssumeRole",
        ],
        "verify" => vec!["iam:GetRole", "iam:GetRolePolicy", "sts:AssumeRole"],
        _ => vec![],
    };
    // The one function that writes to IAM neither calls Atlas nor can read its credentials.
    let of_atlas = |name: &str| match name {
        "update-trust" => vec![],
        _ => vec!["kms:Decrypt", "secretsmanager:GetSecretValue"],
    };
    let of_all = ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];
    for (name, function) in resources("AWS::Serverless::Function") {
        let step = function["Properties"]["CodeUri"].as_str().unwrap().replace("../functions/", "");
        let role = resource(template::get_att(&function["Properties"]["Role"]).unwrap());
        let allowed: BTreeSet<String> = template::allowed_actions(&role).into_iter().collect();
        let expected: BTreeSet<String> =
            of_iam(&step).into_iter().chain(of_atlas(&step)).chain(of_all).map(str::to_owned).collect();
        assert_eq!(allowed, expected, "{name}");
    }
}

#[test]
fn only_log_delivery_and_tracing_are_allowed_on_every_resource() {
    for (name, role) in resources("AWS::IAM::Role") {
        for policy in template::policies(&role) {
            for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
                if statement["Resource"] == "*" {
                    let actions: Vec<&str> =
                        statement["Action"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                    assert!(
                        actions.iter().all(|action| action.starts_with("logs:") || action.starts_with("xray:")),
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
fn nothing_deployed_may_disable_or_delete_a_key() {
    for (name, role) in resources("AWS::IAM::Role") {
        let actions = template::allowed_actions(&role);
        for forbidden in ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy"] {
            assert!(!actions.iter().any(|action| action == forbidden), "{name}: {forbidden}");
        }
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
            let function = template::get_att(value).unwrap();
            assert_eq!(super::template::resource(function)["Type"], "AWS::Serverless::Function", "{placeholder}");
            assert!(invocable.contains(value), "{name} may not invoke {function}");
        }
    }
}
