//! What a step declares is what its function was seen to do: the engine records each action that it allows a role, and
//! the end-to-end tests use every permission. Cargo runs these tests after those, in the order of their names.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::SystemTime,
};

use atlas_cmk::step::actions;
use atlas_cmk_local::engine;
use atlas_cmk_tests::contracts;
use serde_json::Value;

/// What AWS does on behalf of a call, or asks for besides it, and the engine does not: each with the call that implies
/// it.
const IMPLIED: [(&str, &str); 11] = [
    // Secrets Manager and SNS use the key of a secret or a topic for the caller (their guides, "Encryption").
    ("kms:Decrypt", "secretsmanager:GetSecretValue"),
    ("kms:GenerateDataKey", "secretsmanager:PutSecretValue"),
    ("kms:Decrypt", "sns:Publish"),
    ("kms:GenerateDataKey", "sns:Publish"),
    // What is created with tags needs the permission to tag it (KMS and IAM API references).
    ("kms:TagResource", "kms:CreateKey"),
    ("kms:TagResource", "kms:ReplicateKey"),
    ("iam:TagRole", "iam:CreateRole"),
    ("iam:TagPolicy", "iam:CreatePolicy"),
    // A replica is created in its own Region, and the first multi-Region key of an account creates a role (KMS
    // developer guide, "Multi-Region keys").
    ("kms:CreateKey", "kms:ReplicateKey"),
    ("iam:CreateServiceLinkedRole", "kms:CreateKey"),
    ("iam:CreateServiceLinkedRole", "kms:ReplicateKey"),
];

/// What Lambda does with the role of a function: it sends the event of an asynchronous invocation that failed to the queue
/// (Lambda developer guide, "Destinations").
const OF_LAMBDA: [(&str, &str); 2] = [("on-change", "sqs:SendMessage"), ("retry-obligations", "sqs:SendMessage")];

/// The actions that were allowed, by role. Engines that started before this program was built ran other code.
fn recorded() -> BTreeMap<String, BTreeSet<String>> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified());
    let built = std::env::current_exe().and_then(|path| changed(&path)).unwrap_or(SystemTime::UNIX_EPOCH);
    let files = std::fs::read_dir(engine::recordings()).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut recorded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files.filter(|path| changed(path).is_ok_and(|at| at > built)) {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            recorded.entry(text("role")).or_default().insert(text("action"));
        }
    }
    assert!(
        !recorded.is_empty(),
        "no recordings of these functions: run `cargo test -p atlas-cmk-tests --test end_to_end` first"
    );
    recorded
}

/// What the functions of a step were allowed, in all stacks. Its role is called `<stack>-<region>-<step>`.
fn recorded_of(recorded: &BTreeMap<String, BTreeSet<String>>, step: &str) -> BTreeSet<String> {
    let of_step = recorded.iter().filter(|(role, _)| {
        ["us-east-1", "eu-west-1"]
            .iter()
            .any(|region| role.split_once(&format!("-{region}-")).is_some_and(|it| it.1 == step))
    });
    of_step.flat_map(|(_, actions)| actions.iter().cloned()).collect()
}

/// Whether an action is one that functions share the effect of: whichever comes first gets the access token, and the
/// others read it. Each of them reads a secret.
fn is_shared(action: &str, used: &BTreeSet<String>, recorded: &BTreeMap<String, BTreeSet<String>>) -> bool {
    let reads = "secretsmanager:GetSecretValue";
    actions::ATLAS.contains(&action)
        && action != reads
        && used.contains(reads)
        && recorded.values().any(|used| used.contains(action) || is_implied(action, used))
}

fn is_implied(action: &str, used: &BTreeSet<String>) -> bool {
    IMPLIED.iter().any(|(implied, by)| *implied == action && used.contains(*by))
}

#[test]
fn every_declared_action_was_used_and_every_used_one_is_declared() {
    let recorded = recorded();
    let mut complaints = Vec::new();
    let mut compare = |name: &str, declared: &BTreeSet<String>, used: &BTreeSet<String>| {
        let is_explained = |action: &&String| {
            OF_LAMBDA.contains(&(name, action.as_str()))
                || is_implied(action, used)
                || is_shared(action, used, &recorded)
        };
        let unused: Vec<_> = declared.difference(used).filter(|action| !is_explained(action)).collect();
        let undeclared: Vec<_> = used.difference(declared).collect();
        if !unused.is_empty() || !undeclared.is_empty() {
            complaints.push(format!("{name}: unused {unused:?}, undeclared {undeclared:?}"));
        }
    };
    let mut elsewhere: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for function in contracts::functions() {
        let declared = function.actions.iter().map(|action| (*action).to_owned()).collect();
        compare(function.name(), &declared, &recorded_of(&recorded, function.name()));
        if let Some((role, actions)) = function.elsewhere() {
            elsewhere.entry(role).or_default().extend(actions);
        }
    }
    for role in contracts::SPOKE_ROLES {
        let suffix = match role {
            "SpokeRole" => "",
            "IamRole" => "-iam",
            "KeysRole" => "-keys",
            "KeyPoliciesRole" => "-key-policies",
            "TagsRole" => "-tags",
            "AccessRole" => "-access",
            _ => "-guard",
        };
        compare(role, &elsewhere[role], &recorded[&format!("AtlasCmkSpoke{suffix}")]);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
