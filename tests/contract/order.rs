//! The order of enabling and of disabling is written once: the state machines follow it. The planners do so by
//! construction.

use std::collections::{BTreeMap, BTreeSet};

use atlas_cmk_tests::{
    asl::{self, Machine, successors},
    files::{Files, Order},
};
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

/// The steps that an enablement or a take-down may leave out, because nothing is asked for or everything is there.
const LEFT_OUT: [&str; 14] = [
    "ensure-project",
    "ensure-key",
    "replicate-key",
    "allow-key-use",
    "create-endpoint",
    "check-endpoints",
    "check-cluster",
    "set-cluster-encryption",
    "request-approval",
    "delete-endpoint",
    "update-encryption",
    "deauthorize-role",
    "remove-key-use",
    "remove-trust",
];

/// Where a machine goes back: to look again, to create again what is missing, or to the next item of a Map.
const BACK: [(&str, &str); 13] = [
    // Who had to wait reads again what was there before.
    ("take-turn", "take-turn"),
    ("take-turn", "preflight"),
    ("take-turn", "plan-disable"),
    // Atlas may create an endpoint again meanwhile.
    ("update-encryption", "check-endpoints"),
    ("check-endpoints", "create-endpoint"),
    ("check-endpoints", "check-endpoints"),
    ("verify", "check-endpoints"),
    ("replicate-key", "replicate-key"),
    ("allow-key-use", "allow-key-use"),
    ("create-endpoint", "create-endpoint"),
    ("delete-endpoint", "delete-endpoint"),
    ("remove-key-use", "remove-key-use"),
    ("check-cluster", "check-cluster"),
];

/// Where a state machine does not follow its order: a step that does not come after the one before it, one that is
/// skipped or returned to and should not be, and one that is missing or not in the list.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let of = |order: &Order| files.machines.iter().find(|machine| machine.name == order.machine).unwrap();
    files.orders.iter().flat_map(|order| check_machine(of(order), &order.steps, &order.others)).collect()
}

fn check_machine(machine: &Machine, order: &[&str], others: &[&str]) -> Vec<String> {
    let graph = Graph::of(machine);
    let mut complaints = Vec::new();
    for pair in order.windows(2) {
        let states = graph.functions.iter().filter(|(_, step)| *step == pair[0]);
        let follows = states.map(|(state, _)| state).any(|state| graph.next_functions(state).contains(pair[1]));
        if !follows {
            complaints.push(format!("{}: {} does not follow {}", machine.name, pair[1], pair[0]));
        }
    }
    let is_other = |step: &&str| others.contains(step);
    for (state, step) in graph.functions.iter().filter(|(_, step)| !is_other(&step.as_str())) {
        for next in graph.next_functions(state).into_iter().filter(|next| !is_other(next)) {
            if !may_follow(order, step, next) {
                complaints.push(format!("{}/{state}: {next} may not follow {step}", machine.name));
            }
        }
    }
    let invoked: BTreeSet<&str> = graph.functions.values().map(String::as_str).filter(|step| !is_other(step)).collect();
    let listed: BTreeSet<&str> = order.iter().copied().collect();
    if invoked != listed {
        complaints.push(format!("{} invokes {invoked:?}, and the order has {listed:?}", machine.name));
    }
    complaints
}

fn may_follow(order: &[&str], step: &str, next: &str) -> bool {
    let places = |name: &str| (0..order.len()).filter(|place| order[*place] == name).collect::<Vec<_>>();
    let skips = |here: usize, there: usize| order[here + 1..there].iter().all(|it| LEFT_OUT.contains(it));
    let forwards =
        places(step).into_iter().any(|here| places(next).into_iter().any(|there| there > here && skips(here, there)));
    forwards || BACK.contains(&(step, next))
}

#[test]
fn the_state_machines_follow_the_order() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}
