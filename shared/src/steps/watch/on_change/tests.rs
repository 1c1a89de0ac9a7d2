use super::*;
use crate::fixtures::{self, KEY, PROJECT, merged};
use crate::report::OldKey;
use crate::request::Guard;

const OTHER: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-5678ef0112ab34cd56ef1234567890ab";

fn project(desired: &Value) -> Project {
    let with_path = json!({"roleArn": "arn:aws:iam::444455556666:role/atlas/atlas-cmk"});
    fixtures::registered(&json!({"desired": merged(with_path, desired)}))
}

fn with_old_key(key: &str) -> Project {
    let old_keys = vec![OldKey { key: key.to_owned(), replaced_at: "2026-01-01T00:00:00Z".to_owned() }];
    Project { old_keys, ..project(&json!({})) }
}

fn disabled() -> Project {
    Project { disabled: true, ..project(&json!({})) }
}

fn own_roles() -> OwnRoles {
    OwnRoles { arn_prefix: None, path: Some("/stacks/atlas-cmk/".to_owned()), spoke: Some("AtlasCmkSpoke".to_owned()) }
}

fn affected(subject: &Subject, project: &Project) -> Option<Affected> {
    Stack { secret: Some("atlas/keys"), roles: &own_roles() }.affects(subject, project)
}

fn changed(subject: Subject, what: &str) -> Changed {
    Changed {
        subject,
        what: what.to_owned(),
        by: Some("arn:aws:sts::444455556666:assumed-role/BreakGlass/alex".to_owned()),
        by_role: Some("arn:aws:iam::444455556666:role/BreakGlass".to_owned()),
        at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
        id: "record-1".to_owned(),
        pending_days: None,
    }
}

fn key(arn: &str) -> Subject {
    Subject::Key(arn.parse().unwrap())
}

fn role(name: &str) -> Subject {
    Subject::Role { account: "444455556666".parse().unwrap(), name: name.to_owned() }
}

fn reactions(changed: &Changed, projects: Vec<Project>) -> Vec<Reaction> {
    let affected = projects.into_iter().filter_map(|project| {
        let how = affected(&changed.subject, &project)?;
        Some((project, how))
    });
    let observed = Observed::Change { affected: affected.collect(), changed: Box::new(changed.clone()) };
    OnChange::decide(&Input(Value::Null), &observed).unwrap()
}

#[test]
fn a_project_is_affected_by_its_key_in_any_region_its_old_keys_its_role_and_its_secret() {
    let secret = |arn: &str| Subject::Secret(arn.to_owned());
    let replica = KEY.replace("us-east-1", "eu-west-1");
    let (old, old_by_id) = (with_old_key(OTHER), with_old_key("mrk-5678ef0112ab34cd56ef1234567890ab"));
    let named = project(&json!({"atlasSecretId": "other/keys"}));
    let access = json!({"roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke", "externalId": "b0a7c1de"});
    let (nothing, across) = (project(&json!({})), project(&json!({"account": access})));
    for (subject, project, is_affected) in [
        (key(KEY), &nothing, true),
        (key(&replica), &nothing, true),
        (key(&KEY.replace("444455556666", "111122223333")), &nothing, false),
        (key(OTHER), &nothing, false),
        (key(OTHER), &old, true),
        (key(OTHER), &old_by_id, true),
        (role("atlas-cmk"), &nothing, true),
        (role("ATLAS-cmk"), &nothing, true),
        (role("atlas"), &nothing, false),
        (role("AtlasCmkSpoke"), &nothing, false),
        (role("AtlasCmkSpoke"), &across, true),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/keys-a1b2c3"), &nothing, true),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/keys-a1b2c3"), &named, false),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:other/keys-a1b2c3"), &named, true),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:x"), &nothing, false),
    ] {
        assert_eq!(affected(&subject, project).is_some(), is_affected, "{subject:?} {project:?}");
    }
}

#[test]
fn the_projects_of_a_change_are_found_by_one_query_and_by_two_if_it_is_the_secret_of_the_stack() {
    let roles = own_roles();
    let stack = Stack { secret: Some("atlas/keys"), roles: &roles };
    let of_stack = "arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/keys-a1b2c3";
    for (subject, indexes) in [
        (key(KEY), vec!["key#mrk-1"]),
        (role("ATLAS-cmk"), vec!["role#444455556666#atlas-cmk"]),
        (role("AtlasCmkSpoke"), vec!["account#444455556666"]),
        (role("atlascmkspoke-IAM"), vec!["account#444455556666"]),
        (Subject::Secret(of_stack.replace("keys", "other")), vec!["secret#atlas/other"]),
        (Subject::Secret(of_stack.to_owned()), vec!["secret#", "secret#atlas/keys"]),
    ] {
        assert_eq!(stack.indexes(&subject), indexes, "{subject:?}");
    }
}

#[test]
fn an_announced_state_is_watched_beside_the_one_in_force() {
    let intended = Some(fixtures::entry(&json!({"keyArn": OTHER, "desired": {"keyArn": OTHER}})));
    let moving = Project { intended, ..project(&json!({})) };
    for arn in [KEY, OTHER] {
        assert!(affected(&key(arn), &moving).is_some(), "{arn}");
    }
}

#[test]
fn a_project_is_looked_at_once_for_each_event_and_not_after_it_was_taken_down() {
    let first = reactions(&changed(role("atlas-cmk"), "PutRolePolicy"), vec![project(&json!({}))]);
    let [Reaction::Reconcile(name, started)] = first.as_slice() else { panic!("{first:?}") };
    assert!(name.starts_with(&format!("change-{PROJECT}-")) && name.len() <= 80, "{name}");
    assert_eq!(started.cause.as_ref().unwrap().event, "PutRolePolicy");
    assert_eq!(
        reactions(&changed(role("atlas-cmk"), "PutRolePolicy"), vec![project(&json!({}))]),
        first,
        "the same name"
    );
    assert_eq!(reactions(&changed(role("atlas-cmk"), "DeleteRole"), vec![disabled()]), []);
}

#[test]
fn a_key_in_danger_raises_an_alert_and_is_restored_where_that_is_wanted() {
    let scheduled = || Changed { pending_days: Some(7), ..changed(key(KEY), "ScheduleKeyDeletion") };
    let found = reactions(&scheduled(), vec![project(&json!({}))]);
    let [Reaction::Alert(alert), Reaction::Reconcile(..)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((alert.guard, alert.deleted_after_days), (Guard::Alert, Some(7)));
    assert!(alert.undo[0].contains("cancel-key-deletion") && alert.undo[1].contains("enable-key"), "{:?}", alert.undo);

    let guarded = project(&json!({"guard": "restore"}));
    let restored = reactions(&scheduled(), vec![project(&json!({})), guarded]);
    let [Reaction::Alert(alert), Reaction::Restore(name, guard), ..] = restored.as_slice() else {
        panic!("{restored:?}")
    };
    assert_eq!(alert.guard, Guard::Restore);
    assert!(name.len() <= 80, "{name}");
    assert_eq!(guard.key_arn.as_ref(), KEY);

    // What cannot be undone is reported, and not tried.
    let guarded = project(&json!({"guard": "restore"}));
    let found = reactions(&changed(key(KEY), "KMS Imported Key Material Expiration"), vec![guarded]);
    let [Reaction::Alert(alert), Reaction::Reconcile(..)] = found.as_slice() else { panic!("{found:?}") };
    assert!(alert.undo[0].contains("import"), "{:?}", alert.undo);

    // Old snapshots of a project that was taken down need it all the same.
    let unregistered = Project { current: None, ..with_old_key(KEY) };
    for old in [disabled(), unregistered] {
        let found = reactions(&changed(key(KEY), "DisableKey"), vec![old]);
        let [Reaction::Alert(alert)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((alert.projects[0].needs_it_for, alert.undo.len()), ("its old snapshots", 1));
    }
    assert_eq!(reactions(&changed(key(OTHER), "DisableKey"), vec![project(&json!({}))]), [], "nobody needs that one");
}

#[test]
fn what_our_own_roles_do_follows_from_us_already() {
    let own = own_roles();
    let by = |role: Option<&str>| {
        let changed = Changed { by_role: role.map(str::to_owned), ..changed(key(KEY), "PutKeyPolicy") };
        own_role(&changed, &own, Some(&"777788889999".parse().unwrap())).is_some()
    };
    assert!(by(Some("arn:aws:iam::777788889999:role/stacks/atlas-cmk/atlas-cmk-AllowKeyUseRole-1X")));
    assert!(by(Some("arn:aws:iam::444455556666:role/AtlasCmkSpoke")));
    assert!(by(Some("arn:aws:iam::444455556666:role/AtlasCmkSpoke-guard")));
    assert!(!by(Some("arn:aws:iam::444455556666:role/AtlasCmkSpoke-other")));
    assert!(!by(Some("arn:aws:iam::444455556666:role/team/AtlasCmkSpoke")), "with a path");
    assert!(!by(Some("arn:aws:iam::111122223333:role/AtlasCmkSpoke")), "of another account than the key's");
    assert!(
        !by(Some("arn:aws:iam::444455556666:role/stacks/atlas-cmk/atlas-cmk-AllowKeyUseRole-1X")),
        "of another account"
    );
    assert!(!by(Some("arn:aws:iam::444455556666:role/stacks/other/atlas-cmk-AllowKeyUseRole-1X")));
    assert!(!by(Some("arn:aws:iam::444455556666:role/BreakGlass")));
    assert!(!by(None));
}
