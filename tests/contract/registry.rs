//! The registry: who writes what is said by the roles of functions, and by the policy of the table once more.

use std::collections::BTreeSet;

use atlas_cmk::steps::watch::take_turn::LONGEST_LEASE_SECONDS;
use atlas_cmk_tests::{contracts, files::Files, template};
use serde_json::Value;

const WRITES: [&str; 4] = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];

/// The statements about the registry, each with the name of the role of its function.
fn statements(files: &Files) -> Vec<(String, Value)> {
    let functions = contracts::functions();
    let of = |name: &str| {
        let camel: String = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let role = &files.template["Resources"][format!("{camel}Role")];
        template::policies(&files.template, role).iter().flat_map(template::statements).collect::<Vec<_>>()
    };
    let all = functions.iter().flat_map(|it| of(it.name()).into_iter().map(|one| (it.name().to_owned(), one)));
    all.filter(|(_, it)| template::texts(&it["Action"]).iter().any(|action| action.starts_with("dynamodb:"))).collect()
}

fn writers(files: &Files) -> BTreeSet<String> {
    let writes = |it: &Value| template::texts(&it["Action"]).iter().any(|action| WRITES.contains(action));
    statements(files).into_iter().filter(|(_, it)| writes(it)).map(|(name, _)| name).collect()
}

#[test]
fn the_policy_of_the_table_lets_the_functions_write_that_need_it_and_nobody_else() {
    let files = Files::read().unwrap();
    let policy = &files.template["Resources"]["Registry"]["Properties"]["ResourcePolicy"];
    let [deny] = template::statements(policy).try_into().unwrap();
    assert_eq!((&deny["Effect"], &deny["Principal"]), (&Value::from("Deny"), &Value::from("*")));
    let denied = template::texts(&deny["Action"]);
    assert!(WRITES.iter().all(|action| denied.contains(action)), "{denied:?}");
    for by_statement in ["dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"] {
        assert!(denied.contains(&by_statement), "{denied:?}");
    }
    let excepted = &deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]["Fn::Split"][1]["Fn::Sub"];
    let role =
        "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/stacks/${AWS::StackName}/${AWS::StackName}-${AWS::Region}";
    assert_eq!(excepted[1]["Role"]["Fn::Sub"], role);
    let names = excepted[0].as_str().unwrap().split(' ');
    let names = names.map(|name| name.strip_prefix("${Role}-").unwrap().to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), writers(&files));
}

#[test]
fn every_right_on_the_registry_is_to_items_of_named_partitions() {
    let files = Files::read().unwrap();
    let found = statements(&files);
    assert!(found.len() > 10, "there is something to look at");
    for (name, statement) in found {
        let condition = &statement["Condition"];
        let keys = template::texts(&condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
        assert!(!keys.is_empty() && keys.iter().all(|key| !key.starts_with('*')), "{name}: {statement}");
        assert_eq!(condition["Null"]["dynamodb:LeadingKeys"], "false", "{name}: a request without keys passes");
        let actions = template::texts(&statement["Action"]);
        let whole = |action: &&&str| action.contains("Scan") || action.contains("PartiQL") || action.contains('*');
        assert_eq!(actions.iter().find(whole), None, "{name}");
    }
}

#[test]
fn no_two_kinds_of_items_are_written_by_rights_to_one_of_them() {
    let files = Files::read().unwrap();
    let mut written = Vec::new();
    for (name, statement) in statements(&files) {
        if template::texts(&statement["Action"]).iter().any(|action| WRITES.contains(action)) {
            let keys = template::texts(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
            written.push((name, keys.into_iter().map(str::to_owned).collect::<BTreeSet<_>>()));
        }
    }
    for (one, keys) in &written {
        for (other, others) in written.iter().filter(|(other, _)| other != one) {
            // Whoever tries, or fails, says so of what is owed; whoever calls Atlas takes turns at getting tokens.
            let shared: BTreeSet<_> = (keys & others)
                .into_iter()
                .filter(|kind| !["obligations", "minting#*"].contains(&kind.as_str()))
                .collect();
            let both_register = ["register", "unregister"].iter().all(|it| [one, other].iter().any(|name| name == it));
            assert!(shared.is_empty() || both_register, "{one} and {other} write {shared:?}");
        }
    }
}

#[test]
fn a_lease_outlasts_every_execution_that_takes_one() {
    let files = Files::read().unwrap();
    for machine in &files.machines {
        let seconds = machine.definition["TimeoutSeconds"].as_i64().unwrap();
        assert!(seconds <= LONGEST_LEASE_SECONDS, "{}: {seconds}", machine.name);
    }
}
