//! What happens in, and what a person sees of it.

use std::time::Duration;

use serde_json::json;

use super::*;

/// A time: milliseconds after the execution began.
fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

fn entered(name: &str, kind: Kind, steps: &[&str]) -> What {
    let steps = steps.iter().map(ToString::to_string).collect();
    What::Entered(State { name: name.to_owned(), kind, steps })
}

fn task(name: &str, step: &str) -> What {
    entered(name, Kind::Task, &[step])
}

fn failed(error: &str) -> What {
    What::Failed { error: error.to_owned(), reason: "the whole story".to_owned() }
}

fn changed(step: &str, summary: &str) -> What {
    What::Succeeded(json!({"changes": [{"step": step, "action": "create", "summary": summary}]}))
}

fn unchanged() -> What {
    What::Succeeded(json!({"changes": []}))
}

fn endpoints(statuses: [&str; 2]) -> What {
    let [first, second] = statuses;
    let endpoints = [json!({"region": "us-east-1", "status": first}), json!({"region": "eu-west-1", "status": second})];
    What::Succeeded(json!({"endpoints": endpoints, "changes": []}))
}

fn summary(text: &str) -> What {
    What::Succeeded(json!({"summary": text, "changes": []}))
}

/// What is shown after each happening: lines, and what goes on then, after `>` if it is a wait and after `-` if not.
fn shown(happenings: Vec<(u64, What)>, with_details: bool) -> Vec<String> {
    let mut watch = Watch::default();
    let mut shown: Vec<String> = Vec::new();
    let mut before = None;
    let looked: Vec<u64> = happenings.iter().map(|(millis, _)| *millis).skip(1).chain([0]).collect();
    for ((millis, what), next) in happenings.into_iter().zip(looked) {
        for line in watch.see(&Happening { at: at(millis), what }) {
            match line {
                Line::Step(step) => shown.push(step.line(|_, text| text.to_owned())),
                Line::Detail(text) if with_details => shown.push(text),
                Line::Detail(_) => {}
            }
        }
        // As late as possible before the next happening.
        let now = watch.now(at(next.max(millis)));
        if let Some(Now { what, detail, is_wait, .. }) = now.clone().filter(|_| now != before) {
            let detail = detail.map(|detail| format!(", {detail}")).unwrap_or_default();
            shown.push(format!("{} {what}{detail}", if is_wait { '>' } else { '-' }));
        }
        before = now;
    }
    shown
}

#[test]
fn a_task_is_a_line_when_the_next_one_begins_or_the_execution_ends() {
    let happenings = vec![
        (0, entered("Start", Kind::Route, &[])),
        (0, What::Exited),
        (0, task("Preflight", "preflight")),
        (0, What::Scheduled),
        (400, What::Succeeded(json!({"findings": [], "changes": []}))),
        (400, What::Exited),
        (400, entered("Ready", Kind::Route, &[])),
        (400, What::Exited),
        (400, task("Announce", "register")),
        (400, What::Scheduled),
        (600, changed("register", "project announced")),
        (600, What::Exited),
        (600, What::Ended),
    ];
    assert_eq!(
        shown(happenings, false),
        [
            "- preflight",
            "✓ preflight                 0.4 s  no problems found",
            "- register",
            "✓ register                  0.2 s  + project announced",
        ]
    );
}

#[test]
fn a_task_that_is_retried_is_one_wait_and_one_line() {
    let happenings = vec![
        (0, task("AuthorizeRole", "authorize-role")),
        (0, What::Scheduled),
        (100, failed("Atlas.CannotAssumeRole")),
        (200, What::Scheduled),
        (300, failed("Atlas.CannotAssumeRole")),
        (900, What::Scheduled),
        (1000, unchanged()),
        (1000, What::Exited),
        (1000, What::Ended),
    ];
    assert_eq!(
        shown(happenings.clone(), false),
        [
            "- authorize-role",
            "> waiting to retry authorize-role (Atlas.CannotAssumeRole), attempt 2",
            "> waiting to retry authorize-role (Atlas.CannotAssumeRole), attempt 3",
            "✓ authorize-role            1.0 s  nothing to change (after 3 attempts)",
        ]
    );
    let details = shown(happenings, true);
    assert_eq!(details[0], "… AuthorizeRole");
    assert_eq!(details[2], "    not yet (Atlas.CannotAssumeRole): the whole story");
}

#[test]
fn a_task_that_is_not_retried_has_failed() {
    let happenings = vec![
        (0, task("CreateRole", "create-role")),
        (0, What::Scheduled),
        (100, unchanged()),
        (100, What::Exited),
        (100, task("EnableKms", "enable-kms")),
        (100, What::Scheduled),
        (300, failed("Atlas.KeyUnusable")),
        (300, What::Exited),
        (300, task("Diagnose", "diagnose")),
        (300, What::Scheduled),
        (400, failed("Aws.Denied")),
        (400, What::Ended),
    ];
    let lines = shown(happenings, false);
    let steps: Vec<&String> = lines.iter().filter(|line| !line.starts_with(['-', '>'])).collect();
    assert_eq!(
        steps,
        [
            "✓ create-role               0.1 s  nothing to change",
            "✗ enable-kms                0.2 s  Atlas.KeyUnusable",
            "✗ diagnose                  0.1 s  Aws.Denied",
        ]
    );
}

#[test]
fn looks_with_waits_between_them_are_one_wait_that_changes_and_one_line() {
    let look = |millis, statuses| {
        [
            (millis, task("CheckEndpoints", "check-endpoints")),
            (millis, What::Scheduled),
            (millis + 100, endpoints(statuses)),
            (millis + 100, What::Exited),
            (millis + 100, entered("EndpointsActive", Kind::Route, &[])),
            (millis + 100, What::Exited),
        ]
    };
    let wait = |millis| [(millis, entered("WaitForEndpoints", Kind::Wait, &[])), (millis + 300, What::Exited)];
    let mut happenings = Vec::new();
    happenings.extend(look(0, ["INITIATING", "INITIATING"]));
    happenings.extend(wait(100));
    happenings.extend(look(400, ["INITIATING", "INITIATING"]));
    happenings.extend(wait(500));
    happenings.extend(look(800, ["ACTIVE", "INITIATING"]));
    happenings.extend(wait(900));
    happenings.extend(look(1200, ["ACTIVE", "ACTIVE"]));
    happenings.extend([(1300, task("Verify", "verify")), (1300, What::Scheduled)]);
    assert_eq!(
        shown(happenings.clone(), false),
        [
            "- check-endpoints",
            "> waiting for endpoints: us-east-1 INITIATING, eu-west-1 INITIATING",
            "> waiting for endpoints: us-east-1 ACTIVE, eu-west-1 INITIATING",
            "✓ check-endpoints           1.3 s  2 endpoints ACTIVE (after 4 looks)",
            "- verify",
        ]
    );
    let statuses: Vec<String> = shown(happenings, true).into_iter().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(
        statuses,
        ["    us-east-1: INITIATING", "    eu-west-1: INITIATING", "    us-east-1: ACTIVE", "    eu-west-1: ACTIVE"]
    );
}

#[test]
fn a_wait_before_which_nothing_was_looked_at_has_a_name_only() {
    let happenings = vec![(0, entered("Settle", Kind::Wait, &[])), (300, What::Exited)];
    assert_eq!(shown(happenings, false), ["> waiting to settle"]);
}

#[test]
fn a_step_for_each_region_is_a_line_for_each() {
    let region = |region: &str| What::Succeeded(json!({"region": region, "changes": []}));
    let happenings = vec![
        (0, entered("CreateEndpoints", Kind::Group, &["create-endpoint"])),
        (0, What::Scheduled),
        (50, What::Scheduled),
        (100, changed("create-endpoint", "private endpoint in us-east-1")),
        (200, region("eu-west-1")),
        (200, What::Exited),
        (200, What::Ended),
    ];
    assert_eq!(
        shown(happenings, false),
        [
            "- create-endpoint",
            "✓ create-endpoint           0.1 s  + private endpoint in us-east-1",
            "- create-endpoint",
            "✓ create-endpoint           0.1 s  eu-west-1: nothing to change",
        ]
    );
}

#[test]
fn several_steps_for_each_cluster_are_a_line_for_each_change_which_lasts_until_the_last_look() {
    let cluster = |millis, name: &str| {
        [
            (millis, What::Scheduled),
            (millis + 100, summary(&format!("cluster {name} is IDLE"))),
            (millis + 100, What::Scheduled),
            (millis + 200, changed("set-cluster-encryption", &format!("cluster {name} uses the key"))),
            (millis + 500, What::Scheduled),
            (millis + 600, summary(&format!("cluster {name} is UPDATING"))),
            (millis + 900, What::Scheduled),
            (millis + 1000, summary(&format!("cluster {name} is IDLE and uses the key"))),
        ]
    };
    let mut happenings =
        vec![(0, entered("EnableClusters", Kind::Group, &["check-cluster", "set-cluster-encryption"]))];
    happenings.extend(cluster(0, "orders"));
    happenings.extend(cluster(1000, "events"));
    happenings.extend([(2000, What::Exited), (2000, What::Ended)]);
    let lines = shown(happenings, false);
    let steps: Vec<&String> = lines.iter().filter(|line| line.starts_with('✓')).collect();
    assert_eq!(
        steps,
        [
            "✓ set-cluster-encryption    1.0 s  + cluster orders uses the key",
            "✓ set-cluster-encryption    0.9 s  + cluster events uses the key",
        ]
    );
    let waits: Vec<&String> = lines.iter().filter(|line| line.starts_with('>')).collect();
    assert_eq!(
        waits,
        [
            "> waiting after set-cluster-encryption: cluster orders uses the key",
            "> waiting: cluster orders is UPDATING",
            "> waiting after set-cluster-encryption: cluster events uses the key",
            "> waiting: cluster events is UPDATING",
        ]
    );
}

#[test]
fn several_steps_for_each_item_that_change_nothing_are_a_line_with_the_name_of_the_state() {
    let policy = |arn: &str| What::Succeeded(json!({"policyArn": arn, "changes": []}));
    let happenings = vec![
        (0, entered("GrantAccess", Kind::Group, &["converge-attachment", "converge-access-policy"])),
        (0, What::Scheduled),
        (100, policy("arn:aws:iam::444455556666:policy/atlas-cmk/One")),
        (150, What::Scheduled),
        (200, policy("arn:aws:iam::444455556666:policy/atlas-cmk/Two")),
        (200, What::Exited),
        (200, What::Ended),
    ];
    assert_eq!(
        shown(happenings, false),
        ["- grant-access", "- grant-access", "✓ grant-access              0.2 s  nothing to change"]
    );
}
