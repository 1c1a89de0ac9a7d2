//! `converge-attachment`: a managed policy of a cross-account access, attached to its role. In reverse it is detached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::Caller,
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, IamPolicyArn, IamRoleArn, SpokeRole},
    report::{Described, Description},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
};

/// The step.
pub struct ConvergeAttachment;

/// The policy, and the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The managed policy.
    pub policy_arn: IamPolicyArn,
    /// The role, of the same account.
    pub role_arn: IamRoleArn,
    /// Whether to detach it.
    #[serde(default)]
    pub remove: bool,
    /// Access to the account, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// The role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub role_arn: IamRoleArn,
}

/// The one thing this step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment(Input);

impl Described for Attachment {
    fn description(&self) -> Description {
        let (role, policy) = (&self.0.role_arn, &self.0.policy_arn);
        if self.0.remove {
            Description::update(role, format!("managed policy {} detached", policy.name())).before(json!(policy))
        } else {
            Description::update(role, format!("managed policy {} attached", policy.name())).after(json!(policy))
        }
    }
}

/// What a role carries; `None` if there is no such role.
pub type Attached = Option<Carried>;

/// The managed policies of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The ARNs of those that are attached.
    pub policies: Vec<String>,
    /// Whether it has the permissions boundary of cross-account access.
    pub is_bounded: bool,
}

/// Reads what is attached to a role.
pub(crate) async fn attached(readers: &Readers, caller: Caller<'_>, role: &IamRoleArn) -> Result<Attached> {
    let iam = readers.iam_for(role, caller).await?;
    match iam.role(role).await? {
        Some(found) => Ok(Some(Carried {
            policies: iam.attached_policies(role).await?,
            is_bounded: found.permissions_boundary == readers.cross_account_boundary_for(role, caller).ok(),
        })),
        None => Ok(None),
    }
}

/// What has to change about a role.
pub(crate) fn decide(input: &Input, attached: &Attached) -> Result<Vec<Attachment>> {
    let is_attached = match attached {
        None if input.remove => false,
        None => {
            return Err(Error::new(
                ErrorName::AwsConflict,
                format!("the IAM role {} does not exist, and atlas-cmk does not create it", input.role_arn),
            ));
        }
        Some(carried) => carried.policies.iter().any(|arn| arn == input.policy_arn.as_ref()),
    };
    Ok(if is_attached == input.remove { vec![Attachment(input.clone())] } else { Vec::new() })
}

impl Step for ConvergeAttachment {
    const NAME: &'static str = "converge-attachment";
    const ABOUT: &'static str = "Attaches that policy to its role. With `\"remove\": true` it detaches the policy";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:GetRole", "iam:ListAttachedRolePolicies"],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Access;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "policyArn": "arn:aws:iam::777788889999:policy/atlas-cmk/AtlasCmkS3KeysAssumeRole",
            "roleArn": "arn:aws:iam::777788889999:role/atlas-cmk-atc-node",
            "remove": false,
            "execution": "manual-1"
        })
    }
}

impl Converge for ConvergeAttachment {
    type Observation = Attached;
    type Change = Attachment;

    async fn observe(readers: &Readers, input: &Input) -> Result<Attached> {
        attached(readers, input.caller(), &input.role_arn).await
    }

    fn decide(input: &Input, attached: &Attached) -> Result<Vec<Attachment>> {
        decide(input, attached)
    }

    async fn act(writers: &Writers, input: &Input, _: Attached, changes: &[Attachment]) -> Result<Output> {
        let iam = writers.iam_for(&input.role_arn, input.caller()).await?;
        for Attachment(input) in changes {
            if input.remove {
                iam.detach_policy(&input.role_arn, &input.policy_arn).await?;
            } else {
                iam.attach_policy(&input.role_arn, &input.policy_arn).await?;
            }
        }
        Ok(Output { role_arn: input.role_arn.clone() })
    }
}

impl Input {
    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_attached_once_and_detached_once() {
        let arn = "arn:aws:iam::444455556666:policy/atlas-cmk/AtlasCmkS3KeysAssumeRole";
        let input = |remove: bool| -> Input {
            let role = "arn:aws:iam::444455556666:role/atc-node";
            serde_json::from_value(json!({"policyArn": arn, "roleArn": role, "remove": remove})).unwrap()
        };
        let carrying = |policies: &[&str]| {
            let policies = policies.iter().map(ToString::to_string).collect();
            Some(Carried { policies, is_bounded: true })
        };
        let with = carrying(&["arn:aws:iam::aws:policy/ReadOnlyAccess", arn]);
        for (remove, attached, changes) in [
            (false, carrying(&[]), 1),
            (false, with.clone(), 0),
            (true, with, 1),
            (true, carrying(&[]), 0),
            (true, None, 0),
        ] {
            assert_eq!(decide(&input(remove), &attached).unwrap().len(), changes, "{remove} {attached:?}");
        }
        assert_eq!(decide(&input(false), &None).unwrap_err().name(), ErrorName::AwsConflict);
    }
}
