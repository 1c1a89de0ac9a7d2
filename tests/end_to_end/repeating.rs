//! Every state can be repeated: it is followed by itself, and the second time changes nothing.

use std::collections::BTreeSet;

use atlas_cmk_local::execution::{self, AGAIN, Happening, Run, What};
use serde_json::{Value, json};

use crate::{
    accessing,
    world::{World, states_of},
};

/// What was seen of the states that repeat another.
#[derive(Default)]
struct Repeated {
    now: String,
    states: BTreeSet<String>,
    changes: Vec<String>,
}

impl Repeated {
    fn watch(&mut self, happenings: &[Happening]) {
        for happening in happenings {
            match &happening.what {
                What::Entered(state) => {
                    self.now.clone_from(&state.name);
                    self.states.extend(self.now.strip_suffix(AGAIN).map(str::to_owned));
                }
                What::Succeeded(answer) if self.now.ends_with(AGAIN) => {
                    let changes = answer["changes"].as_array().into_iter().flatten();
                    self.changes.extend(changes.map(|change| format!("{}: {change}", self.now)));
                }
                _ => {}
            }
        }
    }
}

/// Runs a state machine with every state repeated, and asserts that no second one changed anything. Returns the run and
/// the states that were repeated.
async fn run(world: &World, machine: &str, input: &Value) -> (Run, BTreeSet<String>) {
    // A question is asked twice only if the state machine asks twice, and every failure ends it.
    let repeats = |name: &str| !["Diagnose", "RequestApproval"].contains(&name);
    let repeating = execution::define_repeating(&world.cloud, machine, repeats).await.unwrap();
    let mut repeated = Repeated::default();
    let run = execution::run_machine(&world.cloud, &repeating, input, |seen| repeated.watch(seen)).await.unwrap();
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert_eq!(repeated.changes, Vec::<String>::new(), "of {machine}");
    (run, repeated.states)
}

fn all(machine: &str, but: &[&str]) -> BTreeSet<String> {
    states_of(machine, but).into_iter().collect()
}

#[tokio::test]
async fn every_state_of_enabling_and_of_taking_down() {
    let world = World::with_nothing_in_one_account().await;
    let mut input = world.bare_input();
    input["account"] = Value::Null;
    let (enabled, mut states) = run(&world, "EnableEncryptionArn", &input).await;
    let project = enabled.output.unwrap()["projectId"].as_str().unwrap().to_owned();
    let cluster = json!({"name": "orders", "instanceSize": "M10", "regions": ["US_EAST_1"]});
    world.cloud.simulator.add_cluster(&project, cluster).await.unwrap();
    states.extend(run(&world, "EnableEncryptionArn", &input).await.1);
    assert_eq!(states, all("enable-encryption", &["Diagnose", "RequestApproval"]));

    world.approve_everything_of(&project, true).await;
    let removal = json!({"projectId": project, "scope": "role"});
    let (disabled, states) = run(&world, "DisableEncryptionArn", &removal).await;
    assert_eq!(disabled.output.unwrap()["kept"], json!([]));
    assert_eq!(states, all("disable-encryption", &["Diagnose", "RequestApproval"]));
}

#[tokio::test]
async fn every_state_of_a_cross_account_access() {
    let world = World::with_two_accounts().await;
    accessing::two_roles(&world).await;
    let before = accessing::both(&world).await;
    let mut input = accessing::input(&world);
    input["buckets"] = json!([{"name": "atc-data", "access": ["list", "read", "write"]}]);
    let mut states = run(&world, "CrossAccountAccessArn", &input).await.1;
    input["mode"] = json!("remove");
    states.extend(run(&world, "CrossAccountAccessArn", &input).await.1);
    assert_eq!(states, all("cross-account-access", &["Diagnose"]));
    assert_eq!(accessing::both(&world).await, before);
}
