//! What the policies allow, as they are deployed: nothing that an attacker wants, to any role of the hub and of another
//! account; what the functions need, to those that need it; and each condition stops the attack that it is there for.

use std::collections::{BTreeMap, BTreeSet};

use atlas_cmk_local::{Account, events};
use atlas_cmk_tests::evaluator::{Decision, Policies, Request, decide};
use serde_json::{Value, json};

use crate::world::World;

const OUTSIDE: &str = "o-outside0000";

/// A role as it is deployed.
struct Role {
    /// Its step, or its name in the other account.
    name: String,
    arn: String,
    account: String,
    /// The ARN of its function, if it is one's.
    function: Option<String>,
    policies: Vec<Value>,
}

/// What somebody tries with the rights of a role.
struct Attack {
    name: &'static str,
    action: &'static str,
    /// The resource, in the account of the role: `ACCOUNT` and `STACK` are replaced.
    resource: &'static str,
    context: &'static [(&'static str, &'static str)],
    /// Whether the resource is a key whose policy leaves it to IAM.
    of_a_key: bool,
    /// The same call as it is needed: by whom, and what of the context is otherwise.
    needed: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    /// What stops it: condition keys, or Sids of what denies.
    stopped_by: &'static [&'static str],
}

const ACCESS_ROLE: &str = "arn:aws:iam::ACCOUNT:role/atlas-cmk/payments";
const BOUNDARY: (&str, &str) = ("iam:PermissionsBoundary", "BOUNDARY");
const ACCESS_BOUNDARY: (&str, &str) = ("iam:PermissionsBoundary", "ACCESS_BOUNDARY");
const ACCESS_POLICY: (&str, &str) = ("iam:PolicyARN", "arn:aws:iam::ACCOUNT:policy/atlas-cmk/access/AtlasCmkS3Keys");
const WIDE: (&str, &str) = ("iam:PermissionsBoundary", "arn:aws:iam::ACCOUNT:policy/wide");
const OURS: (&str, &str) = ("aws:RequestTag/atlas-cmk:managed-by", "atlas-cmk");

const REGISTRY: &str = "arn:aws:dynamodb:us-east-1:ACCOUNT:table/STACK-registry";
const PROJECT: (&str, &str) = ("dynamodb:LeadingKeys", "project#66f0a1b2c3d4e5f601234567");

const ATTACKS: [Attack; 21] = [
    Attack {
        name: "creates a role without a boundary",
        action: "iam:CreateRole",
        resource: ACCESS_ROLE,
        context: &[],
        of_a_key: false,
        needed: &[("update-trust", &[BOUNDARY]), ("AtlasCmkSpoke-iam", &[BOUNDARY])],
        stopped_by: &["iam:PermissionsBoundary"],
    },
    Attack {
        name: "creates a role with a boundary of his own",
        action: "iam:CreateRole",
        resource: ACCESS_ROLE,
        context: &[WIDE],
        of_a_key: false,
        needed: &[],
        stopped_by: &["iam:PermissionsBoundary"],
    },
    Attack {
        name: "gives rights to a role without the boundary",
        action: "iam:PutRolePolicy",
        resource: ACCESS_ROLE,
        context: &[WIDE],
        of_a_key: false,
        needed: &[("update-trust", &[BOUNDARY]), ("remove-trust", &[BOUNDARY]), ("AtlasCmkSpoke-iam", &[BOUNDARY])],
        stopped_by: &["iam:PermissionsBoundary"],
    },
    Attack {
        name: "attaches a policy to a role without the boundary",
        action: "iam:AttachRolePolicy",
        resource: ACCESS_ROLE,
        context: &[ACCESS_POLICY, WIDE],
        of_a_key: false,
        needed: &[
            ("converge-attachment", &[ACCESS_POLICY, ACCESS_BOUNDARY]),
            ("AtlasCmkSpoke-access", &[ACCESS_POLICY, ACCESS_BOUNDARY]),
        ],
        stopped_by: &["iam:PermissionsBoundary"],
    },
    Attack {
        name: "attaches a policy of AWS",
        action: "iam:AttachRolePolicy",
        resource: ACCESS_ROLE,
        context: &[("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess"), ACCESS_BOUNDARY],
        of_a_key: false,
        needed: &[],
        stopped_by: &["iam:PolicyARN"],
    },
    Attack {
        name: "detaches a policy of others",
        action: "iam:DetachRolePolicy",
        resource: ACCESS_ROLE,
        context: &[("iam:PolicyARN", "arn:aws:iam::ACCOUNT:policy/guardrail")],
        of_a_key: false,
        needed: &[("converge-attachment", &[ACCESS_POLICY]), ("AtlasCmkSpoke-access", &[ACCESS_POLICY])],
        stopped_by: &["iam:PolicyARN"],
    },
    Attack {
        name: "takes a boundary away",
        action: "iam:DeleteRolePermissionsBoundary",
        resource: ACCESS_ROLE,
        context: &[],
        of_a_key: false,
        needed: &[],
        stopped_by: &[],
    },
    Attack {
        name: "rewrites a boundary",
        action: "iam:CreatePolicyVersion",
        resource: "BOUNDARY",
        context: &[("aws:ResourceTag/atlas-cmk:managed-by", "atlas-cmk")],
        of_a_key: false,
        needed: &[],
        stopped_by: &[],
    },
    Attack {
        name: "rewrites a policy of others",
        action: "iam:CreatePolicyVersion",
        resource: "arn:aws:iam::ACCOUNT:policy/atlas-cmk/access/theirs",
        context: &[],
        of_a_key: false,
        needed: &[("converge-access-policy", &[("aws:ResourceTag/atlas-cmk:managed-by", "atlas-cmk")])],
        stopped_by: &["aws:ResourceTag/atlas-cmk:managed-by"],
    },
    Attack {
        name: "tags a role with a tag of others",
        action: "iam:TagRole",
        resource: ACCESS_ROLE,
        context: &[OURS, ("aws:TagKeys", "team")],
        of_a_key: false,
        needed: &[("update-trust", &[OURS, ("aws:TagKeys", "atlas-cmk:managed-by")])],
        stopped_by: &["aws:TagKeys"],
    },
    Attack {
        name: "changes a role of the stack",
        action: "iam:UpdateAssumeRolePolicy",
        resource: "arn:aws:iam::ACCOUNT:role/stacks/STACK/STACK-us-east-1-update-trust",
        context: &[],
        of_a_key: false,
        needed: &[],
        stopped_by: &[],
    },
    Attack {
        name: "gives rights to a role of the stack",
        action: "iam:PutRolePolicy",
        resource: "arn:aws:iam::ACCOUNT:role/AtlasCmkSpoke-iam",
        context: &[BOUNDARY],
        of_a_key: false,
        needed: &[],
        stopped_by: &[],
    },
    Attack {
        name: "changes the policy of a key that was not named",
        action: "kms:PutKeyPolicy",
        resource: "arn:aws:kms:us-east-1:ACCOUNT:key/mrk-ffffffffffffffffffffffffffffffff",
        context: &[("aws:ResourceTag/atlas-cmk:managed-by", "atlas-cmk")],
        of_a_key: true,
        needed: &[],
        stopped_by: &[],
    },
    Attack {
        name: "tags a key with a tag of others",
        action: "kms:TagResource",
        resource: "arn:aws:kms:us-east-1:ACCOUNT:key/mrk-ffffffffffffffffffffffffffffffff",
        context: &[OURS, ("aws:TagKeys", "team")],
        of_a_key: true,
        needed: &[("ensure-key", &[OURS, ("aws:TagKeys", "atlas-cmk:managed-by")])],
        stopped_by: &["aws:TagKeys"],
    },
    Attack {
        name: "keeps a key from being restored",
        action: "kms:TagResource",
        resource: "arn:aws:kms:us-east-1:ACCOUNT:key/mrk-ffffffffffffffffffffffffffffffff",
        context: &[OURS, ("aws:TagKeys", "atlas-cmk:guard")],
        of_a_key: true,
        needed: &[],
        stopped_by: &["aws:TagKeys"],
    },
    Attack {
        name: "creates a key without our mark",
        action: "kms:CreateKey",
        resource: "*",
        context: &[],
        of_a_key: false,
        needed: &[("ensure-key", &[OURS]), ("AtlasCmkSpoke-keys", &[OURS])],
        stopped_by: &["aws:RequestTag/atlas-cmk:managed-by"],
    },
    Attack {
        name: "decrypts with the key of the secret",
        action: "kms:Decrypt",
        resource: "arn:aws:kms:us-east-1:ACCOUNT:key/secret",
        context: &[],
        of_a_key: true,
        needed: &[("describe", &[("kms:ViaService", "secretsmanager.us-east-1.amazonaws.com")])],
        stopped_by: &["kms:ViaService"],
    },
    Attack {
        name: "leaves the organization",
        action: "sts:AssumeRole",
        resource: "arn:aws:iam::991122223333:role/AtlasCmkSpoke",
        context: &[("aws:ResourceOrgID", OUTSIDE)],
        of_a_key: false,
        needed: &[("describe", &[("aws:ResourceOrgID", events::ORGANIZATION)])],
        stopped_by: &["OnlyInTheOrganization"],
    },
    Attack {
        name: "uses the role of a function from elsewhere",
        action: "dynamodb:GetItem",
        resource: REGISTRY,
        context: &[PROJECT, ("lambda:SourceFunctionArn", "arn:aws:lambda:us-east-1:ACCOUNT:function:another")],
        of_a_key: false,
        needed: &[("describe", &[("lambda:SourceFunctionArn", "FUNCTION")])],
        stopped_by: &["OnlyItsFunction"],
    },
    Attack {
        name: "writes items of another kind",
        action: "dynamodb:PutItem",
        resource: REGISTRY,
        context: &[("dynamodb:LeadingKeys", "another#kind")],
        of_a_key: false,
        needed: &[("register", &[PROJECT])],
        stopped_by: &["dynamodb:LeadingKeys"],
    },
    Attack {
        name: "queries without a key",
        action: "dynamodb:Query",
        resource: REGISTRY,
        context: &[],
        of_a_key: false,
        needed: &[("on-change", &[PROJECT])],
        stopped_by: &["dynamodb:LeadingKeys"],
    },
];

/// The key policy that leaves everything to the account, as KMS makes it by default.
fn delegating(account: &str) -> Value {
    let root = format!("arn:aws:iam::{account}:root");
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
    ]})
}

impl Role {
    /// A text of the table, for this role.
    fn filled(&self, text: &str, stack: &str) -> String {
        let place =
            if self.name.starts_with("AtlasCmkSpoke") { "AtlasCmkSpoke" } else { "stacks/STACK/STACK-us-east-1" };
        let of = |kind: &str| format!("arn:aws:iam::ACCOUNT:policy/{place}-{kind}");
        let text = match text {
            "BOUNDARY" => of("access-role-boundary"),
            "ACCESS_BOUNDARY" => of("cross-account-boundary"),
            "FUNCTION" => self.function.clone().unwrap_or_default(),
            other => other.to_owned(),
        };
        text.replace("ACCOUNT", &self.account).replace("STACK", stack)
    }

    /// Whether policies allow the role a call.
    fn may(&self, policies: &[Value], stack: &str, attack: &Attack, context: &[(&str, &str)]) -> bool {
        let resource = self.filled(attack.resource, stack);
        let mut values = BTreeMap::from([
            ("aws:PrincipalArn", self.arn.clone()),
            ("aws:PrincipalAccount", self.account.clone()),
            ("aws:PrincipalTag/atlas-cmk:function", format!("{stack}-{}", self.name)),
            ("aws:ViaAWSService", "false".to_owned()),
            ("aws:ResourceOrgID", events::ORGANIZATION.to_owned()),
        ]);
        values.extend(self.function.clone().map(|function| ("lambda:SourceFunctionArn", function)));
        values.extend(context.iter().map(|(key, value)| (*key, self.filled(value, stack))));
        let request =
            values.iter().fold(Request::new(attack.action, &resource), |it, (key, value)| it.with(key, &[value]));
        let key_policy = delegating(&self.account);
        let resource = attack.of_a_key.then_some(&key_policy);
        decide(&request, &Policies { identity: policies, boundary: None, resource }) == Decision::Allowed
    }

    /// The attacks that policies allow.
    fn allowed(&self, policies: &[Value], stack: &str) -> BTreeSet<&'static str> {
        let possible = ATTACKS.iter().filter(|attack| self.may(policies, stack, attack, attack.context));
        possible.map(|attack| attack.name).collect()
    }
}

/// IAM returns documents URL-encoded.
fn document(text: &str) -> Value {
    serde_json::from_str(&percent_encoding::percent_decode_str(text).decode_utf8().unwrap()).unwrap()
}

/// The roles of an account whose names begin like this, with all their policies.
async fn roles(account: &Account, beginning: &str, functions: bool) -> Vec<Role> {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let mut roles = Vec::new();
    for role in iam.list_roles().send().await.unwrap().roles() {
        let Some(step) = role.role_name().strip_prefix(beginning) else { continue };
        let name = role.role_name();
        let mut policies = Vec::new();
        for policy in iam.list_role_policies().role_name(name).send().await.unwrap().policy_names() {
            let policy = iam.get_role_policy().role_name(name).policy_name(policy).send().await.unwrap();
            policies.push(document(&policy.policy_document));
        }
        for policy in iam.list_attached_role_policies().role_name(name).send().await.unwrap().attached_policies() {
            let arn = policy.policy_arn().unwrap();
            let version = iam.get_policy().policy_arn(arn).send().await.unwrap().policy.unwrap().default_version_id;
            let version = iam.get_policy_version().policy_arn(arn).version_id(version.unwrap()).send().await.unwrap();
            policies.push(document(version.policy_version.unwrap().document().unwrap()));
        }
        let is_function =
            functions && document(role.assume_role_policy_document().unwrap()).to_string().contains("lambda");
        let function = beginning.trim_end_matches("-us-east-1-");
        let function = format!("arn:aws:lambda:us-east-1:{}:function:{function}-{step}", account.id);
        roles.push(Role {
            name: if functions { step.to_owned() } else { name.to_owned() },
            arn: role.arn().to_owned(),
            account: account.id.clone(),
            function: is_function.then_some(function),
            policies,
        });
    }
    roles
}

async fn all_roles(world: &World) -> Vec<Role> {
    let stack = &world.customer().stack;
    let mut all = roles(world.hub(), &format!("{stack}-us-east-1-"), true).await;
    all.extend(roles(world.account(), "AtlasCmkSpoke", false).await);
    assert!(all.len() > 50, "there are roles to look at: {}", all.len());
    all
}

/// A deployment with a key of the secret, so that there is what allows to use it.
async fn deployed() -> World {
    let mut world = World::with_nothing().await;
    let key = format!("arn:aws:kms:us-east-1:{}:key/secret", world.hub().id);
    world.redeploy(vec![("AtlasSecretKeyArn", key)]).await;
    world
}

/// Each policy without one of its conditions, or without one of its denials, with the condition key or the Sid.
fn weakened(policies: &[Value]) -> Vec<(String, Vec<Value>)> {
    let mut found = Vec::new();
    let mut add = |what: String, place: usize, policy: Value| {
        let mut weaker = policies.to_vec();
        weaker[place] = policy;
        found.push((what, weaker));
    };
    for (place, policy) in policies.iter().enumerate() {
        for (number, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
            if statement["Effect"] == "Deny" {
                let mut weaker = policy.clone();
                weaker["Statement"].as_array_mut().unwrap().remove(number);
                add(statement["Sid"].as_str().unwrap_or_default().to_owned(), place, weaker);
                continue;
            }
            for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
                for key in keys.as_object().unwrap().keys() {
                    let mut weaker = policy.clone();
                    let of_operator = &mut weaker["Statement"][number]["Condition"][operator];
                    of_operator.as_object_mut().unwrap().remove(key);
                    add(key.clone(), place, weaker);
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn no_role_may_do_what_an_attacker_wants_and_each_condition_stops_its_attack() {
    let world = deployed().await;
    let stack = &world.customer().stack;
    let roles = all_roles(&world).await;
    for role in &roles {
        assert_eq!(role.allowed(&role.policies, stack), BTreeSet::new(), "{}", role.name);
    }
    for attack in &ATTACKS {
        for (name, context) in attack.needed {
            let role = roles.iter().find(|role| role.name == *name).unwrap_or_else(|| panic!("no role {name}"));
            let context: Vec<_> = attack.context.iter().chain(*context).copied().collect();
            assert!(role.may(&role.policies, stack, attack, &context), "{name} needs {} {context:?}", attack.action);
        }
    }
    let mut let_through: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for role in &roles {
        for (what, policies) in weakened(&role.policies) {
            for name in role.allowed(&policies, stack) {
                let_through.entry(name).or_default().insert(what.clone());
            }
        }
    }
    for attack in &ATTACKS {
        let expected: BTreeSet<String> = attack.stopped_by.iter().map(|it| (*it).to_owned()).collect();
        let found = let_through.remove(attack.name).unwrap_or_default();
        assert_eq!(found, expected, "{}", attack.name);
    }
}
