//! The statements of the roles of functions: how many allow the same action, under which conditions, and what they deny.

use std::collections::{BTreeMap, BTreeSet};

use atlas_cmk_tests::{contracts, files::Files, template};
use serde_json::Value;

/// The actions that several statements of a role allow, each on other resources. All others have one.
const SEVERAL: [(&str, &str, usize); 25] = [
    // Of its own topic, and of the secret.
    ("diagnose", "kms:Decrypt", 2),
    ("diagnose", "kms:GenerateDataKey", 2),
    // Whose turn it is to get a token, and what is registered, owed or approved.
    ("cancel-authorization", "dynamodb:GetItem", 2),
    ("deauthorize-role", "dynamodb:GetItem", 2),
    ("describe", "dynamodb:GetItem", 2),
    ("diagnose", "dynamodb:GetItem", 2),
    ("diagnose", "dynamodb:PutItem", 2),
    ("enable-kms", "dynamodb:GetItem", 2),
    ("plan-disable", "dynamodb:GetItem", 3),
    ("preflight", "dynamodb:GetItem", 3),
    ("set-cluster-encryption", "dynamodb:GetItem", 2),
    ("update-encryption", "dynamodb:GetItem", 2),
    // Accounts, and profiles.
    ("find-missed-accounts", "dynamodb:Query", 2),
    // Roles with the boundary, and roles that UnboundedRoleArns names.
    ("update-trust", "iam:GetRolePolicy", 2),
    ("update-trust", "iam:PutRolePolicy", 2),
    ("update-trust", "iam:UpdateAssumeRolePolicy", 2),
    ("remove-trust", "iam:GetRolePolicy", 2),
    ("remove-trust", "iam:PutRolePolicy", 2),
    ("remove-trust", "iam:UpdateAssumeRolePolicy", 2),
    ("IamRole", "iam:DeleteRolePolicy", 2),
    ("IamRole", "iam:GetRolePolicy", 2),
    ("IamRole", "iam:PutRolePolicy", 2),
    ("IamRole", "iam:UpdateAssumeRolePolicy", 2),
    // Roles of spokes, and sources of cross-account access.
    ("verify-access", "sts:AssumeRole", 2),
    // The secret of the stack, other secrets, and the shared token.
    ("", "secretsmanager:GetSecretValue", 3),
];

/// The condition keys that go with an action, one of them at least, unless a parameter names the resources. An action
/// without keys is allowed only then: nothing but the policy of a key opens it.
const CONDITIONS: [(&str, &[&str]); 30] = [
    ("dynamodb:BatchGetItem", &["dynamodb:LeadingKeys"]),
    ("dynamodb:DeleteItem", &["dynamodb:LeadingKeys"]),
    ("dynamodb:GetItem", &["dynamodb:LeadingKeys"]),
    ("dynamodb:PutItem", &["dynamodb:LeadingKeys"]),
    ("dynamodb:Query", &["dynamodb:LeadingKeys"]),
    ("iam:AttachRolePolicy", &["iam:PermissionsBoundary"]),
    ("iam:AttachRolePolicy", &["iam:PolicyARN"]),
    ("iam:CreatePolicy", &["aws:RequestTag/atlas-cmk:managed-by"]),
    ("iam:CreatePolicyVersion", &["aws:ResourceTag/atlas-cmk:managed-by"]),
    ("iam:CreateRole", &["iam:PermissionsBoundary"]),
    ("iam:CreateServiceLinkedRole", &["iam:AWSServiceName"]),
    ("iam:DeletePolicy", &["aws:ResourceTag/atlas-cmk:managed-by"]),
    ("iam:DeletePolicyVersion", &["aws:ResourceTag/atlas-cmk:managed-by"]),
    ("iam:DeleteRole", &["aws:ResourceTag/atlas-cmk:managed-by"]),
    ("iam:DeleteRolePolicy", &["iam:PermissionsBoundary"]),
    ("iam:DetachRolePolicy", &["iam:PolicyARN"]),
    ("iam:PutRolePolicy", &["iam:PermissionsBoundary"]),
    ("iam:TagPolicy", &["aws:RequestTag/atlas-cmk:managed-by"]),
    ("iam:TagRole", &["aws:TagKeys"]),
    ("iam:UntagRole", &["aws:TagKeys"]),
    ("kms:CancelKeyDeletion", &[]),
    ("kms:CreateKey", &["aws:RequestTag/atlas-cmk:managed-by"]),
    ("kms:Decrypt", &["kms:ViaService"]),
    ("kms:EnableKey", &[]),
    ("kms:EnableKeyRotation", &[]),
    ("kms:GenerateDataKey", &["kms:ViaService"]),
    ("kms:PutKeyPolicy", &[]),
    ("kms:ReplicateKey", &[]),
    ("kms:TagResource", &["aws:RequestTag/atlas-cmk:managed-by"]),
    ("kms:UntagResource", &[]),
];

/// What every function is denied, each by a statement that has all of these texts.
const DENIED: [&[&str]; 3] = [
    &[
        "OnlyItsFunction",
        "ArnNotEquals",
        "lambda:SourceFunctionArn",
        "${!aws:PrincipalTag/atlas-cmk:function}",
        "aws:ViaAWSService",
    ],
    &["OnlyLambdaItself", "ec2:*", "lambda:SourceFunctionArn", "false"],
    &["OnlyInTheOrganization", "sts:AssumeRole", "StringNotEquals", "aws:ResourceOrgID"],
];

/// What is denied besides to whatever may do something with the roles that `AccessRoleName` matches.
const DENIED_OF_ROLES: [&[&str]; 3] = [
    &["iam:*", "/stacks/*", "${SpokeRoleName}"],
    &["iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"],
    &[
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy\"",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:TagPolicy",
        "AccessRoleBoundaryArn",
        "PermissionsBoundaryArn",
    ],
];

/// The roles that may do something with the roles that `AccessRoleName` matches, and are not denied those of stacks: they
/// only read, and a source of cross-account access may be a function.
const MAY_READ_ROLES_OF_STACKS: [&str; 3] = ["plan-access", "verify-access", "SpokeRole"];

/// The roles of functions in the template, by their steps, and those of infra/spoke.yaml that functions assume.
fn roles(files: &Files) -> BTreeMap<String, (Vec<Value>, usize)> {
    let camel = |step: &str| step.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>();
    let of = |template: &Value, role: &Value| {
        let policies = template::policies(template, role);
        let without = policies.iter().filter(|policy| template::unconditional_statements(policy) == 0).count();
        (policies.iter().flat_map(template::statements).collect(), without)
    };
    let functions = contracts::functions();
    let hub = functions.iter().map(|function| {
        let role = &files.template["Resources"][format!("{}Role", camel(function.name()))];
        (function.name().to_owned(), of(&files.template, role))
    });
    let spoke = contracts::SPOKE_ROLES.map(|name| (name.to_owned(), of(&files.spoke, &files.spoke["Resources"][name])));
    hub.chain(spoke).collect()
}

/// Where a statement is missing, is one too many, or lacks its condition.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for (role, (statements, empty)) in roles(files) {
        if empty > 0 {
            complaints
                .push(format!("{role}: a policy has no statement but conditional ones, and IAM refuses it without"));
        }
        let allowing = || statements.iter().filter(|statement| statement["Effect"] == "Allow");
        let actions: BTreeSet<&str> = allowing().flat_map(|statement| template::texts(&statement["Action"])).collect();
        for action in actions {
            let count = allowing().filter(|it| template::texts(&it["Action"]).contains(&action)).count();
            let several = SEVERAL.iter().find(|row| (row.0 == role || row.0.is_empty()) && row.1 == action);
            let expected = several.map_or(1, |row| row.2);
            if count != expected {
                complaints.push(format!("{role}: {count} statements allow {action}, not {expected}"));
            }
        }
        for statement in allowing() {
            complaints.extend(without_condition(statement).map(|why| format!("{role}: {why}: {statement}")));
        }
        let of_access_roles = |statement: &&Value| {
            let resource = statement["Resource"].to_string();
            (resource.contains("${AccessRoleName}") || resource.contains("policy/atlas-cmk/access"))
                && template::texts(&statement["Action"]).iter().any(|action| action.starts_with("iam:"))
        };
        let denying: Vec<String> =
            statements.iter().filter(|it| it["Effect"] == "Deny").map(ToString::to_string).collect();
        let is_denied = |texts: &&&[&str]| denying.iter().any(|it| texts.iter().all(|text| it.contains(text)));
        let writes_roles =
            allowing().any(|it| of_access_roles(&it)) && !MAY_READ_ROLES_OF_STACKS.contains(&role.as_str());
        let of_function = DENIED.iter().filter(|_| !contracts::SPOKE_ROLES.contains(&role.as_str()));
        let needed = of_function.chain(DENIED_OF_ROLES.iter().filter(|_| writes_roles));
        complaints
            .extend(needed.filter(|texts| !is_denied(texts)).map(|texts| format!("{role} is not denied {texts:?}")));
    }
    complaints
}

/// The condition that a statement lacks.
fn without_condition(statement: &Value) -> Option<String> {
    let resource = statement["Resource"].to_string();
    // Of an alias only the name is known; a topic's key is known by its ARN and only used through SNS.
    // A tag may be read by others, whatever the key is.
    let writes_tags =
        template::texts(&statement["Action"]).iter().any(|it| it.contains(":Tag") || it.contains(":Untag"));
    if writes_tags && !statement["Condition"].to_string().contains("aws:TagKeys") {
        return Some("its tags need aws:TagKeys".to_owned());
    }
    let is_named =
        ["KeyArns", "UnboundedRoleArns"].contains(&statement["Resource"]["Ref"].as_str().unwrap_or_default());
    if is_named || resource.contains(":alias/") {
        return None;
    }
    let conditions = statement["Condition"].to_string();
    let actions = template::texts(&statement["Action"]);
    let mut needed = CONDITIONS.iter().filter(|(action, _)| actions.contains(action));
    let (action, keys) = needed.find(|(_, keys)| !keys.iter().any(|key| conditions.contains(key)))?;
    Some(format!("{action} needs {}", keys.join(" or ")))
}

#[test]
fn every_action_is_allowed_once_under_its_condition() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}
