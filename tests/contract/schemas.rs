//! The schemas in infra/schemas are those of the Rust types. Only those that people, editors and pipelines use are
//! committed.

use atlas_cmk_tests::{
    contracts::{self, Contract},
    list, read, root,
};

/// The functions that are invoked directly, and not by a state machine only: they have a sample to send by hand.
fn invoked_directly() -> Vec<String> {
    list("events/steps").unwrap().iter().map(|file| file.trim_end_matches(".json").to_owned()).collect()
}

fn functions() -> impl Iterator<Item = Contract> {
    contracts::functions().iter().map(|function| function.contract.clone())
}

/// Every function and state machine.
fn all() -> impl Iterator<Item = Contract> {
    functions().chain(contracts::state_machines())
}

/// `BLESS=1 cargo test -p atlas-cmk-tests --test contract` writes the files instead of comparing them.
#[test]
fn the_committed_schemas_are_those_of_the_rust_types() {
    let invoked = invoked_directly();
    let functions = functions().filter(|contract| invoked.iter().any(|name| name == contract.name));
    let mut expected = Vec::new();
    for contract in functions.chain(contracts::state_machines()) {
        for (side, schema) in [("input", contract.input), ("output", contract.output)] {
            let file = format!("{}.{side}.json", contract.name);
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(root().join("infra/schemas").join(&file), &text).unwrap();
            }
            let committed = read(&format!("infra/schemas/{file}")).unwrap();
            assert_eq!(committed, text, "infra/schemas/{file} is stale: run with BLESS=1 and look at the difference");
            expected.push(file);
        }
    }
    expected.sort();
    assert_eq!(list("infra/schemas").unwrap(), expected, "a schema of something that does not exist");
}

#[test]
fn every_schema_is_a_valid_schema() {
    for contract in all() {
        assert!(jsonschema::meta::is_valid(&contract.input), "input of {}", contract.name);
        assert!(jsonschema::meta::is_valid(&contract.output), "output of {}", contract.name);
    }
}

#[test]
fn every_field_of_every_input_is_described() {
    for contract in all() {
        // An event of another service is taken as it is.
        let properties = contract.input["properties"].as_object();
        assert!(properties.is_some() || contract.input["description"].is_string(), "{} takes what?", contract.name);
        for (field, schema) in properties.into_iter().flatten() {
            assert!(schema.get("description").is_some(), "{}: {field} has no description", contract.name);
        }
    }
}
