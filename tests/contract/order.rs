//! The order of enabling and of disabling is written once: the state machines follow it. The planners do so by
//! construction.

use std::collections::{BTreeMap, BTreeSet};

use atlas_cmk::steps::order::{DISABLING, ENABLING};
use atlas_cmk_tests::asl::{self, Machine, successors};
use serde_json::Value;

/// Which states follow one another, those inside of Maps included: into a Map at its start, and out of it where its
/// items end.
#[derive(Default)]
struct Graph {
    following: BTreeMap<String, Vec<String>>,
    functions: BTreeMap<String, String>,
}

impl Graph {
    fn of(machine: &Machine) -> Self {
        let mut graph = Self::default();
        graph.add(&machine.definition, &[]);
        graph
    }

    /// Adds a level. `after` is what follows its last states.
    fn add(&mut self, level: &Value, after: &[String]) {
        for (name, state) in level["States"].as_object().unwrap() {
            let mut next: Vec<String> = successors(state).into_iter().map(str::to_owned).collect();
            if state["End"] == true {
                next.extend(after.iter().cloned());
            }
            if let Some(inner) = state.get("ItemProcessor") {
                self.add(inner, &next);
                next = vec![inner["StartAt"].as_str().unwrap().to_owned()];
            }
            if let Some(step) = asl::invoked(state) {
                self.functions.insert(name.clone(), step.to_owned());
            }
            self.following.insert(name.clone(), next);
        }
    }

    /// The functions that can be the next one after a state.
    fn next_functions(&self, name: &str) -> BTreeSet<&str> {
        let (mut open, mut seen, mut found) = (self.following[name].clone(), BTreeSet::new(), BTreeSet::new());
        while let Some(name) = open.pop() {
            match self.functions.get(&name) {
                Some(step) => drop(found.insert(step.as_str())),
                None if seen.insert(name.clone()) => open.extend(self.following[&name].iter().cloned()),
                None => {}
            }
        }
        found
    }
}

#[test]
fn the_state_machines_follow_the_order() {
    let machines = asl::machines().unwrap();
    for (name, order) in [("enable-encryption", ENABLING.as_slice()), ("disable-encryption", DISABLING.as_slice())] {
        let graph = Graph::of(machines.iter().find(|machine| machine.name == name).unwrap());
        for pair in order.windows(2) {
            let states = graph.functions.iter().filter(|(_, step)| *step == pair[0]);
            let follows = states.map(|(state, _)| state).any(|state| graph.next_functions(state).contains(pair[1]));
            assert!(follows, "{name}: {} does not follow {}", pair[1], pair[0]);
        }
        let invoked: BTreeSet<&str> = graph.functions.values().map(String::as_str).collect();
        // They answer, and change nothing.
        let expected: BTreeSet<&str> = order.iter().copied().chain(["diagnose"]).collect();
        let expected = if name == "enable-encryption" { &expected | &BTreeSet::from(["plan"]) } else { expected };
        assert_eq!(invoked, expected, "{name}");
    }
}
