use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    aws::Role,
    fixtures::{enablement, request, role_policies},
};

/// Of an access.
const EXTERNAL_ID: &str = "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e";

fn input() -> Input {
    Input::of(&enablement(&request(&json!({"regions": ["us-east-1", "eu-west-1"]}))))
}

fn document(value: &serde_json::Value) -> PolicyDocument {
    PolicyDocument::parse(&value.to_string()).unwrap()
}

fn foreign() -> PolicyDocument {
    document(&json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}}))
}

#[test]
fn a_missing_role_is_created_with_its_trust_and_gets_exactly_the_regional_keys() {
    let changes = decide(&input(), &role_policies(None, None)).unwrap();
    let [RoleChange::CreateRole(_, trust), RoleChange::PutInlinePolicy(_, inline, Action::Create, _)] =
        changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert!(trust.means_the_same_as(&document(&json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::299602853325:root"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "external-1"}}
    }]}))));
    assert!(inline.means_the_same_as(&document(&json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"],
        "Resource": ["arn:aws:kms:us-east-1:444455556666:key/mrk-1", "arn:aws:kms:eu-west-1:444455556666:key/mrk-1"]
    }]}))));
}

#[test]
fn a_role_that_already_says_all_of_it_is_left_alone() {
    let trust = foreign().merge(&input().trust_statement(None));
    let inline = PolicyDocument::default().merge(&input().kms_statement(None).unwrap());
    assert_eq!(decide(&input(), &role_policies(Some(trust), Some(inline))).unwrap(), []);
}

#[test]
fn only_the_document_that_differs_is_written_and_foreign_statements_stay() {
    let stale =
        foreign().merge(&Statement::trust(&sid(), "arn:aws:iam::299602853325:root", "of-a-record-that-is-gone"));
    let inline = PolicyDocument::default().merge(&input().kms_statement(None).unwrap());
    let changes = decide(&input(), &role_policies(Some(stale), Some(inline))).unwrap();
    let [RoleChange::PutTrustPolicy(_, trust, _)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(trust.statements()[0], foreign().statements()[0]);
    assert!(trust.statement(&sid()).unwrap().means_the_same_as(&input().trust_statement(None)));
    assert_eq!(trust.statements().len(), 2);
}

#[test]
fn a_key_that_is_added_takes_no_other_away() {
    let before = PolicyDocument::default().merge(&input().kms_statement(None).unwrap());
    let other_key = "arn:aws:kms:us-east-1:444455556666:key/mrk-2";
    for (changed, expected) in [
        (Input { key_arn: Some(other_key.parse().unwrap()), regions: Vec::new(), ..input() }, vec![other_key]),
        (
            Input { regions: vec!["ap-south-1".parse().unwrap()], ..input() },
            vec!["arn:aws:kms:ap-south-1:444455556666:key/mrk-1"],
        ),
        (Input { regions: Vec::new(), ..input() }, vec![]),
    ] {
        let merged = before.merge(&changed.kms_statement(Some(&before)).unwrap());
        let [statement] = merged.statements().try_into().unwrap();
        let mut resources =
            vec!["arn:aws:kms:us-east-1:444455556666:key/mrk-1", "arn:aws:kms:eu-west-1:444455556666:key/mrk-1"];
        resources.extend(&expected);
        assert_eq!(statement.resources(), resources);
        assert_eq!(merged == before, expected.is_empty());
    }
}

#[test]
fn another_projects_statements_in_the_same_role_stay() {
    let other = Input { project_id: Some("66f0a1b2c3d4e5f6ffffffff".parse().unwrap()), ..input() };
    let trust = PolicyDocument::default().merge(&other.trust_statement(None));
    let inline = PolicyDocument::default().merge(&other.kms_statement(None).unwrap());
    let changes = decide(&input(), &role_policies(Some(trust), Some(inline))).unwrap();
    let [RoleChange::PutTrustPolicy(_, trust, _), RoleChange::PutInlinePolicy(_, inline, Action::Update, _)] =
        changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!((trust.statements().len(), inline.statements().len()), (2, 2));
}

#[test]
fn a_trust_policy_that_would_grow_too_large_is_refused_before_it_is_written() {
    let full = (0..12).fold(PolicyDocument::default(), |document, n| {
        document.merge(&Statement::trust(
            &format!("Foreign{n}"),
            "arn:aws:iam::111122223333:role/some-role-of-another-team",
            "external",
        ))
    });
    let error = decide(&input(), &role_policies(Some(full), None)).unwrap_err();
    assert_eq!(error.name(), ErrorName::IamQuotaExceeded);
    assert!(error.message().contains("trust policy") && error.message().contains("2048"), "{error}");
}

#[test]
fn a_trust_policy_of_the_default_quota_holds_eight_projects() {
    let of_project =
        |n: u32| Input { project_id: Some(format!("66f0a1b2c3d4e5f6{n:08x}").parse().unwrap()), ..with_uuid() };
    let holds = |projects: u32| {
        let document =
            (1..projects).fold(PolicyDocument::default(), |it, n| it.merge(&of_project(n).trust_statement(None)));
        decide(&of_project(projects), &role_policies(Some(document), None)).is_ok()
    };
    assert!(holds(8) && !holds(9));
}

fn with_uuid() -> Input {
    Input { external_id: "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e".parse().unwrap(), ..input() }
}

#[test]
fn a_role_found_under_another_path_is_not_ours_to_change() {
    let mut observed = role_policies(Some(foreign()), None);
    observed.role.as_mut().unwrap().arn = "arn:aws:iam::444455556666:role/elsewhere/atlas-cmk".to_owned();
    let error = decide(&input(), &observed).unwrap_err();
    assert_eq!(error.name(), ErrorName::AwsConflict);
    assert!(error.message().contains("role/elsewhere/atlas-cmk"), "{error}");
}

fn sid() -> String {
    input().trust_statement(None).sid().unwrap().to_owned()
}

#[test]
fn what_of_a_role_is_not_ours_to_write_is_not_written() {
    let trust_only = Input { manage: ManageRole::TrustOnly, ..input() };
    let changes = decide(&trust_only, &role_policies(Some(foreign()), None)).unwrap();
    assert!(matches!(changes.as_slice(), [RoleChange::PutTrustPolicy(..)]), "{changes:?}");

    let none = Input { manage: ManageRole::None, ..input() };
    let error = decide(&none, &role_policies(Some(foreign()), None)).unwrap_err();
    assert!(error.message().contains("external-1"), "the message contains the statement to add: {error}");
    let trusting = foreign().merge(&input().trust_statement(None));
    assert_eq!(decide(&none, &role_policies(Some(trusting), None)).unwrap(), []);

    for manage in [ManageRole::TrustOnly, ManageRole::None] {
        let error = decide(&Input { manage, ..input() }, &role_policies(None, None)).unwrap_err();
        assert!(error.message().contains("role.manage"), "{error}");
    }
}

#[test]
fn a_plan_shows_our_statement_before_and_after_and_no_other() {
    let stale = Statement::trust(&sid(), "arn:aws:iam::299602853325:root", "of-a-record-that-is-gone");
    let changes = decide(&input(), &role_policies(Some(foreign().merge(&stale)), None)).unwrap();
    assert_eq!(
        changes[0].description().planned("").before["Condition"]["StringEquals"]["sts:ExternalId"],
        "of-a-record-that-is-gone"
    );
    assert_eq!(changes[0].description().planned("").after["Condition"]["StringEquals"]["sts:ExternalId"], "external-1");
    assert_eq!(changes[1].description().planned("").before, Value::Null);
}

#[test]
fn of_a_cross_account_access_only_the_trust_statement_is_merged() {
    let access = Input {
        project_id: None,
        key_arn: None,
        access_name: Some("S3Keys".parse().unwrap()),
        principal_arn: "arn:aws:iam::111122223333:role/atc-node".parse().unwrap(),
        external_id: EXTERNAL_ID.parse().unwrap(),
        manage: ManageRole::TrustOnly,
        ..input()
    };
    UpdateTrust::validate(&access).unwrap();
    let changes = decide(&access, &role_policies(Some(foreign()), None)).unwrap();
    let [RoleChange::PutTrustPolicy(_, trust, merged)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(trust.statements().len(), foreign().statements().len() + 1);
    let ours = Statement::trust("AtlasCmkAccessS3Keys", "arn:aws:iam::111122223333:role/atc-node", EXTERNAL_ID);
    assert_eq!(merged.after(), Value::from(ours.within("o-abcde12345")));
    let path = Input { principal_arn: "arn:aws:iam::111122223333:role/stacks/atlas-cmk/*".parse().unwrap(), ..access };
    let statement = path.trust_statement(Some("o-abcde12345"));
    assert_eq!(Value::from(statement.clone())["Principal"]["AWS"], "arn:aws:iam::111122223333:root");
    assert_eq!(Value::from(statement.clone())["Condition"]["StringEquals"]["aws:PrincipalOrgID"], "o-abcde12345");
    assert_eq!(statement.external_id(), Some(EXTERNAL_ID));
    for wrong in [
        Input { external_id: "guessed".parse().unwrap(), ..path },
        Input { project_id: None, access_name: None, ..input() },
        Input { key_arn: None, ..input() },
        Input { access_name: Some("S3Keys".parse().unwrap()), ..input() },
    ] {
        assert_eq!(UpdateTrust::validate(&wrong).unwrap_err().name(), ErrorName::InputInvalid);
    }
}

#[test]
fn the_name_of_an_access_is_given_to_its_roles_once() {
    let access = |target: &str| Input {
        project_id: None,
        key_arn: None,
        access_name: Some("S3Keys".parse().unwrap()),
        principal_arn: "arn:aws:iam::111122223333:role/atc-node".parse().unwrap(),
        role_arn: format!("arn:aws:iam::444455556666:role/{target}").parse().unwrap(),
        ..input()
    };
    let changes = register_access(&access("one"), None).unwrap();
    let [RoleChange::RegisterAccess(_, roles)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(register_access(&access("one"), Some(roles)).unwrap(), []);
    let refused = register_access(&access("other"), Some(roles)).unwrap_err();
    assert_eq!(refused.name(), ErrorName::AwsConflict);
    assert!(refused.message().contains("role/one"), "{refused}");
    assert_eq!(register_access(&input(), None).unwrap(), [], "a project has no name of an access");
}

#[test]
fn a_role_that_let_nobody_in_lets_atlas_in_again() {
    let closed = PolicyDocument::default().merge(&Statement::nobody());
    let changes = decide(&input(), &role_policies(Some(closed), None)).unwrap();
    let RoleChange::PutTrustPolicy(_, trust, _) = &changes[0] else { panic!("{changes:?}") };
    assert_eq!(trust.to_json(), PolicyDocument::default().merge(&input().trust_statement(None)).to_json());
}

/// The role after the changes were made.
fn applied(before: &RolePolicies, changes: &[RoleChange]) -> RolePolicies {
    changes.iter().fold(before.clone(), |now, change| match change {
        RoleChange::RegisterAccess(..) => now,
        RoleChange::CreateRole(_, trust) => RolePolicies { role: role_policies(Some(trust.clone()), None).role, ..now },
        RoleChange::PutTrustPolicy(_, trust, _) => {
            RolePolicies { role: now.role.map(|role| Role { trust_policy: trust.clone(), ..role }), ..now }
        }
        RoleChange::PutInlinePolicy(_, inline, ..) => RolePolicies { inline_policy: Some(inline.clone()), ..now },
    })
}

proptest! {
    #[test]
    fn after_the_changes_nothing_is_left_to_decide(
        exists in any::<bool>(),
        by_others in any::<bool>(),
        closed in any::<bool>(),
        ours in prop::option::of("[a-z]{2,8}"),
        other_project in any::<bool>(),
        old_key in prop::option::of("mrk-[0-9a-f]{8}"),
    ) {
        let mut trust = if by_others { foreign() } else { PolicyDocument::default() };
        if closed {
            trust = trust.merge(&Statement::nobody());
        }
        if let Some(external_id) = &ours {
            trust = trust.merge(&Statement::trust(&sid(), "arn:aws:iam::299602853325:root", external_id));
        }
        let other = "AtlasCmk66f0a1b2c3d4e5f6ffffffff";
        let key = |id: &str| format!("arn:aws:kms:us-east-1:444455556666:key/{id}");
        let mut inline = PolicyDocument::default();
        if other_project {
            inline = inline.merge(&Statement::allow(other, &["kms:Decrypt"], [key("mrk-9").as_str()]));
        }
        if let Some(id) = &old_key {
            inline = inline.merge(&Statement::allow(&sid(), &["kms:Decrypt"], [key(id).as_str()]));
        }
        let has_inline = exists && (other_project || old_key.is_some());
        let before = role_policies(exists.then_some(trust), has_inline.then_some(inline));
        let changes = decide(&input(), &before).unwrap();
        let after = applied(&before, &changes);
        prop_assert_eq!(decide(&input(), &after).unwrap(), vec![]);
        prop_assert_eq!(has_inline && other_project, after.inline_policy.unwrap().statement(other).is_some());
    }
}
