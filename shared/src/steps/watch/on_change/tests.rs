use super::*;
use crate::fixtures::{self, KEY, PROJECT, merged};
use crate::request::Guard;

const OTHER: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-5678ef0112ab34cd56ef1234567890ab";

fn entry(more: &Value) -> Entry {
    let with_path = json!({"desired": {"roleArn": "arn:aws:iam::444455556666:role/atlas/atlas-cmk"}});
    fixtures::entry(&merged(with_path, more))
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
        tagged_projects: Vec::new(),
    }
}

fn key(arn: &str) -> Subject {
    Subject::Key(arn.parse().unwrap())
}

fn role(name: &str) -> Subject {
    Subject::Role { account: "444455556666".parse().unwrap(), name: name.to_owned() }
}

fn reactions(changed: &Changed, entries: Vec<Entry>) -> Vec<Reaction> {
    let affected = entries.into_iter().filter_map(|entry| {
        Some((entry.clone(), Affected::find(&changed.subject, &entry, Some("atlas/keys"), false)?))
    });
    let observed =
        Observed::Change { affected: affected.collect(), changed: Box::new(changed.clone()), unregistered: Vec::new() };
    OnChange::decide(&Input(Value::Null), &observed).unwrap()
}

#[test]
fn a_project_is_affected_by_its_key_in_any_region_its_old_keys_its_role_and_its_secret() {
    let secret = |arn: &str| Subject::Secret(arn.to_owned());
    let replica = KEY.replace("us-east-1", "eu-west-1");
    let old = json!({"oldKeys": [{"key": OTHER, "replacedAt": "2026-01-01T00:00:00Z"}]});
    let old_by_id =
        json!({"oldKeys": [{"key": "mrk-5678ef0112ab34cd56ef1234567890ab", "replacedAt": "2026-01-01T00:00:00Z"}]});
    let named = json!({"desired": {"atlasSecretId": "other/keys"}});
    let nothing = json!({});
    for (subject, more, is_affected) in [
        (key(KEY), &nothing, true),
        (key(&replica), &nothing, true),
        (key(&KEY.replace("444455556666", "111122223333")), &nothing, false),
        (key(OTHER), &nothing, false),
        (key(OTHER), &old, true),
        (key(OTHER), &old_by_id, true),
        (role("atlas-cmk"), &nothing, true),
        (role("ATLAS-cmk"), &nothing, true),
        (role("atlas"), &nothing, false),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/keys-a1b2c3"), &nothing, true),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas/keys-a1b2c3"), &named, false),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:other/keys-a1b2c3"), &named, true),
        (secret("arn:aws:secretsmanager:us-east-1:777788889999:secret:x"), &nothing, false),
    ] {
        let found = Affected::find(&subject, &entry(more), Some("atlas/keys"), false);
        assert_eq!(found.is_some(), is_affected, "{subject:?} {more}");
    }
    assert!(Affected::find(&role("other"), &entry(&nothing), None, true).is_some(), "a tag names it");
}

#[test]
fn a_project_is_looked_at_once_for_each_event_and_not_after_it_was_taken_down() {
    let first = reactions(&changed(role("atlas-cmk"), "PutRolePolicy"), vec![entry(&json!({}))]);
    let [Reaction::Reconcile(name, project)] = first.as_slice() else { panic!("{first:?}") };
    assert!(name.starts_with(&format!("change-{PROJECT}-")) && name.len() <= 80, "{name}");
    assert_eq!(project.cause.as_ref().unwrap().event, "PutRolePolicy");
    assert_eq!(
        reactions(&changed(role("atlas-cmk"), "PutRolePolicy"), vec![entry(&json!({}))]),
        first,
        "the same name"
    );
    let taken_down = entry(&json!({"stage": "disabled"}));
    assert_eq!(reactions(&changed(role("atlas-cmk"), "DeleteRole"), vec![taken_down]), []);
}

#[test]
fn a_key_in_danger_raises_an_alert_and_is_restored_where_that_is_wanted() {
    let scheduled = || Changed { pending_days: Some(7), ..changed(key(KEY), "ScheduleKeyDeletion") };
    let found = reactions(&scheduled(), vec![entry(&json!({}))]);
    let [Reaction::Alert(alert), Reaction::Reconcile(..)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((alert.guard, alert.deleted_after_days), (Guard::Alert, Some(7)));
    assert!(alert.undo[0].contains("cancel-key-deletion") && alert.undo[1].contains("enable-key"), "{:?}", alert.undo);

    let access = json!({"roleArn": "arn:aws:iam::444455556666:role/AtlasCmkSpoke", "externalId": "b0a7c1de"});
    let guarded = entry(&json!({"desired": {"guard": "restore", "account": access}}));
    let restored = reactions(&scheduled(), vec![entry(&json!({})), guarded]);
    let [Reaction::Alert(alert), Reaction::Restore(name, guard), ..] = restored.as_slice() else {
        panic!("{restored:?}")
    };
    assert_eq!(alert.guard, Guard::Restore);
    assert!(name.len() <= 80, "{name}");
    assert_eq!(guard.project_ids.len(), 1, "of the project that wants it");
    assert_eq!(json!(guard.account), access);

    // What cannot be undone is reported, and not tried.
    let guarded = entry(&json!({"desired": {"guard": "restore"}}));
    let found = reactions(&changed(key(KEY), "KMS Imported Key Material Expiration"), vec![guarded]);
    let [Reaction::Alert(alert), Reaction::Reconcile(..)] = found.as_slice() else { panic!("{found:?}") };
    assert!(alert.undo[0].contains("import"), "{:?}", alert.undo);

    // Old snapshots of a project that was taken down need it all the same.
    let old = entry(&json!({"stage": "disabled"}));
    let found = reactions(&changed(key(KEY), "DisableKey"), vec![old]);
    let [Reaction::Alert(alert)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((alert.projects[0].needs_it_for, alert.undo.len()), ("its old snapshots", 1));
    assert_eq!(reactions(&changed(key(OTHER), "DisableKey"), vec![entry(&json!({}))]), [], "nobody needs that one");
}

#[test]
fn what_our_own_roles_do_follows_from_us_already() {
    let own = OwnRoles {
        arn_prefix: None,
        path: Some("/stacks/atlas-cmk/".to_owned()),
        spoke: Some("AtlasCmkSpoke".to_owned()),
        guard: Some("AtlasCmkGuard".to_owned()),
    };
    let by = |role: Option<&str>| {
        let changed = Changed { by_role: role.map(str::to_owned), ..changed(key(KEY), "PutKeyPolicy") };
        own_role(&changed, &own, Some(&"777788889999".parse().unwrap())).is_some()
    };
    assert!(by(Some("arn:aws:iam::777788889999:role/stacks/atlas-cmk/atlas-cmk-AllowKeyUseRole-1X")));
    assert!(by(Some("arn:aws:iam::444455556666:role/AtlasCmkSpoke")));
    assert!(by(Some("arn:aws:iam::444455556666:role/AtlasCmkGuard")));
    assert!(
        !by(Some("arn:aws:iam::444455556666:role/stacks/atlas-cmk/atlas-cmk-AllowKeyUseRole-1X")),
        "of another account"
    );
    assert!(!by(Some("arn:aws:iam::444455556666:role/stacks/other/atlas-cmk-AllowKeyUseRole-1X")));
    assert!(!by(Some("arn:aws:iam::444455556666:role/BreakGlass")));
    assert!(!by(None));
}
