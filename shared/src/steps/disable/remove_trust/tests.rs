use super::*;
use crate::fixtures;

const OURS: &str = "AtlasCmk66f0a1b2c3d4e5f601234567";
const OF_ANOTHER_PROJECT: &str = "AtlasCmk66f0a1b2c3d4e5f6ffffffff";

fn input() -> Input {
    Input {
        project_id: Some(fixtures::project()),
        access_name: None,
        role_arn: fixtures::role_arn(),
        manage: ManageRole::Full,
        used_by: Vec::new(),
        account: None,
        execution: None,
        plan_hash: None,
    }
}

fn document(sids: &[&str]) -> PolicyDocument {
    let statement = |sid: &&str| Statement::trust(sid, "arn:aws:iam::299602853325:root", "some-id");
    sids.iter().fold(PolicyDocument::default(), |document, sid| document.merge(&statement(sid)))
}

/// A role that atlas-cmk created, with statements of these Sids.
fn role(trust: &[&str], inline: &[&str]) -> RoleUse {
    let mut policies = fixtures::role_policies(Some(document(trust)), (!inline.is_empty()).then(|| document(inline)));
    policies.role.as_mut().unwrap().tags = vec![tags::ours(), tags::of_project(&fixtures::project())];
    RoleUse { policies, other_inline: Vec::new(), attached: Vec::new() }
}

fn outcome(input: &Input, found: &RoleUse) -> (Vec<String>, Vec<String>) {
    let (changes, kept) = decide(input, found).unwrap();
    let words = |change: &RoleRemoval| match &change.1 {
        Removal::PutInlinePolicy(rest, _) => format!("inline {}", rest.statements().len()),
        Removal::DeleteInlinePolicy(_) => "no inline".to_owned(),
        Removal::PutTrustPolicy(rest, _) => format!("trust {}", rest.statements().len()),
        Removal::Untag(_) => "untag".to_owned(),
        Removal::DeleteRole(_) => "delete".to_owned(),
    };
    (changes.iter().map(words).collect(), kept.into_iter().map(|kept| kept.reason).collect())
}

#[test]
fn a_role_that_was_created_by_atlas_cmk_and_serves_nobody_else_is_deleted() {
    let (changes, kept) = outcome(&input(), &role(&[OURS], &[OURS]));
    assert_eq!((changes, kept.len()), (vec!["no inline".to_owned(), "delete".to_owned()], 0));
    let (changes, _) = outcome(&input(), &role(&[OURS], &[]));
    assert_eq!(changes, ["delete"], "a run that died in between is finished");
}

#[test]
fn of_a_role_that_serves_others_only_what_is_ours_is_taken() {
    let (changes, kept) = outcome(&input(), &role(&["Backup", OURS], &[OURS]));
    assert_eq!(changes, ["no inline", "trust 1", "untag"]);
    assert_eq!(kept, ["the role stays, because its trust policy has other statements"]);
    let shared = role(&[OURS, OF_ANOTHER_PROJECT], &[OURS, OF_ANOTHER_PROJECT]);
    assert_eq!(outcome(&input(), &shared).0, ["inline 1", "trust 1", "untag"]);
    let (changes, _) = decide(&input(), &role(&["Backup", OURS], &[])).unwrap();
    let Removal::PutTrustPolicy(rest, _) = &changes[0].1 else { panic!("{changes:?}") };
    assert_eq!(rest.to_json(), document(&["Backup"]).to_json(), "foreign statements stay byte for byte");
}

#[test]
fn a_role_that_has_to_stay_allows_no_one_any_more_and_that_is_reported() {
    let mut foreign = role(&[OURS], &[OURS]);
    foreign.policies.role.as_mut().unwrap().tags.clear();
    let mut attached = role(&[OURS], &[OURS]);
    attached.attached.push("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned());
    let mut other_inline = role(&[OURS], &[OURS]);
    other_inline.other_inline.push("theirs".to_owned());
    let mut other_tag = role(&[OURS], &[OURS]);
    let tag = tags::of_project(&"66f0a1b2c3d4e5f6ffffffff".parse().unwrap());
    other_tag.policies.role.as_mut().unwrap().tags.push(tag);
    for (found, reason) in [
        (foreign, "atlas-cmk did not create it"),
        (attached, "it has other policies"),
        (other_inline, "it has other policies"),
        (other_tag, "it has the tag"),
    ] {
        let (changes, kept) = outcome(&input(), &found);
        assert!(!changes.contains(&"delete".to_owned()), "{changes:?}");
        assert!(kept.len() == 1 && kept[0].contains(reason) && kept[0].contains("no longer allows anyone"), "{kept:?}");
        let (changes, _) = decide(&input(), &found).unwrap();
        let closed = changes.iter().find_map(|change| match &change.1 {
            Removal::PutTrustPolicy(trust, _) => Some(trust.to_json()),
            _ => None,
        });
        assert_eq!(closed.unwrap(), PolicyDocument::default().merge(&Statement::nobody()).to_json());
    }
}

#[test]
fn while_other_features_assume_the_role_the_trust_statement_stays() {
    let used = Input { used_by: vec!["EXPORT_SNAPSHOT".to_owned()], ..input() };
    let (changes, kept) = outcome(&used, &role(&[OURS], &[OURS]));
    assert_eq!(changes, ["no inline"]);
    assert!(kept[0].contains("EXPORT_SNAPSHOT"), "{kept:?}");
}

#[test]
fn what_is_not_ours_to_write_is_left_and_what_is_gone_is_done() {
    let none = Input { manage: ManageRole::None, ..input() };
    let (changes, kept) = outcome(&none, &role(&[OURS], &[OURS]));
    assert!(changes.is_empty() && kept[0].contains("by hand"), "{kept:?}");
    let mut gone = role(&[OURS], &[]);
    gone.policies.role = None;
    assert_eq!(outcome(&input(), &gone), (vec![], vec![]));
    let (changes, _) = outcome(&input(), &role(&["Backup"], &[]));
    assert_eq!(changes, ["untag"], "a run that died before the tag is finished");
}

#[test]
fn of_a_cross_account_access_only_its_statement_goes_and_never_the_role() {
    let access = Input { project_id: None, access_name: Some("S3Keys".parse().unwrap()), ..input() };
    assert_eq!(outcome(&access, &role(&["Ec2", "AtlasCmkAccessS3Keys"], &[])).0, ["trust 1"]);
    let (changes, kept) = outcome(&access, &role(&["AtlasCmkAccessS3Keys"], &[]));
    assert_eq!(changes, ["trust 1"], "replaced with a Deny: a trust policy cannot be empty");
    assert!(kept[0].contains("existed before"), "{kept:?}");
    let mut closed = role(&["AtlasCmkAccessS3Keys"], &[]);
    closed.policies.role.as_mut().unwrap().trust_policy = PolicyDocument::default().merge(&Statement::nobody());
    assert_eq!(outcome(&access, &closed).0, [] as [&str; 0]);
}
