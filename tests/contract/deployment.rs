//! The template deploys every function with a role of its own, and every state machine with the functions that it
//! invokes.

use std::collections::BTreeSet;

use atlas_cmk_tests::{asl, contracts, files::Files, template};
use serde_json::Value;

/// Where binaries, the list of functions/Cargo.toml, the template and the steps are not the same.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    let steps: BTreeSet<String> = contracts::functions().iter().map(|function| function.name().to_owned()).collect();
    let binaries = files.binaries.iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect();
    let listed = files.manifest.lines().filter_map(|line| line.split('"').nth(1).filter(|_| line.contains("{ name =")));
    let listed = listed.map(str::to_owned).collect();
    let deployed = functions(&files.template).iter().map(|(_, function)| step_of(function)).collect();
    for (place, there) in
        [("functions/src/bin", &binaries), ("functions/Cargo.toml", &listed), ("infra/template.yaml", &deployed)]
            as [(&str, &BTreeSet<String>); 3]
    {
        complaints.extend((&steps - there).iter().map(|step| format!("{place} lacks {step}")));
        complaints.extend((there - &steps).iter().map(|name| format!("{place} has {name}, which is no step")));
    }
    for (name, function) in functions(&files.template) {
        let (properties, step) = (&function["Properties"], step_of(&function));
        let expected = [
            (&properties["FunctionName"]["Fn::Sub"], format!("${{AWS::StackName}}-{step}")),
            (&properties["Role"]["Fn::GetAtt"], format!("{}.Arn", name.replace("Function", "Role"))),
        ];
        for (found, expected) in expected {
            if *found != expected.as_str() {
                complaints.push(format!("{name} has {found} in the place of {expected}"));
            }
        }
        let role = &files.template["Resources"][name.replace("Function", "Role")];
        let role_name = format!("${{AWS::StackName}}-${{AWS::Region}}-{step}");
        if role["Properties"]["RoleName"]["Fn::Sub"] != role_name.as_str() {
            complaints.push(format!("the role of {name} is not called {role_name}, which key policies know it by"));
        }
    }
    complaints.extend(files.machines.iter().flat_map(|machine| check_machine(files, machine)));
    complaints
}

fn functions(template: &Value) -> Vec<(String, Value)> {
    of_type(template, "AWS::Serverless::Function")
}

fn of_type(template: &Value, kind: &str) -> Vec<(String, Value)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let of_type = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_type.map(|(name, resource)| (name.clone(), resource.clone())).collect()
}

fn step_of(function: &Value) -> String {
    let code = function["Properties"]["CodeUri"].as_str().unwrap_or_default();
    code.trim_start_matches("../target/lambda/").to_owned()
}

/// Whether a state machine is deployed, and its role may invoke what its states invoke, and no more.
fn check_machine(files: &Files, machine: &asl::Machine) -> Vec<String> {
    let file = format!("state-machines/{}.asl.json", machine.name);
    let machines = of_type(&files.template, "AWS::StepFunctions::StateMachine");
    let Some((name, resource)) =
        machines.iter().find(|(_, it)| it["Properties"]["DefinitionS3Location"] == file.as_str())
    else {
        return vec![format!("infra/template.yaml does not deploy {file}")];
    };
    let mut complaints = Vec::new();
    let properties = &resource["Properties"];
    if properties["TracingConfiguration"]["Enabled"] != true || properties["LoggingConfiguration"]["Level"] != "ALL" {
        complaints.push(format!("{name} is not traced and logged"));
    }
    let substitutions = properties["DefinitionSubstitutions"].as_object().into_iter().flatten();
    let given: BTreeSet<&str> = substitutions.map(|(placeholder, _)| placeholder.as_str()).collect();
    let texts = asl::strings(&machine.definition);
    let used: BTreeSet<&str> =
        texts.iter().filter_map(|text| Some(text.strip_prefix("${")?.split_once('}')?.0)).collect();
    if given != used {
        complaints.push(format!("{name} is given {given:?}, and its definition uses {used:?}"));
    }
    let states = machine.states();
    let invoked: BTreeSet<&str> = states.iter().filter_map(|state| asl::invoked(state.definition)).collect();
    let role = &files.template["Resources"][format!("{name}Role")];
    let invocable: BTreeSet<String> = template::policies(&files.template, role)
        .iter()
        .flat_map(template::statements)
        .filter(|statement| statement["Action"] == "lambda:InvokeFunction")
        .flat_map(|statement| statement["Resource"].as_array().cloned().unwrap_or_default())
        .filter_map(|arn| Some(step_of(&files.template["Resources"][template::get_att(&arn)?])))
        .collect();
    let invoked: BTreeSet<String> = invoked.into_iter().map(str::to_owned).collect();
    if invoked != invocable {
        complaints.push(format!("{name} invokes {invoked:?}, and its role allows {invocable:?}"));
    }
    complaints
}

#[test]
fn binaries_steps_and_deployed_functions_are_the_same() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}

#[test]
fn every_state_machine_of_the_template_has_a_definition() {
    let files = Files::read().unwrap();
    assert_eq!(of_type(&files.template, "AWS::StepFunctions::StateMachine").len(), files.machines.len());
}

#[test]
fn no_log_is_kept_for_ever() {
    for (name, group) in of_type(&template::load().unwrap(), "AWS::Logs::LogGroup") {
        assert!(group["Properties"].get("RetentionInDays").is_some(), "{name} keeps its logs for ever");
    }
}

#[test]
fn a_function_outlives_atlas_and_a_task_outlives_its_function() {
    let files = Files::read().unwrap();
    let timeout = files.template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    assert!(timeout > 65, "Atlas may take 60 seconds to give up on a write");
    for state in files.machines.iter().flat_map(asl::Machine::states) {
        if let Some(task) = state.definition["TimeoutSeconds"].as_u64().filter(|_| state.definition["Type"] == "Task") {
            assert!(task > timeout, "{}", state.path);
        }
    }
}

#[test]
fn no_alarm_has_more_metrics_than_cloudwatch_takes() {
    // Ten in one alarm (CloudWatch user guide, "Using metric math").
    for (name, alarm) in of_type(&template::load().unwrap(), "AWS::CloudWatch::Alarm") {
        let metrics = alarm["Properties"]["Metrics"].as_array().into_iter().flatten();
        assert!(metrics.filter(|metric| metric.get("MetricStat").is_some()).count() <= 10, "{name}");
    }
}

#[test]
fn every_name_of_a_stack_with_26_characters_fits_in_a_region_with_a_long_name() {
    // Of functions and roles (Lambda, IAM) 64 characters at most, of state machines 80 (Step Functions).
    let (stack, region) = ("a".repeat(26), "ap-southeast-1");
    for name in ["infra/template.yaml", "infra/spoke.yaml", "infra/management.yaml"] {
        for (resource, definition) in template::load_file(name).unwrap()["Resources"].as_object().unwrap() {
            for (property, most) in [("RoleName", 64), ("FunctionName", 64), ("Name", 80), ("ManagedPolicyName", 128)] {
                let Some(pattern) = definition["Properties"][property]["Fn::Sub"].as_str() else { continue };
                let name = pattern.replace("${AWS::StackName}", &stack).replace("${AWS::Region}", region);
                assert!(name.len() <= most, "{resource}: {name} has {} characters", name.len());
            }
        }
    }
}

#[test]
fn no_function_takes_more_than_25_lines_with_its_role() {
    let files = Files::read().unwrap();
    let length = |name: &str| {
        let block = files.template_text.split(&format!("\n  {name}:\n")).nth(1).unwrap();
        1 + block.lines().take_while(|line| line.starts_with("   ")).count()
    };
    for (name, _) in functions(&files.template) {
        let lines = length(&name) + length(&name.replace("Function", "Role"));
        assert!(lines <= 25, "{name} and its role take {lines} lines");
    }
}
