//! The sample events are what they are samples of.

use std::collections::BTreeSet;

use atlas_cmk::events::{
    Reading, change,
    vending::{self, Vending},
};
use atlas_cmk_tests::{
    contracts::{self, Contract},
    kebab, list, read, template,
};
use serde_json::Value;

fn sample(path: &str) -> Value {
    serde_json::from_str(&read(path).unwrap()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn assert_accepted(contract: &Contract, event: Value, path: &str) {
    let schema = jsonschema::validator_for(&contract.input).unwrap();
    let complaints: Vec<String> = schema.iter_errors(&event).map(|error| error.to_string()).collect();
    assert!(complaints.is_empty(), "{path} does not satisfy its schema: {complaints:?}");
    (contract.accepts)(event).unwrap_or_else(|error| panic!("{path}: {error}"));
}

#[test]
fn every_function_and_its_schema_accept_the_sample_of_its_step() {
    for function in contracts::functions() {
        assert_accepted(&function.contract, function.sample.clone(), &format!("the sample of {}", function.name()));
    }
}

#[test]
fn the_samples_of_functions_are_those_that_people_send_by_hand() {
    let functions = contracts::functions();
    for file in list("events/steps").unwrap() {
        let step = file.trim_end_matches(".json");
        let function = functions.iter().find(|function| function.name() == step);
        let function = function.unwrap_or_else(|| panic!("events/steps/{file} is of no function"));
        assert_eq!(sample(&format!("events/steps/{file}")), function.sample, "{file}");
    }
}

#[test]
fn the_samples_of_manual_executions_are_accepted_by_the_state_machine_and_its_schema() {
    let samples: Vec<String> = list("events").unwrap().into_iter().filter(|name| name.starts_with("manual-")).collect();
    let mut sampled = BTreeSet::new();
    for name in samples {
        let path = format!("events/{name}");
        // The schema that a sample names is what editors go by to complete and to check it.
        let sample = sample(&path);
        let schema = sample["$schema"].as_str().unwrap_or_else(|| panic!("{path} names no schema"));
        let name = schema.trim_start_matches("../infra/schemas/").trim_end_matches(".input.json");
        let functions = contracts::functions().iter().map(|function| function.contract.clone());
        let mut contracts = contracts::state_machines().into_iter().chain(functions);
        let contract = contracts.find(|contract| contract.name == name).unwrap_or_else(|| panic!("{path}"));
        assert_accepted(&contract, sample, &path);
        sampled.insert(contract.name);
    }
    let machines: BTreeSet<&str> = contracts::state_machines().iter().map(|contract| contract.name).collect();
    assert!(sampled.is_superset(&machines), "a state machine without a sample: {:?}", &machines - &sampled);
}

#[test]
fn schema_and_function_refuse_the_same_inputs() {
    for function in contracts::functions() {
        let (contract, event) = (&function.contract, function.sample.clone());
        let schema = jsonschema::validator_for(&contract.input).unwrap();
        let fields: Vec<String> = event.as_object().unwrap().keys().cloned().collect();
        let mut broken = Vec::new();
        for field in &fields {
            for value in [Value::Null, 7.into(), "nonsense of another kind".into(), vec![Value::Null].into()] {
                let mut event = event.clone();
                event[field] = value;
                broken.push(event);
            }
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(field);
            broken.push(without);
        }
        let mut unknown = event.clone();
        unknown["unknownField"] = Value::from(1);
        broken.push(unknown);
        for event in broken {
            let by_schema = schema.is_valid(&event);
            let by_function = (contract.accepts)(event.clone()).is_ok();
            assert_eq!(
                by_schema, by_function,
                "{}: schema {by_schema}, function {by_function}: {event}",
                contract.name
            );
        }
    }
}

#[test]
fn every_sample_of_a_vending_pipeline_is_understood() {
    for file in list("events/vending").unwrap() {
        let event = sample(&format!("events/vending/{file}"));
        let readings = vending::read(&event);
        let [reading] = readings.as_slice() else { panic!("{file}: {readings:?}") };
        match reading {
            Reading::Of(Vending::Failed { .. }) => assert!(file.contains("fail"), "{file}: {reading:?}"),
            Reading::Of(Vending::Succeeded(vended)) => {
                assert!(!file.contains("fail"), "{file}: {reading:?}");
                assert_eq!(vended.account_id.as_ref(), "444455556666", "{file}");
            }
            Reading::Unknown(why) => panic!("{file}: {why}"),
        }
    }
}

#[test]
fn every_change_that_is_reacted_to_has_a_sample_that_is_understood() {
    let samples: BTreeSet<String> = list("events/changes").unwrap().into_iter().collect();
    let mut reacted_to = BTreeSet::from(["secretsmanager-secret-label-updated.json".to_owned()]);
    reacted_to.extend(change::KEY_EVENTS.iter().map(|kind| format!("{}.json", kind.to_lowercase().replace(' ', "-"))));
    reacted_to.extend(change::KEY_CALLS.iter().map(|name| format!("kms-{}.json", kebab(name))));
    reacted_to.extend(change::ROLE_CALLS.iter().map(|name| format!("iam-{}.json", kebab(name))));
    assert_eq!(samples, reacted_to);
    for file in samples {
        let event = sample(&format!("events/changes/{file}"));
        let Reading::Of(changed) = change::read(&event) else { panic!("{file}: {:?}", change::read(&event)) };
        assert!(!changed.id.is_empty() && changed.at.is_some(), "{file}: {changed:?}");
    }
}

/// Every event that the rules of a template let through to one place, by source and name.
fn matched(rules: &Value, names: &[&str]) -> BTreeSet<String> {
    let mut matched = BTreeSet::new();
    for name in names {
        let pattern = &rules[*name]["Properties"]["EventPattern"];
        let alternatives = match pattern["$or"].as_array() {
            Some(alternatives) => alternatives.clone(),
            None => vec![pattern.clone()],
        };
        for one in alternatives {
            let source = one["source"][0].as_str().unwrap_or("any");
            let kinds = one["detail"]["eventName"].as_array().or_else(|| one["detail-type"].as_array());
            matched.extend(kinds.unwrap().iter().map(|kind| format!("{source} {}", kind.as_str().unwrap())));
        }
    }
    matched
}

#[test]
fn the_rules_let_through_what_the_functions_react_to_and_nothing_else() {
    let of =
        |source: &str, names: &[&str]| names.iter().map(|name| format!("{source} {name}")).collect::<BTreeSet<_>>();
    let control_tower = of("aws.controltower", &["CreateManagedAccount", "UpdateManagedAccount", "EnableBaseline"]);
    let organizations = of("aws.organizations", &["AccountJoinedOrganization", "CreateAccountResult", "MoveAccount"]);
    let custom = of("any", &[vending::CUSTOM]);
    let keys = &of("aws.kms", change::KEY_EVENTS) | &of("aws.kms", change::KEY_CALLS);
    let roles = of("aws.iam", change::ROLE_CALLS);
    let secrets = of("aws.secretsmanager", &["Secret Label Updated"]);
    let vending = &(&control_tower | &organizations) | &custom;
    let changes = &(&keys | &roles) | &secrets;

    // What may remove the reason for which something is owed.
    let policies = of("aws.organizations", &["DeletePolicy", "DetachPolicy", "UpdatePolicy"]);
    let deployed = of("aws.cloudformation", &["CloudFormation Stack Status Change"]);
    let usable = of("aws.kms", &["CancelKeyDeletion", "EnableKey"]);

    let hub = &template::load().unwrap()["Resources"];
    assert_eq!(matched(hub, &["ReasonGoneRule"]), &(&policies | &deployed) | &usable);
    assert_eq!(matched(hub, &["VendedRule", "VendedByOthersRule"]), vending);
    assert_eq!(
        matched(hub, &["KeyEventRule", "KeyCallRule", "KeyPolicyCallRule", "RoleCallRule", "SecretRule"]),
        changes
    );
    assert_eq!(matched(hub, &["ForwardRule"]), &(&vending | &changes) | &policies);
    let management = &template::load_file("infra/management.yaml").unwrap()["Resources"];
    assert_eq!(matched(management, &["ControlTowerRule"]), control_tower);
    assert_eq!(matched(management, &["OrganizationsRule"]), organizations);
    assert_eq!(matched(management, &["PoliciesRule"]), policies);
    let spoke = &template::load_file("infra/spoke.yaml").unwrap()["Resources"];
    assert_eq!(matched(spoke, &["ReadyRule"]), deployed);
    assert_eq!(matched(spoke, &["KeyRule"]), keys);
    assert_eq!(matched(spoke, &["RoleRule"]), roles);
}

#[test]
fn what_cannot_be_delivered_or_handled_is_kept_wherever_it_happens() {
    for file in ["template", "spoke", "management"] {
        let resources = template::load_file(&format!("infra/{file}.yaml")).unwrap()["Resources"].clone();
        let of_type = |kind: &str| {
            let of_type = resources.as_object().unwrap().iter().filter(|(_, resource)| resource["Type"] == kind);
            of_type.map(|(name, resource)| (name.clone(), resource["Properties"].clone())).collect::<Vec<_>>()
        };
        let queue = serde_json::json!({"Fn::GetAtt": "DeadLetters.Arn"});
        for (name, rule) in of_type("AWS::Events::Rule") {
            // A pattern may have 2,048 characters (EventBridge user guide, "Quotas").
            assert!(rule["EventPattern"].to_string().len() <= 2048, "{file}: {name}");
            for target in rule["Targets"].as_array().unwrap() {
                assert_eq!(target["DeadLetterConfig"]["Arn"], queue, "{file}: {name}");
            }
        }
        for (name, schedule) in of_type("AWS::Scheduler::Schedule") {
            assert_eq!(schedule["Target"]["DeadLetterConfig"]["Arn"], queue, "{file}: {name}");
        }
        for function in ["OnAccountVendedFunction", "OnChangeFunction"] {
            if file == "template" {
                let config = &resources[function]["Properties"]["EventInvokeConfig"];
                assert_eq!(config["DestinationConfig"]["OnFailure"]["Destination"], queue, "{function}");
            }
        }
    }
}
