//! Which steps a state machine consists of: the functions that its states invoke, as its definition names them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// The steps of each state on the top level of a state machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition(BTreeMap<String, Vec<String>>);

impl Definition {
    /// Reads a definition whose functions belong to this stack: the name of each begins with the stack's.
    pub(super) fn parse(text: &str, stack: &str) -> Result<Self> {
        let definition: Value = serde_json::from_str(text).context("the definition of the state machine is no JSON")?;
        let states = definition["States"].as_object().into_iter().flatten();
        let prefix = format!("{stack}-");
        Ok(Self(states.map(|(name, state)| (name.clone(), steps(state, &prefix))).collect()))
    }

    /// The steps of a state: one of a task, all that a Map or Parallel has inside, none of any other state.
    pub(super) fn steps(&self, state: &str) -> &[String] {
        self.0.get(state).map(Vec::as_slice).unwrap_or_default()
    }
}

fn steps(state: &Value, prefix: &str) -> Vec<String> {
    let own = state["Arguments"]["FunctionName"].as_str().map(|function| step(function, prefix));
    let branches = state["Branches"].as_array().into_iter().flatten().chain([&state["ItemProcessor"]]);
    let inner = branches.filter_map(|branch| branch["States"].as_object()).flat_map(|states| states.values());
    let mut all: Vec<String> = own.into_iter().chain(inner.flat_map(|state| steps(state, prefix))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The step that a function is, from its name or its ARN.
fn step(function: &str, prefix: &str) -> String {
    let name = function.split_once(":function:").map_or(function, |(_, name)| name);
    let name = name.split(':').next().unwrap_or(name);
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_steps_of_a_state_are_the_functions_that_it_and_all_inside_it_invoke() {
        let task = |name: &str| {
            let function = format!("arn:aws:lambda:us-east-1:444455556666:function:atlas-cmk-{name}");
            json!({"Type": "Task", "Arguments": {"FunctionName": function}})
        };
        let inner = json!({"States": {"Look": task("check-cluster"), "Act": task("set-cluster-encryption"),
            "Again": task("check-cluster")}});
        let definition = json!({"States": {
            "Preflight": task("preflight"),
            "Clusters": {"Type": "Map", "ItemProcessor": inner},
            "Both": {"Type": "Parallel", "Branches": [inner, {"States": {"One": task("verify:live")}}]},
            "Ready": {"Type": "Choice"},
            "Nested": {"Type": "Task", "Arguments": {"StateMachineArn": "arn"}},
        }});
        let definition = Definition::parse(&definition.to_string(), "atlas-cmk").unwrap();
        for (state, steps) in [
            ("Preflight", vec!["preflight"]),
            ("Clusters", vec!["check-cluster", "set-cluster-encryption"]),
            ("Both", vec!["check-cluster", "set-cluster-encryption", "verify"]),
            ("Ready", vec![]),
            ("Nested", vec![]),
            ("Unknown", vec![]),
        ] {
            assert_eq!(definition.steps(state), steps, "{state}");
        }
    }
}
