//! Whether a key is one that atlas-cmk would have created. Whoever may create keys and aliases in an account can leave one
//! there under our alias, with our tags and with a policy of his own: neither proves anything.

use crate::{
    aws::Key,
    ids::{IamRoleArn, Region},
    model::statements::KEY_ACTIONS,
    policy::{KeyMaintainers, Owner, PolicyDocument, SID_PREFIX, Statement},
};

/// The services that grant themselves the use of a key that they encrypt with (KMS developer guide, "Grants
/// in AWS KMS"), each as a principal such as `rds.us-east-1.amazonaws.com`.
const SERVICES_WITH_GRANTS: [&str; 5] = ["dynamodb", "ec2", "lambda", "rds", "redshift"];

/// The key in one region: the primary, or a replica, which has a policy and grants of its own and decrypts the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Copy {
    pub(crate) region: Region,
    /// `None` if we may not read it.
    pub(crate) policy: Option<PolicyDocument>,
    /// The principals of its grants; `None` if we may not read them.
    pub(crate) grantees: Option<Vec<String>>,
}

/// What distinguishes the key from one that `maintainers` create for `role` and its neighbours, if anything does.
pub(crate) fn differences(key: &Key, copies: &[Copy], maintainers: &KeyMaintainers, role: &IamRoleArn) -> Vec<String> {
    let mut differences = Vec::new();
    if !key.is_of_kms {
        differences.push("its key material does not come from KMS".to_owned());
    }
    if key.primary.is_none() {
        differences.push("it is not a multi-Region key".to_owned());
    }
    if !key.is_symmetric {
        differences.push("it is not a symmetric encryption key".to_owned());
    }
    for Copy { region, policy, grantees } in copies {
        match policy {
            Some(policy) => {
                let of_policy = of_policy(policy, maintainers, role).into_iter();
                differences.extend(of_policy.map(|what| format!("its key policy in {region} {what}")));
            }
            None => differences.push(format!("its key policy in {region} does not let atlas-cmk read it")),
        }
        match grantees {
            Some(grantees) => {
                let foreign = grantees.iter().filter(|grantee| !is_service(grantee));
                differences.extend(foreign.map(|grantee| format!("it has a grant for {grantee} in {region}")));
            }
            None => differences.push(format!("its grants in {region} cannot be read")),
        }
    }
    differences
}

/// The statements of a new key have to be there and mean the same. Besides them there may be those that let the roles of
/// Atlas projects use the key, and such as only deny.
fn of_policy(policy: &PolicyDocument, maintainers: &KeyMaintainers, role: &IamRoleArn) -> Vec<String> {
    let own = maintainers.policy_of_new_key();
    let is_there = |ours: &Statement| {
        let theirs = ours.sid().and_then(|sid| policy.statement(sid));
        theirs.is_some_and(|theirs| theirs.means_the_same_as(ours))
    };
    let own = own.statements();
    let missing = own.iter().filter(|ours| !is_there(ours)).filter_map(Statement::sid);
    let mut differences: Vec<String> =
        missing.map(|sid| format!("lacks the statement {sid}, or has another one of that name")).collect();
    for statement in policy.statements() {
        let is_own = own.iter().any(|ours| ours.sid() == statement.sid());
        let only_denies = statement.elements().get("Effect").is_some_and(|effect| effect == "Deny");
        if !is_own && !only_denies && !lets_a_role_use_it(&statement, role) {
            let name = statement.sid().unwrap_or("without a Sid");
            differences.push(format!("has the statement {name}, which atlas-cmk did not write"));
        }
    }
    differences
}

/// Whether it is what `allow-key-use` writes, for this role or for a neighbour: a role below the same path. Whoever may
/// create keys in an account may name a role of his own in the policy, but not create one there.
fn lets_a_role_use_it(statement: &Statement, role: &IamRoleArn) -> bool {
    let project = statement.sid().and_then(|sid| sid.strip_prefix(SID_PREFIX)).and_then(|id| id.parse().ok());
    let principal = statement.elements().get("Principal").and_then(|principal| principal.get("AWS")?.as_str());
    let (Some(project), Some(principal)) = (project, principal) else { return false };
    let path = |arn: &str| arn.rsplit_once('/').map(|(path, _)| path.to_owned());
    // Everybody's roles are in the root path.
    let has_path = path(role.as_ref()).is_some_and(|path| path.contains(":role/"));
    let is_neighbour = has_path && path(principal) == path(role.as_ref());
    // A role that was deleted is left as its unique id, which nobody can be any more.
    let is_known = principal == role.as_ref() || is_neighbour || principal.starts_with("AROA");
    let ours = Statement::allow_principal(&Owner::KeyUse(&project).sid(), principal, &KEY_ACTIONS);
    is_known && statement.means_the_same_as(&ours)
}

fn is_service(grantee: &str) -> bool {
    let service = grantee.split_once('.').filter(|(_, rest)| rest.ends_with(".amazonaws.com"));
    service.is_some_and(|(service, _)| SERVICES_WITH_GRANTS.contains(&service))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{aws::KeyState, fixtures};

    fn maintainers() -> KeyMaintainers {
        fixtures::key_maintainers()
    }

    fn found(key: &Key, policy: &PolicyDocument, grantees: &[&str]) -> Vec<String> {
        let grantees = grantees.iter().map(ToString::to_string).collect();
        let copy = Copy { region: key.arn.region().clone(), policy: Some(policy.clone()), grantees: Some(grantees) };
        differences(key, &[copy], &maintainers(), &role())
    }

    fn role() -> IamRoleArn {
        "arn:aws:iam::444455556666:role/atlas-cmk/payments".parse().unwrap()
    }

    fn ours() -> PolicyDocument {
        maintainers().policy_of_new_key()
    }

    fn allowing(sid: &str, principal: &str, actions: &[&str]) -> PolicyDocument {
        ours().merge(&Statement::allow_principal(sid, principal, actions))
    }

    fn replaced(sid: &str, element: &str, value: Value) -> PolicyDocument {
        let mut elements = ours().statement(sid).unwrap().elements().clone();
        elements.insert(element.to_owned(), value);
        fixtures::policy(&json!([elements])).statements().iter().fold(ours().remove(sid), |policy, it| policy.merge(it))
    }

    #[test]
    fn a_key_that_we_would_have_created_differs_in_nothing() {
        let key = fixtures::key("us-east-1", KeyState::Enabled);
        let neighbour = "arn:aws:iam::444455556666:role/atlas-cmk/orders";
        let deny = json!({"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"});
        for policy in [
            ours(),
            allowing("AtlasCmk66f0a1b2c3d4e5f601234567", role().as_ref(), &KEY_ACTIONS),
            allowing("AtlasCmk66f0a1b2c3d4e5f601234567", neighbour, &KEY_ACTIONS),
            allowing("AtlasCmk66f0a1b2c3d4e5f601234567", "AROAEXAMPLEID", &KEY_ACTIONS),
            fixtures::policy(&json!([deny])).statements().iter().fold(ours(), |policy, it| policy.merge(it)),
        ] {
            assert_eq!(found(&key, &policy, &["rds.us-east-1.amazonaws.com"]), [""; 0], "{policy:?}");
        }
    }

    #[test]
    fn a_policy_that_admits_others_is_named() {
        let key = fixtures::key("us-east-1", KeyState::Enabled);
        let project = "AtlasCmk66f0a1b2c3d4e5f601234567";
        let root = "arn:aws:iam::999999999999:root";
        for policy in [
            allowing("Theirs", root, &["kms:*"]),
            allowing("AtlasCmkMore", root, &["kms:*"]),
            allowing(project, root, &["kms:*"]),
            allowing(project, "arn:aws:iam::999999999999:role/evil", &KEY_ACTIONS),
            allowing(project, "arn:aws:iam::999999999999:role/atlas-cmk/orders", &KEY_ACTIONS),
            allowing(project, "arn:aws:iam::444455556666:role/evil", &KEY_ACTIONS),
            allowing(project, "arn:aws:iam::444455556666:role/team/evil", &KEY_ACTIONS),
            allowing(project, "arn:aws:iam::444455556666:root", &KEY_ACTIONS),
            allowing(project, "arn:aws:iam::444455556666:role/atlas-cmk/payments", &["kms:*"]),
            replaced("AtlasCmkAdministration", "Principal", json!({"AWS": root})),
            replaced("AtlasCmkAdministration", "Action", json!("kms:*")),
            replaced("AtlasCmkKeyPolicy", "Condition", json!({})),
            ours().remove("AtlasCmkRestoration"),
        ] {
            let found = found(&key, &policy, &[]);
            assert_eq!(found.len(), 1, "{found:?}: {policy:?}");
        }
    }

    #[test]
    fn a_role_in_the_root_path_has_no_neighbours_and_may_be_of_another_account_than_the_key() {
        let of_others = "arn:aws:iam::111122223333:role/payments".parse().unwrap();
        let found = |principal: &str| {
            let policy = allowing("AtlasCmk66f0a1b2c3d4e5f601234567", principal, &KEY_ACTIONS);
            of_policy(&policy, &maintainers(), &of_others).len()
        };
        assert_eq!(found("arn:aws:iam::111122223333:role/payments"), 0);
        assert_eq!(found("arn:aws:iam::111122223333:role/evil"), 1);
    }

    #[test]
    fn another_origin_kind_or_grant_is_named() {
        let key = || fixtures::key("us-east-1", KeyState::Enabled);
        let imported = Key { is_of_kms: false, ..key() };
        let single = Key { primary: None, ..key() };
        let signing = Key { is_symmetric: false, ..key() };
        for (key, grantees) in [
            (imported, [].as_slice()),
            (single, &[]),
            (signing, &[]),
            (key(), &["arn:aws:iam::999999999999:root"]),
            (key(), &["evil.us-east-1.amazonaws.com"]),
        ] {
            assert_eq!(found(&key, &ours(), grantees).len(), 1, "{key:?} {grantees:?}");
        }
    }

    #[test]
    fn a_replica_is_looked_at_like_the_primary_and_what_cannot_be_read_is_a_difference() {
        let key = fixtures::key("us-east-1", KeyState::Enabled);
        let primary = Copy { region: "us-east-1".parse().unwrap(), policy: Some(ours()), grantees: Some(Vec::new()) };
        let evil = allowing("Theirs", "arn:aws:iam::999999999999:root", &["kms:Decrypt"]);
        let replica = Copy { region: "eu-west-1".parse().unwrap(), policy: Some(evil), grantees: None };
        let found = differences(&key, &[primary, replica], &maintainers(), &role());
        assert!(found.len() == 2 && found.iter().all(|it| it.contains("eu-west-1")), "{found:?}");
    }
}
