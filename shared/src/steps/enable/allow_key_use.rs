//! `allow-key-use`: our statement in the policy of the key in one region, where it is needed: if the role is in another
//! account, or if the policy does not leave it to the IAM policies of its own. A statement of ours that names a role
//! which was deleted since is repaired: AWS shows an id in its place, and the role that was created again is a
//! different principal (IAM user guide, "AWS JSON policy elements: Principal").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    aws::Caller,
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, IamRoleArn, KmsKeyArn, ProjectId, Region, SpokeRole},
    model::{
        enablement::{Enablement, sample},
        keys::replica_of,
        statements::KEY_ACTIONS,
    },
    policy::{Merged, Owner, PolicyDocument, SID_PREFIX, Statement},
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// KMS's quota for a key policy in bytes (KMS developer guide, "Resource quotas"). It cannot be raised.
const KEY_POLICY_SIZE_QUOTA: usize = 32_768;

/// The step.
pub struct AllowKeyUse;

/// The key in a region, and the role that is allowed to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The Atlas project, whose id the Sid of the statement contains.
    pub project_id: ProjectId,
    /// The IAM role.
    pub role_arn: IamRoleArn,
    /// The key in its own region.
    pub key_arn: KmsKeyArn,
    /// The region whose key policy this is about.
    pub region: Region,
    /// Access to the account of the key, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

impl Input {
    /// The input in an enablement, for a region.
    pub fn of(enablement: &Enablement<'_>, region: &Region) -> Self {
        Self {
            project_id: enablement.project_id.clone(),
            role_arn: enablement.request.role_arn.clone(),
            key_arn: enablement.key_arn.clone(),
            region: region.clone(),
            account: enablement.request.account.clone(),
            execution: enablement.execution.clone(),
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }

    fn regional_key(&self) -> Result<KmsKeyArn> {
        replica_of(&self.key_arn, &self.region)
    }
}

/// The key in that region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub key_arn: KmsKeyArn,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq)]
pub struct PutKeyPolicy {
    key: KmsKeyArn,
    policy: PolicyDocument,
    merged: Merged,
}

impl Described for PutKeyPolicy {
    fn description(&self) -> Description {
        let summary = format!("statement for the role merged into the key policy in {}", self.key.region());
        Description::update(&self.key, summary).before(self.merged.before()).after(self.merged.after())
    }
}

/// What a key policy lacks. Nothing, where it leaves the decision to IAM and has no statement of ours.
pub(crate) fn changes(
    project: &ProjectId,
    role: &IamRoleArn,
    key: &KmsKeyArn,
    policy: &PolicyDocument,
) -> Result<Vec<PutKeyPolicy>> {
    let sid = Owner::KeyUse(project).sid();
    let needed = role.account() != key.account() || !policy.delegates_to_iam(key.account(), &KEY_ACTIONS);
    if !needed && policy.statement(&sid).is_none() {
        return Ok(Vec::new());
    }
    let ours = Statement::allow_principal(&sid, role.as_ref(), &KEY_ACTIONS);
    let with_ours = repaired(policy, &sid, role).merge(&ours);
    if with_ours == *policy {
        return Ok(Vec::new());
    }
    let size = with_ours.to_json().len();
    if size > KEY_POLICY_SIZE_QUOTA {
        return Err(Error::new(
            ErrorName::IamQuotaExceeded,
            format!(
                "the key policy of {key} would be {size} bytes long, {} more than its quota of \
                 {KEY_POLICY_SIZE_QUOTA}; remove statements that are no longer used",
                size - KEY_POLICY_SIZE_QUOTA
            ),
        ));
    }
    Ok(vec![PutKeyPolicy { key: key.clone(), policy: with_ours, merged: Merged::new(policy, ours) }])
}

/// The role may serve other projects too. Where our statement names what is left of a role that was deleted, theirs do
/// as well, and KMS takes no policy that still names it.
fn repaired(policy: &PolicyDocument, sid: &str, role: &IamRoleArn) -> PolicyDocument {
    let principal =
        |statement: &Statement| statement.elements().get("Principal")?.get("AWS")?.as_str().map(str::to_owned);
    let orphan = policy.statement(sid).as_ref().and_then(principal).filter(|id| id.starts_with("AROA"));
    let Some(orphan) = orphan else { return policy.clone() };
    policy.statements().iter().fold(policy.clone(), |document, statement| match statement.sid() {
        Some(other) if other.starts_with(SID_PREFIX) && principal(statement).as_ref() == Some(&orphan) => {
            document.merge(&Statement::allow_principal(other, role.as_ref(), &KEY_ACTIONS))
        }
        _ => document,
    })
}

impl Step for AllowKeyUse {
    const NAME: &'static str = "allow-key-use";
    const ABOUT: &'static str = "Merges the statement for the access role into the key policy of one region, where it \
        is needed: a key that atlas-cmk created, a role in another account, or a policy that does not delegate to \
        IAM. Repairs a statement that names a deleted role";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[actions::OTHER_ACCOUNTS, &["kms:GetKeyPolicy", "kms:PutKeyPolicy"]];
    const SPOKE_ROLE: SpokeRole = SpokeRole::KeyPolicies;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample(|enablement| Input::of(enablement, &enablement.primary_region))
    }
}

impl Converge for AllowKeyUse {
    type Observation = PolicyDocument;
    type Change = PutKeyPolicy;

    async fn observe(readers: &Readers, input: &Input) -> Result<PolicyDocument> {
        let key = input.regional_key()?;
        // A role of any other account is nobody's business here, whoever asks.
        readers.reach("roleArn", input.role_arn.as_ref(), input.role_arn.account(), input.caller())?;
        readers.kms_for(&key, input.caller()).await?.policy(&key).await
    }

    fn decide(input: &Input, policy: &PolicyDocument) -> Result<Vec<PutKeyPolicy>> {
        changes(&input.project_id, &input.role_arn, &input.regional_key()?, policy)
    }

    async fn act(writers: &Writers, input: &Input, _: PolicyDocument, changes: &[PutKeyPolicy]) -> Result<Output> {
        for change in changes {
            writers.kms_for(&change.key, input.caller()).await?.put_policy(&change.key, &change.policy).await?;
        }
        Ok(Output { key_arn: input.regional_key()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde_json::json;

    use super::*;
    use crate::fixtures::{enablement, policy, region, request};

    fn input(role_account: &str) -> Input {
        let role_arn = format!("arn:aws:iam::{role_account}:role/atlas-cmk").parse().unwrap();
        Input { role_arn, ..Input::of(&enablement(&request(&json!({}))), &region("eu-west-1")) }
    }

    fn root() -> Value {
        json!({"Sid": "Enable IAM", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
            "Action": "kms:*", "Resource": "*"})
    }

    fn admins() -> Value {
        json!({"Sid": "Admins", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:role/admin"},
            "Action": "kms:*", "Resource": "*"})
    }

    fn ours(principal: &str) -> Value {
        Statement::allow_principal("AtlasCmk66f0a1b2c3d4e5f601234567", principal, &KEY_ACTIONS).into()
    }

    proptest! {
        #[test]
        fn after_the_change_nothing_is_left_to_decide(
            account in prop::sample::select(vec!["444455556666", "111122223333"]),
            delegates in any::<bool>(),
            has_admins in any::<bool>(),
            has_ours in prop::option::of(prop::sample::select(vec!["arn:aws:iam::444455556666:role/x", "AROAGONE"])),
        ) {
            let statements = delegates.then(root).into_iter().chain(has_admins.then(admins)).chain(has_ours.map(ours));
            let before = policy(&statements.collect());
            let changes = AllowKeyUse::decide(&input(account), &before).unwrap();
            let after = changes.first().map_or(before, |change| change.policy.clone());
            prop_assert_eq!(AllowKeyUse::decide(&input(account), &after).unwrap(), vec![]);
        }
    }

    #[test]
    fn our_statement_is_merged_where_the_role_would_be_kept_out_and_nowhere_else() {
        let role = "arn:aws:iam::444455556666:role/atlas-cmk";
        for (account, statements, changes) in [
            ("444455556666", json!([root()]), 0),
            ("444455556666", json!([admins()]), 1),
            ("111122223333", json!([root()]), 1),
            ("444455556666", json!([admins(), ours(role)]), 0),
            ("444455556666", json!([root(), ours("AROAEXAMPLEORPHAN")]), 1),
            ("444455556666", json!([root(), ours(role)]), 0),
        ] {
            let decided = AllowKeyUse::decide(&input(account), &policy(&statements)).unwrap();
            assert_eq!(decided.len(), changes, "{account} {statements}");
            for change in decided {
                assert_eq!(change.description().made("").resource, "arn:aws:kms:eu-west-1:444455556666:key/mrk-1");
                let foreign = Value::from(change.policy.statements()[0].clone());
                assert_eq!(foreign.to_string(), statements[0].to_string(), "a foreign statement stays as it is");
                assert_eq!(change.description().planned("").after, ours(input(account).role_arn.as_ref()));
            }
        }
    }

    #[test]
    fn what_is_left_of_a_deleted_role_is_repaired_in_the_statements_of_all_its_projects_and_in_no_other() {
        let of = |sid: &str, principal: &str| Value::from(Statement::allow_principal(sid, principal, &KEY_ACTIONS));
        let role = "arn:aws:iam::444455556666:role/atlas-cmk";
        let statements = json!([
            root(),
            of("AtlasCmk66f0a1b2c3d4e5f6ffffffff", "AROAGONE"),
            of("AtlasCmk66f0a1b2c3d4e5f6eeeeeeee", "AROAOTHER"),
            of("Foreign", "AROAGONE"),
            ours("AROAGONE"),
        ]);
        let [change] = AllowKeyUse::decide(&input("444455556666"), &policy(&statements)).unwrap().try_into().unwrap();
        let principals: Vec<Value> = change
            .policy
            .statements()
            .into_iter()
            .skip(1)
            .map(|it| Value::from(it)["Principal"]["AWS"].clone())
            .collect();
        assert_eq!(principals, [role, "AROAOTHER", "AROAGONE", role]);
    }

    #[test]
    fn a_policy_that_would_grow_too_large_is_refused_before_it_is_written() {
        let full: Vec<Value> = (0..210)
            .map(|n| {
                json!({"Sid": format!("Foreign{n}"), "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::444455556666:role/some-role-of-another-team"},
            "Action": "kms:DescribeKey", "Resource": "*"})
            })
            .collect();
        let error = AllowKeyUse::decide(&input("444455556666"), &policy(&json!(full))).unwrap_err();
        assert_eq!(error.name(), ErrorName::IamQuotaExceeded);
        assert!(error.message().contains("32768"), "{error}");
    }
}
