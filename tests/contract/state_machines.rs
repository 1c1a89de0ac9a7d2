//! The definitions hold together, and fit the functions they call.

use std::collections::{BTreeMap, BTreeSet};

use atlas_cmk::ErrorName;
use atlas_cmk_tests::{
    asl::{self, Machine, State, error_equals, names_after, strings, successors, variables},
    contracts::{self, Contract},
    files::Files,
};
use serde_json::{Value, json};

/// Error names that are not ours: of Step Functions and of Lambda.
const FOREIGN_NAMES: [&str; 12] = [
    "States.ALL",
    "States.Timeout",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceeded",
];

/// Tasks whose failure is a result: it is reported, and the execution continues with the others.
const KEEPS_GOING: [&str; 9] = [
    "reconcile-project/Enable",
    "reconcile-project/Repair",
    "sweep/GuardKeys",
    "sweep/FindMissedAccounts",
    "sweep/RetryObligations",
    "sweep/HandInAccounts/HandIn",
    "sweep/LookAtProjects/Reconcile",
    "sweep/LookAtProjects/SummarizeProject",
    "sweep/CheckCredentials/CheckCredential",
];

fn machines() -> Vec<Machine> {
    asl::machines().unwrap()
}

fn is_task(state: &State<'_>) -> bool {
    state.definition["Type"] == "Task"
}

/// Whether a state runs another state machine.
fn is_nested(state: &State<'_>) -> bool {
    state.definition["Resource"].as_str().is_some_and(|resource| resource.contains(":states:startExecution"))
}

/// The contract of the function that a task invokes.
fn invoked(state: &State<'_>) -> Contract {
    let step = asl::invoked(state.definition).unwrap_or_else(|| panic!("{} invokes no function", state.path));
    let function = contracts::functions().iter().find(|function| function.name() == step);
    function.unwrap_or_else(|| panic!("{}: there is no function {step}", state.path)).contract.clone()
}

/// What a Catch passes on: the failure, and where it was caught, for those that no function raised.
fn caught() -> Value {
    json!({"state": "{% $states.context.State.Name %}", "failure": "{% $states.errorOutput %}"})
}

/// The catches that lead to the diagnosis without saying what failed where.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let states = files.machines.iter().flat_map(Machine::states);
    let failing = states.filter(|state| is_task(state) || state.definition["Type"] == "Map");
    let mut complaints = Vec::new();
    for state in failing {
        let goes_on = KEEPS_GOING.contains(&state.path.as_str());
        if goes_on || state.name == "Diagnose" {
            let rules = state.definition["Catch"].as_array().into_iter().flatten();
            if !rules.clone().any(|rule| error_equals(rule) == ["States.ALL"]) {
                complaints.push(format!("{}: what fails there ends the execution", state.path));
            }
            continue;
        }
        let top = state.path.matches('/').count() == 1;
        let last = state.definition["Catch"].as_array().and_then(|rules| rules.last()).cloned().unwrap_or_default();
        let mut output = last["Output"].clone();
        let item = output.as_object_mut().and_then(|fields| fields.remove("item"));
        let next = last["Next"].as_str().unwrap_or_default();
        let leads_on =
            if top { next == "Diagnose" } else { state.siblings.get(next).is_some_and(|it| it["Type"] == "Fail") };
        if error_equals(&last) != ["States.ALL"] || output != caught() || item.is_some() == top || !leads_on {
            complaints.push(format!("{}: the last Catch is {last}", state.path));
        }
    }
    complaints
}

#[test]
fn every_failure_leads_to_the_diagnosis_with_what_failed_where() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}

#[test]
fn whatever_ends_the_items_of_a_map_says_of_which_item_and_where() {
    for machine in machines() {
        let inside = |state: &&State<'_>| state.definition["Type"] == "Fail" && state.path.matches('/').count() > 1;
        for state in machine.states().iter().filter(inside) {
            let cause = state.definition["Cause"].as_str().unwrap();
            assert_eq!(
                cause, "{% $states.input.item & ': [' & $states.input.state & '] ' & $states.input.failure.Cause %}",
                "{}",
                state.path
            );
        }
    }
}

#[test]
fn a_failure_that_a_choice_raises_names_a_function_that_ran_before() {
    for machine in machines() {
        let states = machine.states();
        let functions: BTreeSet<&str> = states.iter().filter_map(|state| asl::invoked(state.definition)).collect();
        for text in strings(&machine.definition).into_iter().filter(|text| text.contains('[') && text.contains("] ")) {
            let Some(name) = text.trim_start_matches("{% '").strip_prefix('[').and_then(|rest| rest.split_once("] "))
            else {
                continue;
            };
            assert!(functions.contains(name.0), "{}: {text}", machine.name);
        }
        for choice in states.iter().flat_map(|state| state.definition["Choices"].as_array().into_iter().flatten()) {
            if let Some(name) = choice["Output"]["state"].as_str() {
                assert!(functions.contains(name), "{}: {choice}", machine.name);
            }
        }
    }
}

fn keys(schema: &Value, field: &str) -> BTreeSet<String> {
    match &schema[field] {
        Value::Object(properties) => properties.keys().cloned().collect(),
        Value::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn there_is_a_contract_for_every_state_machine_and_all_speak_jsonata() {
    let machines = machines();
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    let contracts: Vec<&str> = contracts::state_machines().iter().map(|contract| contract.name).collect();
    assert_eq!(names, contracts);
    for machine in &machines {
        assert_eq!(machine.definition["QueryLanguage"], "JSONata", "{}", machine.name);
        assert!(machine.definition["TimeoutSeconds"].is_u64(), "{} may run for a year", machine.name);
    }
}

#[test]
fn every_state_can_be_reached_and_names_only_states_that_exist() {
    for machine in machines() {
        for (path, start, states) in machine.levels() {
            let mut reached = BTreeSet::new();
            let mut open = vec![start];
            while let Some(name) = open.pop() {
                let state = states.get(name).unwrap_or_else(|| panic!("{path}: there is no state {name}"));
                if reached.insert(name) {
                    open.extend(successors(state));
                }
            }
            let all: BTreeSet<&str> = states.keys().map(String::as_str).collect();
            assert_eq!(reached, all, "{path}");
        }
    }
}

#[test]
fn no_two_states_of_a_machine_have_the_same_name_not_even_inside_of_a_map() {
    for machine in machines() {
        let mut seen = BTreeSet::new();
        for state in machine.states() {
            assert!(seen.insert(state.name), "{}: there are two of this name", state.path);
        }
    }
}

#[test]
fn what_a_task_sends_satisfies_the_input_of_its_function() {
    for machine in machines() {
        for state in machine.states().iter().filter(|state| is_task(state) && !is_nested(state)) {
            let contract = invoked(state);
            let payload = &state.definition["Arguments"]["Payload"];
            // on-account-vended takes whatever pipelines send.
            let takes_anything = contract.input.get("properties").is_none() && contract.input.get("oneOf").is_none();
            if !takes_anything {
                let why = mismatch(payload, &contract.input, &contract.input["$defs"]);
                assert_eq!(why, None, "{}", state.path);
            }
        }
    }
}

/// Why the fields that a payload lists do not satisfy a schema, as far as they are listed: what an expression gives is
/// not known here.
fn mismatch(payload: &Value, schema: &Value, definitions: &Value) -> Option<String> {
    let payload_fields = payload.as_object()?;
    if let Some(reference) = schema["$ref"].as_str() {
        return mismatch(payload, &definitions[reference.trim_start_matches("#/$defs/")], definitions);
    }
    let sent: BTreeSet<String> = payload_fields.keys().cloned().collect();
    let variants = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(variants) = variants.filter(|_| schema.get("properties").is_none()) {
        let reasons: Vec<Option<String>> = variants.iter().map(|it| mismatch(payload, it, definitions)).collect();
        return if reasons.contains(&None) { None } else { reasons.into_iter().flatten().next() };
    }
    let (taken, required) = (keys(schema, "properties"), keys(schema, "required"));
    if !sent.is_subset(&taken) || !required.is_subset(&sent) {
        return Some(format!("{:?} is not taken, {:?} is missing", &sent - &taken, &required - &sent));
    }
    payload_fields.iter().find_map(|(field, value)| mismatch(value, &schema["properties"][field], definitions))
}

#[test]
fn the_first_task_takes_the_whole_input_and_nothing_reads_it_before() {
    for machine in machines() {
        let states = &machine.definition["States"];
        let start = &states[machine.definition["StartAt"].as_str().unwrap()];
        // A choice assigns the same whatever is chosen.
        let rules = start["Choices"].as_array().into_iter().flatten();
        for rule in rules.chain([start]) {
            assert_eq!(rule["Assign"], start["Assign"], "{}", machine.name);
        }
        assert_eq!(start["Assign"]["request"], "{% $states.input %}", "{}", machine.name);
        let read = start["Assign"].as_object().unwrap().values().flat_map(strings);
        assert!(!read.into_iter().any(|text| text.contains("$states.input.")), "{}", machine.name);
        let next = start["Next"].as_str().or_else(|| start["Default"].as_str());
        let mut entry = &states[next.unwrap()];
        if entry["Type"] == "Wait" {
            assert!(entry["Seconds"].is_u64(), "{}", machine.name);
            entry = &states[entry["Next"].as_str().unwrap()];
        }
        assert_eq!(entry["Arguments"]["Payload"]["request"], "{% $request %}", "{}", machine.name);
    }
}

#[test]
fn what_is_read_from_the_result_of_a_task_exists_in_the_output_of_its_function() {
    for machine in machines() {
        for state in machine.states().iter().filter(|state| is_task(state) && !is_nested(state)) {
            let contract = invoked(state);
            let (given, certain) = (keys(&contract.output, "properties"), keys(&contract.output, "required"));
            let output_is_the_payload = state.definition["Output"] == "{% $states.result.Payload %}";
            let own = [&state.definition["Assign"], &state.definition["Output"]].into_iter().flat_map(strings);
            for name in own.flat_map(|text| names_after(text, "$states.result.Payload.")) {
                assert!(certain.contains(name), "{}: reads {name}, certain is {certain:?}", state.path);
            }
            if !output_is_the_payload {
                continue;
            }
            // The payload goes on as the input of the following states, until one replaces it.
            for (reader, text) in readers(state) {
                for name in names_after(text, "$states.input.") {
                    let is_of_a_catch = ["failure", "state", "item", "failed"].contains(&name);
                    assert!(
                        given.contains(name) || is_of_a_catch,
                        "{}: {reader} reads {name} of {given:?}",
                        state.path
                    );
                }
            }
        }
    }
}

/// The expressions of the states behind `state` that see its output as their input.
fn readers<'a>(state: &State<'a>) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = state.definition["Next"].as_str().into_iter().collect();
    while let Some(name) = open.pop() {
        let Some((name, next)) = state.siblings.get_key_value(name) else { continue };
        if !seen.insert(name) {
            continue;
        }
        // What is inside a Map has the input that the Map selects for it.
        let own = next.as_object().into_iter().flatten().filter(|(field, _)| *field != "ItemProcessor");
        found.extend(own.flat_map(|(_, value)| strings(value)).map(|text| (name.as_str(), text)));
        // A choice with an output of its own puts that in the place of the payload.
        let passes_on = |rule: &&Value| rule.get("Output").is_none();
        match next["Type"].as_str() {
            Some("Choice") => {
                let rules = next["Choices"].as_array().into_iter().flatten().filter(passes_on);
                open.extend(rules.filter_map(|rule| rule["Next"].as_str()).chain(next["Default"].as_str()));
            }
            Some("Wait") => open.extend(successors(next)),
            _ => {}
        }
    }
    found
}

#[test]
fn every_last_state_answers_with_an_output_of_the_state_machine() {
    for machine in machines() {
        let contract = contracts::state_machines().into_iter().find(|it| it.name == machine.name).unwrap();
        // Of several outputs, the mode says which it is.
        let no_variants = Vec::new();
        let variants = contract.output["oneOf"].as_array().unwrap_or(&no_variants);
        let definitions = &contract.output["$defs"];
        let mut modes = BTreeSet::new();
        // The last states of the machine itself: those of a Map answer to the Map.
        let top = machine.definition["States"].as_object().unwrap();
        for (name, state) in top.iter().filter(|(_, state)| state["End"] == true) {
            let expected = match state["Output"]["mode"].as_str() {
                None => keys(&contract.output, "properties"),
                Some(mode) => {
                    modes.insert(mode);
                    let variant = variants.iter().find(|it| it["properties"]["mode"]["const"] == mode).unwrap();
                    let reference = variant["$ref"].as_str().unwrap().trim_start_matches("#/$defs/");
                    &keys(&definitions[reference], "properties") | &BTreeSet::from(["mode".to_owned()])
                }
            };
            let answered: BTreeSet<String> = state["Output"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(answered, expected, "{}/{name}", machine.name);
        }
        assert_eq!(modes.len(), variants.len(), "{}: {modes:?}", machine.name);
    }
}

#[test]
fn no_variable_is_assigned_inside_of_a_map_that_is_one_around_it() {
    // Step Functions refuses such a definition (developer guide, "Passing data between states with variables").
    for machine in machines() {
        for state in machine.states().iter().filter(|state| state.definition.get("ItemProcessor").is_some()) {
            let around = assigned(&state.siblings.values().cloned().collect::<Vec<_>>());
            let inside = state.definition["ItemProcessor"]["States"].as_object().unwrap().values().cloned();
            let both = &around & &assigned(&inside.collect::<Vec<_>>());
            assert!(both.is_empty(), "{}: {both:?}", state.path);
        }
    }
}

/// The variables that states assign, in their catches too.
fn assigned(states: &[Value]) -> BTreeSet<String> {
    let rules = states.iter().flat_map(|state| state["Catch"].as_array().into_iter().flatten());
    let all = states.iter().chain(rules).filter_map(|it| it["Assign"].as_object());
    all.flat_map(|variables| variables.keys().cloned()).collect()
}

#[test]
fn every_variable_is_assigned_before_it_is_read() {
    for machine in machines() {
        check_variables(&machine.name, &machine.definition, &BTreeSet::new());
    }
}

/// Checks a level, and the levels inside of it, which see the variables around them.
fn check_variables(path: &str, level: &Value, outer: &BTreeSet<&str>) {
    let states = level["States"].as_object().unwrap();
    let start = level["StartAt"].as_str().unwrap();
    // The variables that are assigned on every way to a state: start with none known, and intersect until nothing
    // moves.
    let mut known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::from([(start, outer.clone())]);
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        let state = &states[name];
        let before = known[name].clone();
        let assigned: BTreeSet<&str> =
            state["Assign"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let catches = || state["Catch"].as_array().into_iter().flatten();
        for next in successors(state) {
            // A catch assigns what it says, and nothing of what the state would have.
            let of_catch = catches().find(|rule| rule["Next"] == next).map(|rule| {
                rule["Assign"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect::<BTreeSet<_>>()
            });
            let after_catch = of_catch.map(|of_catch| &before | &of_catch);
            let after = if state["Next"] == next {
                let after = &before | &assigned;
                after_catch.map_or(after.clone(), |caught| &after & &caught)
            } else {
                after_catch.unwrap_or_else(|| &before | &assigned)
            };
            let merged = known.get(next).map_or_else(|| after.clone(), |old| old & &after);
            if known.get(next) != Some(&merged) {
                known.insert(next, merged);
                open.push(next);
            }
        }
    }
    for (name, state) in states {
        let here = &known[name.as_str()];
        let own = state.as_object().into_iter().flatten().filter(|(field, _)| *field != "ItemProcessor");
        for variable in own.flat_map(|(_, value)| strings(value)).flat_map(variables) {
            assert!(here.contains(variable), "{path}/{name} reads ${variable} too early");
        }
        if let Some(inner) = state.get("ItemProcessor") {
            // Executions of their own see nothing of this one but what is selected for them.
            let is_distributed = inner["ProcessorConfig"]["Mode"] == "DISTRIBUTED";
            let outer = if is_distributed { &BTreeSet::new() } else { here };
            check_variables(&format!("{path}/{name}"), inner, outer);
        }
    }
}

#[test]
fn every_error_name_that_is_retried_caught_or_raised_is_a_real_one() {
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for machine in machines() {
        for state in machine.states() {
            let rules = ["Retry", "Catch"]
                .into_iter()
                .flat_map(|field| state.definition[field].as_array().into_iter().flatten());
            for name in rules.flat_map(error_equals) {
                assert!(ours.contains(name) || FOREIGN_NAMES.contains(&name), "{}: {name}", state.path);
            }
            if let Some(name) = state.definition["Error"].as_str().filter(|name| !name.starts_with("{%")) {
                assert!(ours.contains(name), "{}: {name}", state.path);
            }
        }
    }
}

#[test]
fn every_task_has_a_time_out_and_a_catch_for_everything_that_leads_to_the_diagnosis() {
    for machine in machines() {
        for state in machine.states() {
            let catches = state.definition["Catch"].as_array();
            if is_task(&state) {
                // For how long an answer is waited for, the input says.
                let asks = state.definition["Resource"].as_str().unwrap().ends_with(".waitForTaskToken");
                let timeout = &state.definition["TimeoutSeconds"];
                assert!(timeout.is_u64() || (asks && timeout.is_string()), "{} has no time-out", state.path);
            }
            if is_task(&state) || state.definition["Type"] == "Map" {
                let last =
                    catches.and_then(|rules| rules.last()).unwrap_or_else(|| panic!("{} has no Catch", state.path));
                assert_eq!(error_equals(last), ["States.ALL"], "{}", state.path);
                let next = last["Next"].as_str().unwrap();
                // What is inside a Map fails, and the Map catches that; what fails to be diagnosed fails as it is.
                let top = state.path.matches('/').count() == 1;
                if KEEPS_GOING.contains(&state.path.as_str()) {
                    assert_ne!(state.siblings[next]["Type"], "Fail", "{}", state.path);
                } else if top && state.name != "Diagnose" {
                    assert_eq!(next, "Diagnose", "{}", state.path);
                } else {
                    assert_eq!(state.siblings[next]["Type"], "Fail", "{}", state.path);
                }
            }
        }
    }
}

#[test]
fn every_loop_counts_down_and_ends_at_zero() {
    for machine in machines() {
        for (path, _, states) in machine.levels() {
            for name in states.keys() {
                let Some(cycle) = cycle_through(states, name) else { continue };
                let counters: Vec<&str> = cycle
                    .iter()
                    .flat_map(|name| states[*name]["Assign"].as_object().into_iter().flatten())
                    .filter(|(variable, value)| value.as_str() == Some(&format!("{{% ${variable} - 1 %}}")))
                    .map(|(variable, _)| variable.as_str())
                    .collect();
                let ends = |variable: &str| {
                    cycle.iter().flat_map(|name| states[*name]["Choices"].as_array().into_iter().flatten()).any(
                        |choice| {
                            let condition = choice["Condition"].as_str().unwrap_or_default();
                            let is_zero = format!("{{% ${variable} <= 0 ");
                            condition.starts_with(&is_zero)
                                && !condition.contains(" and ")
                                && !cycle.contains(&choice["Next"].as_str().unwrap())
                        },
                    )
                };
                assert!(counters.iter().any(|variable| ends(variable)), "{path}: the loop {cycle:?} is not bounded");
            }
        }
    }
}

#[test]
fn every_failure_names_its_state_or_its_step() {
    let is_step = |name: &str| contracts::functions().iter().any(|function| function.name() == name);
    for machine in machines() {
        for state in machine.states() {
            for failure in failures(state.definition) {
                let known = failure.keys().all(|key| ["state", "failure", "findings", "item"].contains(&key.as_str()));
                assert!(known, "{}: diagnose knows no other fields than these: {failure:?}", state.path);
                let cause = failure["failure"]["Cause"].as_str().unwrap_or_default();
                let marked = cause.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
                let named = failure.contains_key("state") || marked.is_some_and(|(step, _)| is_step(step));
                assert!(named, "{}: {failure:?}", state.path);
            }
        }
    }
}

/// What a state passes on as a failure.
fn failures(state: &Value) -> Vec<&serde_json::Map<String, Value>> {
    match state {
        // The states inside of a Map are looked at by themselves.
        Value::Object(object) if object.contains_key("failure") => vec![object],
        Value::Object(object) => {
            let outer = object.iter().filter(|(name, _)| *name != "ItemProcessor");
            outer.flat_map(|(_, value)| failures(value)).collect()
        }
        Value::Array(list) => list.iter().flat_map(failures).collect(),
        _ => Vec::new(),
    }
}

/// A way from a state back to itself, if there is one.
fn cycle_through<'a>(states: &'a serde_json::Map<String, Value>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut open = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop() {
        for next in successors(&states[*way.last()?]) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                open.push(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}
