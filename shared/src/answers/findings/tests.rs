use serde_json::{Value, json};

use super::*;
use crate::{
    answers::survey::{InAtlas, Obstacles, RegionalKey},
    atlas::{AccessRole, AwsKms, EncryptionAtRest, Project},
    aws::{KeyState, SimulatedDecision},
    error::{Error, ErrorName, Failure},
    fixtures::{
        self, KEY, ROLE, access_role, aws_kms, cluster, endpoint, key, merged, pending_access_role, policy,
        role_policies,
    },
    ids::KmsKeyArn,
    model::role_policies::RolePolicies,
    policy::{PolicyDocument, Statement},
    registry::{self, approvals},
    steps::enable::ensure_key::foreign_key,
    tags,
};

fn request(change: &Value) -> EnableEncryption {
    fixtures::request(&merged(json!({"regions": ["us-east-1", "eu-west-1"]}), change))
}

fn delegating() -> PolicyDocument {
    policy(
        &json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "kms:*", "Resource": "*"}]),
    )
}

fn regional_key(region: &str, state: Option<KeyState>) -> RegionalKey {
    let arn: KmsKeyArn = KEY.replace("us-east-1", region).parse().unwrap();
    let there = state.is_some();
    let key = state.map(|state| key(region, state));
    RegionalKey { arn, key: Ok(key), policy: Ok(there.then(delegating)), tags: Ok(vec![tags::ours()]) }
}

/// A project and a key that nothing is wrong with, before the first run.
fn prepared() -> Survey {
    Survey {
        project: Ok(Some(Project {
            id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            name: "payments".to_owned(),
            org_id: "5f0000000000000000000001".to_owned(),
        })),
        in_atlas: InAtlas {
            access_roles: Ok(Vec::new()),
            encryption: Ok(EncryptionAtRest::default()),
            endpoints: Ok(Vec::new()),
            clusters: Ok(vec![cluster(&json!({}))]),
            flex_clusters: Ok(vec!["playground".to_owned()]),
        },
        registered: Ok(None),
        iam_role: Ok(role_policies(None, None)),
        obstacles: Obstacles::default(),
        keys: vec![
            regional_key("us-east-1", Some(KeyState::Enabled)),
            regional_key("eu-west-1", Some(KeyState::Enabled)),
        ],
        alias: None,
        made_key: Ok(None),
        requires_approval: true,
        approvals: Ok(approvals::Given::default()),
        now: jiff::Timestamp::UNIX_EPOCH,
        key_arn: Some(KEY.parse().unwrap()),
        primary_region: "us-east-1".parse().unwrap(),
        own_account: Some("444455556666".parse().unwrap()),
    }
}

type Breakage = fn(&mut Survey);

fn decision(action: &str, allowed: bool, explicitly_denied: bool) -> SimulatedDecision {
    SimulatedDecision { action: action.to_owned(), allowed, explicitly_denied }
}

/// What AWS answers in a region that the account has not enabled, and in an account that is being made.
fn unknown_credentials() -> Error {
    Error::new(ErrorName::AccountNotReady, "x").because_of(Failure::Aws("UnrecognizedClientException".to_owned()))
}

fn denied(action: &str) -> Error {
    Error::new(ErrorName::AccountAccessDenied, format!("{action} on x: AccessDenied"))
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(all(&prepared(), &request(&json!({"clusters": "all"}))), []);
    assert_eq!(prepared().disturbance(), None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn whatever_would_fail_later_is_found_and_named() {
    let table: [(Breakage, Value, &str, &str); 25] = [
        (
            |it| it.keys[0] = regional_key("us-east-1", Some(KeyState::Disabled)),
            json!({}),
            "Kms.KeyUnusable",
            "is disabled",
        ),
        (
            |it| it.keys[1] = regional_key("eu-west-1", Some(KeyState::PendingDeletion)),
            json!({}),
            "Kms.KeyUnusable",
            "pending deletion",
        ),
        (
            |it| it.keys[1] = regional_key("eu-west-1", Some(KeyState::Other("PendingImport".to_owned()))),
            json!({}),
            "Kms.KeyUnusable",
            "PendingImport",
        ),
        (
            |it| it.keys[0].key.as_mut().unwrap().as_mut().unwrap().is_symmetric = false,
            json!({}),
            "Kms.KeyUnusable",
            "is not a symmetric encryption key",
        ),
        (|it| it.keys[0] = regional_key("us-east-1", None), json!({}), "Kms.KeyUnusable", "KMS has no key"),
        (
            |it| it.keys[1] = regional_key("eu-west-1", None),
            json!({"key": {"manage": "none"}}),
            "Kms.NotReplicated",
            "no replica in eu-west-1",
        ),
        (
            |it| it.keys[0].key = Err(denied("kms:DescribeKey")),
            json!({}),
            "Account.AccessDenied",
            "atlas-cmk cannot read the key",
        ),
        (
            |it| it.alias = Some(denied("kms:DescribeKey")),
            json!({}),
            "Account.AccessDenied",
            "AWS denies a call of atlas-cmk",
        ),
        (
            |it| {
                it.keys[0].policy = Ok(Some(policy(
                    &json!([{"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}]),
                )));
            },
            json!({}),
            "Kms.AccessDenied",
            "denies kms:Decrypt",
        ),
        (
            |it| it.keys[1].key = Err(unknown_credentials()),
            json!({}),
            "Kms.NotReplicated",
            "eu-west-1 is not enabled in account 444455556666",
        ),
        (
            |it| it.keys[1].tags = Ok((0..50).map(|n| (n.to_string(), String::new())).collect()),
            json!({}),
            "Iam.QuotaExceeded",
            "no room for the tag of the project",
        ),
        (
            |it| {
                let mut policies = role_policies(Some(PolicyDocument::default()), None);
                policies.role.as_mut().unwrap().tags = (0..50).map(|n| (n.to_string(), String::new())).collect();
                it.iam_role = Ok(policies);
            },
            json!({}),
            "Iam.QuotaExceeded",
            "no room for the tag of the project",
        ),
        (
            |it| it.made_key = Ok(Some(foreign_key())),
            json!({"keyArn": null, "key": {"alias": "alias/x"}}),
            "Aws.Conflict",
            "a key that differs from those that atlas-cmk creates",
        ),
        (
            |it| {
                let there = role_policies(Some(PolicyDocument::default()), None);
                it.iam_role = Ok(RolePolicies { is_bounded: false, ..there });
            },
            json!({}),
            "Account.AccessDenied",
            "has no permissions boundary that the stack accepts",
        ),
        (
            |it| it.obstacles.boundary = Some(("arn".to_owned(), Ok(PolicyDocument::default()))),
            json!({}),
            "Kms.AccessDenied",
            "permissions boundary",
        ),
        (
            |it| it.obstacles.allowed = Some(vec![decision("kms:Decrypt", false, true)]),
            json!({}),
            "Kms.AccessDenied",
            "denies it kms:Decrypt",
        ),
        (
            |it| it.iam_role = Err(denied("iam:GetRole")),
            json!({}),
            "Account.AccessDenied",
            "is not allowed to read or to change",
        ),
        (|_| {}, json!({"role": {"manage": "none"}}), "Aws.Conflict", "does not exist, and role.manage"),
        (
            |it| it.in_atlas.endpoints = Err(Error::new(ErrorName::AtlasUnauthorized, "401")),
            json!({}),
            "Atlas.Unauthorized",
            "Project Owner",
        ),
        (
            |it| {
                it.in_atlas.encryption.as_mut().unwrap().google_cloud_kms =
                    Some(crate::atlas::OtherProvider { enabled: Some(true) });
            },
            json!({}),
            "Atlas.Conflict",
            "Google Cloud KMS",
        ),
        (
            |it| {
                it.in_atlas.endpoints = Ok(vec![endpoint(1, "EU_WEST_1", "FAILED")]);
            },
            json!({}),
            "Endpoint.Failed",
            "eu-west-1 failed",
        ),
        (
            |_| {},
            json!({"regions": ["us-east-1", "us-east-9"]}),
            "Input.Invalid",
            "does not support AWS region us-east-9",
        ),
        (|_| {}, json!({"clusters": ["nowhere"]}), "Input.Invalid", "no cluster nowhere"),
        (
            |_| {},
            json!({"clusters": "all", "regions": ["us-east-1"]}),
            "Input.Invalid",
            "regions without a private endpoint",
        ),
        (
            |it| {
                it.in_atlas.clusters = Ok(vec![cluster(&json!({"encryptionAtRestProvider": "AWS",
                            "replicationSpecs": [{"regionConfigs": [{"providerName": "GCP", "regionName": "X"}]}]}))]);
            },
            json!({}),
            "Atlas.Conflict",
            "outside of AWS",
        ),
    ];
    for (breakage, change, error, cause) in table {
        let mut survey = prepared();
        breakage(&mut survey);
        let findings = all(&survey, &request(&change));
        let found = findings.iter().find(|finding| finding.cause.contains(cause));
        let found = found.unwrap_or_else(|| panic!("{cause:?} is not among {findings:?}"));
        assert_eq!(found.error, error, "{found:?}");
        assert!(!found.fix.is_empty() && !found.evidence.is_empty(), "{found:?}");
    }
}

/// A request that names the project by its name.
fn by_name(change: &Value) -> EnableEncryption {
    let mut whole = json!({"projectId": null, "project": {"name": "payments", "orgId": "5f0000000000000000000001"}});
    whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    request(&whole)
}

/// What somebody has registered of the project.
fn registered(role: &str) -> registry::Project {
    fixtures::registered(&json!({"desired": {"roleArn": role}}))
}

#[test]
fn a_project_that_was_found_by_its_name_and_is_another_accounts_is_refused_and_by_its_id_it_is_meant() {
    const OTHER: &str = "arn:aws:iam::111122220000:role/atlas-cmk";
    fn encrypted(key: &str) -> EncryptionAtRest {
        let aws_kms = Some(AwsKms { customer_master_key_id: Some(key.to_owned()), ..aws_kms() });
        EncryptionAtRest { aws_kms, ..EncryptionAtRest::default() }
    }
    fn record(role: &str) -> AccessRole {
        AccessRole { iam_assumed_role_arn: Some(role.to_owned()), ..access_role() }
    }
    let owned: [Breakage; 4] = [
        |it| it.in_atlas.encryption = Ok(encrypted("arn:aws:kms:us-east-1:111122220000:key/mrk-9")),
        |it| it.in_atlas.access_roles = Ok(vec![record(OTHER)]),
        |it| it.registered = Ok(Some(registered(OTHER))),
        |it| {
            let key = "arn:aws:kms:us-east-1:111122220000:key/mrk-9";
            it.registered = Ok(Some(fixtures::registered(&json!({"keyArn": key, "desired": {"roleArn": ROLE}}))));
        },
    ];
    for take in owned {
        let mut survey = prepared();
        take(&mut survey);
        let found = all(&survey, &by_name(&json!({})));
        assert_eq!(found.first().map(|it| it.error.as_str()), Some("Atlas.Conflict"), "{found:?}");
        assert!(found[0].cause.contains("account 111122220000") && found[0].fix.contains("\"projectId\""), "{found:?}");
        assert_eq!(all(&survey, &request(&json!({}))), [], "by its id a project is moved on purpose");
        assert!(is_of_another(&survey, &request(&json!({}))), "and somebody else approves it");
    }
    let unknown = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let mut survey = prepared();
    survey.in_atlas.encryption = Ok(encrypted(unknown));
    let found = all(&survey, &by_name(&json!({})));
    assert!(
        found[0].cause.contains("may belong to another account") && found[0].evidence.contains(unknown),
        "{found:?}"
    );
    let own: [Breakage; 4] = [
        |_| {},
        |it| it.in_atlas.encryption = Ok(encrypted("arn:aws:kms:eu-west-1:444455556666:key/mrk-0")),
        |it| it.in_atlas.access_roles = Ok(vec![record(ROLE)]),
        |it| it.registered = Ok(Some(registered(ROLE))),
    ];
    for leave in own {
        let mut survey = prepared();
        leave(&mut survey);
        assert_eq!(all(&survey, &by_name(&json!({}))), []);
        assert!(!is_of_another(&survey, &request(&json!({}))));
    }
    // Other features of Atlas may use roles of any account.
    let mut survey = prepared();
    survey.registered = Ok(Some(registered(ROLE)));
    survey.in_atlas.access_roles = Ok(vec![record(OTHER)]);
    assert!(!is_of_another(&survey, &request(&json!({}))));
}

#[test]
fn a_registry_that_cannot_be_read_is_not_taken_for_one_without_the_project() {
    let survey = Survey { registered: Err(denied("dynamodb:GetItem")), ..prepared() };
    assert_eq!(all(&survey, &by_name(&json!({})))[0].error, "Account.AccessDenied");
}

#[test]
fn what_passes_by_itself_is_for_the_state_machine_to_retry() {
    for name in [
        ErrorName::AccountNotReady,
        ErrorName::AtlasRateLimited,
        ErrorName::AtlasUnavailable,
        ErrorName::AwsUnavailable,
    ] {
        let survey = Survey { iam_role: Err(Error::new(name, "later")), ..prepared() };
        assert_eq!(survey.disturbance().unwrap().name(), name);
    }
    assert_eq!(Survey { iam_role: Err(denied("iam:GetRole")), ..prepared() }.disturbance(), None);
    let mut survey = prepared();
    survey.keys[1].key = Err(unknown_credentials());
    assert_eq!(survey.disturbance(), None, "a region that is not enabled does not become so by waiting");
    survey.keys[0].key = Err(unknown_credentials());
    assert!(survey.disturbance().is_some(), "an account that is being made does");
    survey.keys[0] = regional_key("us-east-1", Some(KeyState::Enabled));
    survey.keys[1].key = Err(Error::new(ErrorName::AccountNotReady, "the role cannot be assumed"));
    assert!(survey.disturbance().is_some(), "the account became ready between two reads");
}

#[test]
fn a_region_needs_a_replica_until_it_has_one_that_is_ready() {
    for (state, expected) in [
        (Some(KeyState::Enabled), (0, 0)),
        (Some(KeyState::Disabled), (0, 0)),
        (Some(KeyState::Creating), (1, 0)),
        (None, (1, 1)),
    ] {
        let mut survey = prepared();
        survey.keys[1] = regional_key("eu-west-1", state);
        let request = request(&json!({}));
        let found = (survey.regions_to_replicate(&request).len(), survey.regions_without_replica(&request).len());
        assert_eq!(found, expected);
    }
    let nothing = Survey { keys: Vec::new(), key_arn: None, ..prepared() };
    assert_eq!(nothing.regions_to_replicate(&request(&json!({}))).len(), 1, "all but where the key is made");
}

#[test]
fn a_key_policy_has_to_name_the_role_only_where_nothing_else_lets_it_in() {
    let admins = policy(
        &json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:user/admin"}, "Action": "kms:*"}]),
    );
    let mut survey = prepared();
    assert!(!survey.needs_key_statements(&request(&json!({}))));
    survey.keys[1].policy = Ok(Some(admins));
    assert!(survey.needs_key_statements(&request(&json!({}))));
    assert!(!survey.needs_key_statements(&request(&json!({"key": {"manage": "none"}}))));
    let [missing] = by_hand(&survey, &request(&json!({"key": {"manage": "none"}}))).try_into().unwrap();
    assert_eq!(missing.resource, KEY.replace("us-east-1", "eu-west-1"));
    assert!(prepared().needs_key_statements(&request(&json!({"roleArn": "arn:aws:iam::111122223333:role/atlas-cmk"}))));
}

#[test]
fn a_role_that_anybody_may_assume_is_found() {
    for (principal, condition, open) in [
        (json!("*"), json!({}), true),
        (json!({"AWS": ["*"]}), json!({"StringEquals": {"aws:PrincipalOrgID": "o-abcde12345"}}), true),
        (json!("*"), json!({"StringEquals": {"sts:ExternalId": "b63a96a9-2f4e-4c5f"}}), false),
        (json!({"Service": "backup.amazonaws.com"}), json!({}), false),
        (json!({"AWS": "arn:aws:iam::444455556666:root"}), json!({}), false),
    ] {
        let statement =
            json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}]);
        let survey = Survey { iam_role: Ok(role_policies(Some(policy(&statement)), None)), ..prepared() };
        let found = all(&survey, &request(&json!({})));
        assert_eq!(
            found.iter().any(|it| it.cause.contains("any principal")),
            open,
            "{principal} {condition}: {found:?}"
        );
    }
}

#[test]
fn after_our_steps_have_run_what_somebody_else_changed_is_found() {
    let request = request(&json!({}));
    let record = pending_access_role();
    let sid = "AtlasCmk66f0a1b2c3d4e5f601234567";
    let trust = |external_id: &str| {
        PolicyDocument::default().merge(&Statement::trust(sid, "arn:aws:iam::299602853325:root", external_id))
    };
    let deny = PolicyDocument::parse(
        &json!({"Version": "2012-10-17", "Statement": [
            trust("external-1").statements()[0].elements(),
            {"Sid": "Quarantine", "Effect": "Deny", "Principal": "*", "Action": "sts:*"},
        ]})
        .to_string(),
    )
    .unwrap();
    for (trust_policy, allowed, cause) in [
        (trust("external-1"), true, None),
        (trust("external-2"), true, Some("another external ID")),
        (PolicyDocument::default(), true, Some("has no statement for Atlas")),
        (deny, true, Some("denies Atlas")),
        (trust("external-1"), false, Some("allows it kms:Decrypt")),
    ] {
        let mut survey = prepared();
        survey.in_atlas.access_roles = Ok(vec![record.clone()]);
        survey.iam_role = Ok(role_policies(Some(trust_policy), None));
        survey.obstacles.allowed = Some(vec![decision("kms:Decrypt", allowed, false)]);
        let wanted = Wanted { role_id: Some(record.role_id.clone()), ..Wanted::new(&request, None) };
        let found = tampering(&survey, &wanted);
        match cause {
            None => assert_eq!(found, []),
            Some(cause) => assert!(found.len() == 1 && found[0].cause.contains(cause), "{cause}: {found:?}"),
        }
    }
}

#[test]
fn clusters_that_cannot_use_the_key_are_left_out_with_the_reason() {
    let mut survey = prepared();
    survey.in_atlas.clusters.as_mut().unwrap().push(cluster(&json!({"name": "archive", "paused": true})));
    survey
        .in_atlas
        .clusters
        .as_mut()
        .unwrap()
        .push(cluster(&json!({"name": "done", "paused": true, "encryptionAtRestProvider": "AWS"})));
    let request = request(&json!({"clusters": "all"}));
    let (selected, skipped) = survey.in_atlas.select_clusters(&request);
    assert_eq!(selected.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["orders", "done"]);
    assert_eq!(skipped.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["archive", "playground"]);
}

#[test]
fn what_is_registered_of_another_account_than_atlas_uses_is_not_acted_on() {
    let registered = |role: &str, key: &str| {
        fixtures::registered(&json!({"keyArn": key, "desired": {"roleArn": role, "keyArn": key}}))
    };
    let encrypted = EncryptionAtRest { aws_kms: Some(aws_kms()), ..EncryptionAtRest::default() };
    let (other_role, other_key) = (ROLE.replace("4444", "9999"), KEY.replace("4444", "9999"));
    for (role, key, is_reported) in
        [(ROLE, KEY, false), (ROLE, other_key.as_str(), true), (other_role.as_str(), KEY, true)]
    {
        let mut survey = prepared();
        survey.registered = Ok(Some(registered(role, key)));
        survey.in_atlas.encryption = Ok(encrypted.clone());
        survey.in_atlas.access_roles = Ok(vec![access_role()]);
        let asked = fixtures::request(&json!({"roleArn": role, "keyArn": key}));
        assert_eq!(super::owner::moved_away(&survey, &asked).is_some(), is_reported, "{role} {key}");
        let meant = fixtures::request(&json!({"roleArn": role, "keyArn": key, "guard": "restore"}));
        assert_eq!(super::owner::moved_away(&survey, &meant), None, "another state is meant");
    }
}
