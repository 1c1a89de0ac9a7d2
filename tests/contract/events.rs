//! The sample events are what they are samples of.

use std::collections::BTreeSet;

use atlas_cmk_tests::{list, read, steps};
use serde_json::Value;

fn sample(path: &str) -> Value {
    serde_json::from_str(&read(path).unwrap()).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn assert_accepted(contract: &steps::Contract, path: &str) {
    let event = sample(path);
    let schema = jsonschema::validator_for(&contract.input).unwrap();
    let complaints: Vec<String> = schema.iter_errors(&event).map(|error| error.to_string()).collect();
    assert!(complaints.is_empty(), "{path} does not satisfy its schema: {complaints:?}");
    (contract.accepts)(event).unwrap_or_else(|error| panic!("{path}: {error}"));
}

#[test]
fn every_function_has_a_sample_event_that_it_and_its_schema_accept() {
    for contract in steps::functions() {
        assert_accepted(&contract, &format!("events/steps/{}.json", contract.name));
    }
    let mut names: Vec<String> = steps::functions().iter().map(|contract| format!("{}.json", contract.name)).collect();
    names.sort();
    assert_eq!(list("events/steps").unwrap(), names, "a sample of a function that does not exist");
}

#[test]
fn the_samples_of_manual_executions_are_accepted_by_the_state_machine_and_its_schema() {
    let samples: Vec<String> = list("events").unwrap().into_iter().filter(|name| name != "steps").collect();
    let mut sampled = BTreeSet::new();
    for name in samples {
        let path = format!("events/{name}");
        // The schema that a sample names is what editors go by to complete and to check it.
        let sample = sample(&path);
        let schema = sample["$schema"].as_str().unwrap_or_else(|| panic!("{path} names no schema"));
        let machine = schema.trim_start_matches("../infra/schemas/").trim_end_matches(".input.json");
        let contracts = steps::state_machines();
        let contract = contracts.iter().find(|contract| contract.name == machine).unwrap_or_else(|| panic!("{path}"));
        assert_accepted(contract, &path);
        sampled.insert(contract.name);
    }
    let machines: BTreeSet<&str> = steps::state_machines().iter().map(|contract| contract.name).collect();
    assert_eq!(sampled, machines, "a state machine without a sample");
}

#[test]
fn schema_and_function_refuse_the_same_inputs() {
    for contract in steps::functions() {
        let event = sample(&format!("events/steps/{}.json", contract.name));
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
