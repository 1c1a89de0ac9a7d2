//! What a step declares is what the role of its function allows, in the stack and in other accounts. What is recorded
//! when it runs is compared in tests/recorded.

use std::collections::BTreeSet;

use atlas_cmk_tests::{
    contracts::{self, Function},
    files::Files,
    template,
};
use serde_json::{Value, json};

/// What every function does, and no step declares.
const OF_EVERY_FUNCTION: [&str; 4] =
    ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// What Lambda does with the role of a function in a VPC (Lambda developer guide, "VPC").
const IN_A_VPC: [&str; 6] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

/// Where what a step declares is not what the role of its function allows, or what infra/spoke.yaml allows is not what
/// steps declare.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let functions = contracts::functions();
    let mut complaints: Vec<String> = functions.iter().flat_map(|function| check_role(files, function)).collect();
    for role in contracts::SPOKE_ROLES {
        complaints.extend(check_trust(files, role));
        let elsewhere = functions.iter().filter_map(Function::elsewhere).filter(|(it, _)| *it == role);
        let needed: BTreeSet<String> =
            elsewhere.flat_map(|(_, actions)| actions).filter(|action| !by_key_policy(action)).collect();
        let allowed = template::allowed_actions(&files.spoke, &files.spoke["Resources"][role]);
        complain(&mut complaints, &format!("{role} of infra/spoke.yaml"), &needed, &allowed.into_iter().collect());
    }
    complaints
}

/// Whether a role of infra/spoke.yaml admits exactly the functions that assume it.
fn check_trust(files: &Files, role: &str) -> Option<String> {
    let trust = &files.spoke["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    let admitted = trust["Condition"]["ArnEquals"]["aws:PrincipalArn"].as_array()?;
    let prefix = "arn:${AWS::Partition}:iam::${HubAccountId}:role/stacks/${HubStackName}/${HubStackName}-${HubRegion}-";
    let admitted: BTreeSet<&str> =
        admitted.iter().map(|arn| arn["Fn::Sub"].as_str().unwrap().strip_prefix(prefix).unwrap()).collect();
    let assuming = contracts::functions().iter().filter(|it| it.elsewhere().is_some_and(|(it, _)| it == role));
    let assuming: BTreeSet<&str> = assuming.map(Function::name).collect();
    (admitted != assuming)
        .then(|| format!("{role} of infra/spoke.yaml admits {admitted:?}, and {assuming:?} assume it"))
}

fn check_role(files: &Files, function: &Function) -> Vec<String> {
    let mut complaints = Vec::new();
    let camel: String = function.name().split('-').map(capitalised).collect();
    let role = &files.template["Resources"][format!("{camel}Role")];
    let declared = function.actions.iter().chain(&OF_EVERY_FUNCTION).chain(&IN_A_VPC);
    let declared = declared.filter(|action| !by_key_policy(action)).map(|action| (*action).to_owned()).collect();
    let allowed = template::allowed_actions(&files.template, role).into_iter().collect();
    complain(&mut complaints, &format!("{camel}Role of infra/template.yaml"), &declared, &allowed);
    let bound = json!([{"Key": "atlas-cmk:function", "Value": {"Fn::Sub": format!("${{AWS::StackName}}-{}", function.name())}}]);
    if role["Properties"]["Tags"] != bound {
        complaints.push(format!("{camel}Role of infra/template.yaml is not bound to its function by its tag"));
    }
    complaints
}

/// Whether only the policy of a key allows it, on keys that atlas-cmk created.
fn by_key_policy(action: &str) -> bool {
    ["kms:EnableKeyRotation"].contains(&action)
}

fn complain(complaints: &mut Vec<String>, role: &str, declared: &BTreeSet<String>, allowed: &BTreeSet<String>) {
    let missing = declared - allowed;
    if !missing.is_empty() {
        complaints.push(format!("{role} does not allow {missing:?}, which ACTIONS declares"));
    }
    let too_much = allowed - declared;
    if !too_much.is_empty() {
        complaints.push(format!("{role} allows {too_much:?}, which no ACTIONS declares"));
    }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn roles(template: &Value) -> Vec<(String, Value)> {
    let resources = template["Resources"].as_object().unwrap().clone();
    resources.into_iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role").collect()
}

#[test]
fn every_function_may_do_what_its_step_declares_and_no_more() {
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}

#[test]
fn only_what_has_no_arn_is_allowed_on_every_resource() {
    let files = Files::read().unwrap();
    for (name, role) in roles(&files.template) {
        for statement in template::policies(&files.template, &role).iter().flat_map(template::statements) {
            if statement["Resource"] == "*" {
                let actions = template::texts(&statement["Action"]);
                // What is denied is denied everywhere.
                if statement["Effect"] == "Deny" {
                    continue;
                }
                // A key that is to be made has no ARN, but it has to carry our mark.
                let of_a_new_key = actions == ["kms:CreateKey"] && statement.get("Condition").is_some();
                // A task that waits for an answer is known by its token.
                let of_a_token = actions == ["states:SendTaskSuccess", "states:SendTaskFailure"];
                let without_arn = |action: &&str| {
                    ["logs:", "xray:", "ec2:"].iter().any(|service| action.starts_with(service))
                        || ["kms:ListKeys", "organizations:ListAccounts"].contains(action)
                };
                assert!(of_a_new_key || of_a_token || actions.iter().all(without_arn), "{name}: {actions:?}");
            }
        }
        let actions = template::allowed_actions(&files.template, &role);
        assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
    }
}

#[test]
fn nothing_deployed_in_either_account_may_disable_or_delete_a_key() {
    let files = Files::read().unwrap();
    let mut deployed = Vec::new();
    for template in [&files.template, &files.spoke] {
        let allowed = |(name, role)| (name, template::allowed_actions(template, &role));
        deployed.extend(roles(template).into_iter().map(allowed));
    }
    assert!(deployed.len() > 30, "there are roles to look at: {}", deployed.len());
    for (name, actions) in deployed {
        assert!(!actions.is_empty(), "{name}");
        for forbidden in
            ["kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:DeleteImportedKeyMaterial", "kms:CreateGrant"]
        {
            // A wildcard would do it too.
            let covers = |action: &String| {
                let prefix = action.trim_end_matches('*');
                action == forbidden || (action.ends_with('*') && forbidden.starts_with(prefix))
            };
            assert!(!actions.iter().any(covers), "{name}: {forbidden}");
        }
    }
    // What is denied by exception allows nothing, so that the names occur nowhere.
    for text in [files.template.to_string(), files.spoke["Resources"]["KeysRole"].to_string()] {
        assert!(!text.contains("\"kms:ScheduleKeyDeletion") && !text.contains("\"kms:DisableKey"));
    }
}

#[test]
fn no_identity_policy_writes_to_a_key_unless_it_was_named() {
    let files = Files::read().unwrap();
    for (template, role, statement) in statements_of_roles(&files) {
        let actions = template::texts(&statement["Action"]);
        let writes = |action: &&str| {
            action.starts_with("kms:")
                && !["kms:CreateKey", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"].contains(action)
                && !action.starts_with("kms:Get")
                && !action.starts_with("kms:List")
        };
        let is_named =
            statement["Resource"]["Ref"] == "KeyArns" || statement["Resource"].to_string().contains(":alias/");
        // A key is created with tags, which takes this. No statement asks a key for its tags, so that they open nothing.
        let tags_a_new_key = actions == ["kms:TagResource"]
            && statement["Condition"]["StringEquals"]["aws:RequestTag/atlas-cmk:managed-by"] == "atlas-cmk";
        let is_denied = statement["Effect"] == "Deny";
        assert!(
            is_denied || is_named || tags_a_new_key || !actions.iter().any(writes),
            "{template}: {role}: {actions:?}"
        );
        let conditions = statement["Condition"].to_string();
        let of_a_key = actions.iter().any(|action| action.starts_with("kms:"));
        assert!(!(of_a_key && conditions.contains("aws:ResourceTag")), "{template}: {role}: {conditions}");
    }
    for template in [&files.template, &files.spoke] {
        assert_eq!(template["Parameters"]["KeyArns"]["Default"], "", "no key but ours, unless somebody names it");
    }
}

#[test]
fn whatever_tags_a_role_a_policy_or_a_key_writes_tags_of_atlas_cmk_only() {
    for (template, role, statement) in statements_of_roles(&Files::read().unwrap()) {
        let tags = |action: &&str| action.contains(":Tag") || action.contains(":Untag");
        let actions = template::texts(&statement["Action"]);
        if statement["Effect"] == "Deny" || !actions.iter().any(tags) {
            continue;
        }
        let of_all = ["ForAllValues:StringLike", "ForAllValues:StringEquals"]
            .map(|operator| statement["Condition"][operator]["aws:TagKeys"].clone());
        let keys: Vec<&str> = of_all.iter().flat_map(template::texts).collect();
        let ours = !keys.is_empty() && keys.iter().all(|key| key.starts_with("atlas-cmk:"));
        assert!(ours, "{template}: {role}: {statement}");
    }
}

/// The statements of every role of the hub and of other accounts, with the template and the role.
fn statements_of_roles(files: &Files) -> Vec<(&'static str, String, Value)> {
    let of = |name, template: &Value| {
        let of_role = |(role, resource): (String, Value)| {
            let policies = template::policies(template, &resource);
            let statements: Vec<Value> = policies.iter().flat_map(template::statements).collect();
            statements.into_iter().map(move |statement| (name, role.clone(), statement))
        };
        roles(template).into_iter().flat_map(of_role).collect::<Vec<_>>()
    };
    [of("infra/template.yaml", &files.template), of("infra/spoke.yaml", &files.spoke)].concat()
}

#[test]
fn who_is_denied_a_function_is_denied_its_versions() {
    let template = template::load().unwrap();
    for policy in ["Starters", "Approvers"] {
        let statements = template::statements(&template["Resources"][policy]["Properties"]);
        let denies = statements
            .iter()
            .filter(|it| it["Effect"] == "Deny" && template::texts(&it["Action"]).contains(&"lambda:InvokeFunction"));
        for deny in denies {
            // Lambda authorizes a call with a qualifier on the ARN with the qualifier.
            let resource = deny["Resource"].to_string();
            assert!(resource.contains(":*") || resource.contains("-*"), "{policy}: {deny}");
            assert!(template::texts(&deny["Action"]).contains(&"lambda:InvokeAsync"), "{policy}: {deny}");
        }
    }
}

#[test]
fn no_statement_is_written_twice() {
    let template = template::load().unwrap();
    let mut seen = BTreeSet::new();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let own = resource["Properties"]["Policies"].as_array().into_iter().flatten();
        let managed = (resource["Type"] == "AWS::IAM::ManagedPolicy").then_some(&resource["Properties"]);
        for statement in own.chain(managed).flat_map(template::statements) {
            let actions = template::texts(&statement["Action"]).len();
            assert!(seen.insert(statement.to_string()) || actions == 0, "{name}: {statement}");
        }
    }
}
