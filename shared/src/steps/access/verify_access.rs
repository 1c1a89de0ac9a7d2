//! `verify-access`: whether the target role can be assumed with the external ID, and cannot be without. It is tried as
//! the source role, if that lets this function in; if it does not, the policies on both sides are read and judged.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Assumption, Caller, SimulatedDecision},
    error::{Error, ErrorName, Result},
    ids::{AccessName, AccountAccess, ExternalId, IamRoleArn, SourceRole},
    policy::{Owner, PolicyDocument},
    request::Verified,
    step::{Actions, Answer, Readers, Retries, Step, actions},
};

/// The step.
pub struct VerifyAccess;

/// The access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// Its name, after which the trust statement is named.
    pub access_name: AccessName,
    /// Who may assume the role.
    pub source_role_arn: SourceRole,
    /// The role that is assumed.
    pub target_role_arn: IamRoleArn,
    /// What has to be presented.
    pub external_id: ExternalId,
    /// Access to the account of the source role, if it is not the account in which the function runs.
    #[serde(default)]
    pub source: Option<AccountAccess>,
    /// Access to the account of the target role, if it is not the account in which the function runs.
    #[serde(default)]
    pub target: Option<AccountAccess>,
    /// The name of the execution, after which sessions are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// That it is as it should be: all else is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// How that was found out.
    pub verified: Verified,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// What came of trying.
    Tried(Assumption),
    /// What the source role is allowed, and what the target role asks for.
    Read {
        /// What IAM's simulator says of the source role; a path of roles has no policies to be asked about.
        source: Option<SimulatedDecision>,
        /// The trust policy of the target role, if that is there.
        target: Option<PolicyDocument>,
    },
}

impl Step for VerifyAccess {
    const NAME: &'static str = "verify-access";
    const ABOUT: &'static str = "Read-only: tests that the target role can be assumed with the external ID, and only \
        with it";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AccessVerificationFailed]);
    const ACTIONS: Actions = &[actions::OTHER_ACCOUNTS, &["iam:GetRole", "iam:SimulatePrincipalPolicy"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "accessName": "S3Keys",
            "sourceRoleArn": "arn:aws:iam::777788889999:role/atlas-cmk-atc-node",
            "targetRoleArn": "arn:aws:iam::444455556666:role/atlas-cmk-atc-s3-access-keys",
            "externalId": "b63a96a9-2f4e-4c5f-9a35-0a5b54f4ba8e",
            "execution": "manual-1"
        })
    }
}

impl Answer for VerifyAccess {
    type Observation = Seen;

    async fn observe(readers: &Readers, input: &Input) -> Result<Seen> {
        let (source, target) = (input.caller(input.source.as_ref()), input.caller(input.target.as_ref()));
        let role = input.source_role_arn.role();
        let tried = readers.try_assuming(source, role, &input.target_role_arn, &input.external_id).await?;
        // Of a path, this function's own role may be one; if it is not, its refusal says nothing.
        let says_something = |tried: &Assumption| role.is_some() || tried.with_external_id;
        if let Some(tried) = tried.filter(says_something) {
            return Ok(Seen::Tried(tried));
        }
        let decision = match role {
            Some(role) => {
                let iam = readers.iam_for(role, source).await?;
                let target = input.target_role_arn.as_ref();
                iam.simulate(role.as_ref(), &["sts:AssumeRole"], &[target], &[]).await?.into_iter().next()
            }
            None => None,
        };
        let iam = readers.iam_for(&input.target_role_arn, target).await?;
        let trust = iam.role(&input.target_role_arn).await?.map(|role| role.trust_policy);
        Ok(Seen::Read { source: decision, target: trust })
    }

    fn answer(input: &Input, seen: Seen, _: Timestamp) -> Result<Output> {
        judge(input, &seen)
    }
}

impl Input {
    fn caller<'a>(&'a self, account: Option<&'a AccountAccess>) -> Caller<'a> {
        Caller { account, execution: self.execution.as_deref() }
    }
}

/// The statement of a trust policy that allows the source without any external ID.
pub(crate) fn statement_without_external_id(source: &SourceRole, trust: &PolicyDocument) -> Option<String> {
    trust.lets_in_without_external_id(&source.account_root(), source.role().map(AsRef::as_ref))
}

fn judge(input: &Input, seen: &Seen) -> Result<Output> {
    let differs = |what: &str| {
        Err(Error::new(
            ErrorName::AccessVerificationFailed,
            format!(
                "{} by {}: {what}; expected for some minutes after a change",
                input.target_role_arn, input.source_role_arn
            ),
        ))
    };
    match seen {
        Seen::Tried(Assumption { with_external_id: false, .. }) => differs("it cannot be assumed with the external ID"),
        Seen::Tried(Assumption { without_external_id: true, .. }) => differs(
            "it can be assumed without the external ID: another statement of its trust policy allows the source role",
        ),
        Seen::Tried(_) => Ok(Output { verified: Verified::ByAssuming }),
        Seen::Read { target: None, .. } => differs("the role does not exist"),
        Seen::Read { source: Some(decision), .. } if !decision.allowed => {
            differs("no policy of the source role allows sts:AssumeRole, or one denies it")
        }
        Seen::Read { target: Some(trust), .. } => {
            let sid = Owner::AccessTrust(&input.access_name).sid();
            let ours = trust.statement(&sid);
            if ours.and_then(|it| it.external_id().map(str::to_owned)).as_deref() != Some(input.external_id.as_ref()) {
                return differs("its trust policy lacks the statement of atlas-cmk with this external ID");
            }
            let role = input.source_role_arn.role();
            if let Some(statement) = role.and_then(|role| trust.denies_role(role, "sts:AssumeRole")) {
                return differs(&format!("statement {statement} of its trust policy denies it"));
            }
            if let Some(statement) = statement_without_external_id(&input.source_role_arn, trust) {
                return differs(&format!(
                    "statement {statement} of its trust policy allows the source role without the external ID"
                ));
            }
            Ok(Output { verified: Verified::ByPolicies })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Statement;

    const SOURCE: &str = "arn:aws:iam::444455556666:role/atc-node";

    fn judged(seen: &Seen) -> std::result::Result<Verified, String> {
        let input: Input = serde_json::from_value(json!({
            "accessName": "S3Keys", "sourceRoleArn": SOURCE, "externalId": "some-id",
            "targetRoleArn": "arn:aws:iam::111122223333:role/atc-s3-access-keys",
        }))
        .unwrap();
        judge(&input, seen).map(|output| output.verified).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn it_has_to_work_with_the_external_id_and_only_with_it() {
        let tried = |with_external_id, without_external_id| {
            judged(&Seen::Tried(Assumption { with_external_id, without_external_id }))
        };
        assert_eq!(tried(true, false), Ok(Verified::ByAssuming));
        assert!(tried(false, false).unwrap_err().contains("cannot be assumed"));
        assert!(tried(true, true).unwrap_err().contains("without the external ID"));
    }

    #[test]
    fn where_nobody_can_try_both_sides_are_read() {
        let decision =
            |allowed| SimulatedDecision { action: "sts:AssumeRole".to_owned(), allowed, explicitly_denied: false };
        let ours = PolicyDocument::default().merge(&Statement::trust("AtlasCmkAccessS3Keys", SOURCE, "some-id"));
        let read =
            |allowed, target: Option<PolicyDocument>| judged(&Seen::Read { source: Some(decision(allowed)), target });
        assert_eq!(read(true, Some(ours.clone())), Ok(Verified::ByPolicies));
        assert!(read(false, Some(ours.clone())).unwrap_err().contains("no policy of the source role"));
        assert!(read(true, None).unwrap_err().contains("the role does not exist"));
        assert!(read(true, Some(PolicyDocument::default())).unwrap_err().contains("lacks the statement of atlas-cmk"));
        let other_id = PolicyDocument::default().merge(&Statement::trust("AtlasCmkAccessS3Keys", SOURCE, "another"));
        assert!(read(true, Some(other_id)).unwrap_err().contains("lacks the statement of atlas-cmk"));
        let open = json!({"Sid": "Open", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
            "Action": "sts:AssumeRole"});
        let open = ours.merge(&open.as_object().unwrap().clone().into());
        assert!(read(true, Some(open)).unwrap_err().contains("statement \"Open\" of its trust policy allows"));
        let of_the_organization = json!({
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        });
        let open = ours.merge(&of_the_organization.as_object().unwrap().clone().into());
        assert!(read(true, Some(open)).unwrap_err().contains("statement number 2"), "whatever else it asks for");
    }
}
