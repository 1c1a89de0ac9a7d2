//! `converge-access-policy`: a managed policy for one side of a cross-account access: on the source side one that allows
//! `sts:AssumeRole` on exactly the target role, on the target side one for the buckets that are asked for. In reverse
//! it is deleted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{Caller, ManagedPolicy},
    error::{Error, ErrorName, Result},
    ids::{AccessName, AccountAccess, IamPolicyArn, IamRoleArn, SpokeRole},
    policy::{Owner, PolicyDocument, SID_PREFIX, Statement},
    registry::accesses::{self, ConnectedRoles},
    report::{Described, Description},
    request::{BucketAccess, Permission},
    step::{Actions, Converge, Readers, Retries, Step, Writers, actions},
    tags,
};

/// The step.
pub struct ConvergeAccessPolicy;

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The name of the access, which the name of the policy contains.
    pub access_name: AccessName,
    /// The role to which it applies. It is created in the account of this role.
    pub role_arn: IamRoleArn,
    /// What it allows.
    pub grants: Grants,
    /// Whether to delete it.
    #[serde(default)]
    pub remove: bool,
    /// Access to the account, if it is not the account in which the function runs.
    #[serde(default)]
    pub account: Option<AccountAccess>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What an access policy allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Grants {
    /// To assume this role.
    AssumeRole(IamRoleArn),
    /// To use these buckets.
    Buckets(#[schemars(length(max = 20))] Vec<BucketAccess>),
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Its ARN.
    pub policy_arn: IamPolicyArn,
}

/// The policy, and the roles that the name of the access was given to.
#[derive(Debug, Clone)]
pub struct Found {
    policy: Option<ManagedPolicy>,
    registered: Option<ConnectedRoles>,
}

/// What this step may do.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyChange {
    /// Make it.
    Create(IamPolicyArn, PolicyDocument),
    /// Replace what it says, which was this.
    Replace(IamPolicyArn, PolicyDocument, PolicyDocument),
    /// Delete it, which said this.
    Delete(IamPolicyArn, PolicyDocument),
}

impl Described for PolicyChange {
    fn description(&self) -> Description {
        match self {
            Self::Create(arn, new) => {
                Description::create(arn, format!("managed policy {} created", arn.name())).after(shown(new))
            }
            Self::Replace(arn, new, old) => Description::update(arn, format!("managed policy {} updated", arn.name()))
                .before(shown(old))
                .after(shown(new)),
            Self::Delete(arn, old) => {
                Description::delete(arn, format!("managed policy {} deleted", arn.name())).before(shown(old))
            }
        }
    }
}

fn shown(document: &PolicyDocument) -> Value {
    document.statements().into_iter().map(Value::from).collect()
}

impl Input {
    /// The policy's ARN, which follows from its name and the account of the role.
    pub(crate) fn policy_arn(&self) -> Result<IamPolicyArn> {
        let partition = self.role_arn.as_ref().split(':').nth(1).unwrap_or_default();
        let kind = match self.grants {
            Grants::AssumeRole(_) => "AssumeRole",
            Grants::Buckets(_) => "Buckets",
        };
        let text = format!(
            "arn:{partition}:iam::{}:policy/atlas-cmk/access/{SID_PREFIX}{}{kind}",
            self.role_arn.account(),
            self.access_name
        );
        text.parse().map_err(|error| Error::new(ErrorName::Internal, format!("a bug: {error}")))
    }

    fn document(&self) -> PolicyDocument {
        match &self.grants {
            Grants::AssumeRole(target) => PolicyDocument::default().merge(&Statement::allow(
                &Owner::AccessSource(&self.access_name).sid(),
                &["sts:AssumeRole"],
                [target.as_ref()],
            )),
            Grants::Buckets(buckets) => of_buckets(self.role_arn.as_ref(), buckets),
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { account: self.account.as_ref(), execution: self.execution.as_deref() }
    }
}

/// One statement for each permission, about the buckets that have it (Service authorization reference, "Amazon S3":
/// listing is of a bucket, reading and writing are of what is in it).
fn of_buckets(role: &str, buckets: &[BucketAccess]) -> PolicyDocument {
    let partition = role.split(':').nth(1).unwrap_or_default();
    let actions: [(Permission, &str, &[&str], &str); 3] = [
        (Permission::List, "List", &["s3:GetBucketLocation", "s3:ListBucket"], ""),
        (Permission::Read, "Read", &["s3:GetObject"], "/*"),
        (Permission::Write, "Write", &["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], "/*"),
    ];
    actions.into_iter().fold(PolicyDocument::default(), |document, (permission, name, actions, what)| {
        let with = buckets.iter().filter(|bucket| bucket.access.contains(&permission));
        let resources: Vec<String> = with.map(|bucket| format!("arn:{partition}:s3:::{}{what}", bucket.name)).collect();
        if resources.is_empty() {
            return document;
        }
        let resources = resources.iter().map(String::as_str);
        document.merge(&Statement::allow(&Owner::AccessBuckets(name).sid(), actions, resources))
    })
}

/// Refuses to write a policy of an access for other roles than those that its name was given to.
fn check_name(input: &Input, registered: Option<&ConnectedRoles>) -> Result<()> {
    let is_of_access = registered.map_or(input.remove, |registered| match &input.grants {
        Grants::AssumeRole(target) => {
            registered.source_role_arn.role() == Some(&input.role_arn) && registered.target_role_arn == *target
        }
        Grants::Buckets(_) => registered.target_role_arn == input.role_arn,
    });
    if is_of_access {
        return Ok(());
    }
    Err(Error::new(
        ErrorName::AwsConflict,
        format!("accessName: the access {} was not given to the role {}", input.access_name, input.role_arn),
    ))
}

/// What has to change about the policy. An existing one that atlas-cmk does not manage is a conflict.
pub(crate) fn decide(input: &Input, found: Option<&ManagedPolicy>) -> Result<Vec<PolicyChange>> {
    let arn = input.policy_arn()?;
    let Some(found) = found else {
        return Ok(if input.remove { Vec::new() } else { vec![PolicyChange::Create(arn, input.document())] });
    };
    if !tags::are_ours(&found.tags) {
        return Err(Error::new(
            ErrorName::AwsConflict,
            format!("name: {arn} already exists and is not managed by atlas-cmk; choose another name for the access"),
        ));
    }
    let wanted = input.document();
    Ok(match (input.remove, wanted.means_the_same_as(&found.document)) {
        (true, _) => vec![PolicyChange::Delete(arn, found.document.clone())],
        (false, true) => Vec::new(),
        (false, false) => vec![PolicyChange::Replace(arn, wanted, found.document.clone())],
    })
}

impl Step for ConvergeAccessPolicy {
    const NAME: &'static str = "converge-access-policy";
    const ABOUT: &'static str = "Creates or updates the managed policy of one side: `sts:AssumeRole` on exactly the \
        target role, or the requested buckets. With `\"remove\": true` it deletes the policy";
    const RETRIES: Retries = Retries::Minutes(&[ErrorName::AwsPropagating]);
    const ACTIONS: Actions = &[
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:ListPolicyVersions",
            "iam:TagPolicy",
        ],
    ];
    const SPOKE_ROLE: SpokeRole = SpokeRole::Access;
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "accessName": "S3Keys",
            "roleArn": "arn:aws:iam::777788889999:role/atlas-cmk/atc-node",
            "grants": {
                "assumeRole": "arn:aws:iam::444455556666:role/atlas-cmk/atc-s3-access-keys"
            },
            "remove": false,
            "execution": "manual-1"
        })
    }
}

impl Converge for ConvergeAccessPolicy {
    type Observation = Found;
    type Change = PolicyChange;

    async fn observe(readers: &Readers, input: &Input) -> Result<Found> {
        let policy = readers.iam_for(&input.role_arn, input.caller()).await?.own_policy(&input.policy_arn()?).await?;
        Ok(Found { policy, registered: accesses::read(&readers.registry()?, &input.access_name).await? })
    }

    fn decide(input: &Input, found: &Found) -> Result<Vec<PolicyChange>> {
        check_name(input, found.registered.as_ref())?;
        decide(input, found.policy.as_ref())
    }

    async fn act(writers: &Writers, input: &Input, _: Found, changes: &[PolicyChange]) -> Result<Output> {
        let iam = writers.iam_for(&input.role_arn, input.caller()).await?;
        for change in changes {
            match change {
                PolicyChange::Create(arn, document) => {
                    let what = "Cross-account access, created by atlas-cmk";
                    iam.create_policy(arn, document, what, &[tags::ours()]).await?;
                }
                PolicyChange::Replace(arn, document, _) => iam.replace_policy(arn, document).await?,
                PolicyChange::Delete(arn, _) => iam.delete_policy(arn).await?,
            }
        }
        Ok(Output { policy_arn: input.policy_arn()? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(grants: &Value, remove: bool) -> Input {
        serde_json::from_value(json!({
            "accessName": "S3Keys", "roleArn": "arn:aws:iam::444455556666:role/atc-node", "grants": grants, "remove": remove,
        }))
        .unwrap()
    }

    fn assuming() -> Value {
        json!({"assumeRole": "arn:aws:iam::111122223333:role/atc-s3-access-keys"})
    }

    #[test]
    fn the_source_may_assume_exactly_the_target_role() {
        let input = input(&assuming(), false);
        assert_eq!(
            input.policy_arn().unwrap().as_ref(),
            "arn:aws:iam::444455556666:policy/atlas-cmk/access/AtlasCmkS3KeysAssumeRole"
        );
        let [statement] = input.document().statements().try_into().unwrap();
        let statement = Value::from(statement);
        // A role is of IAM: an ARN of S3, which documentation is known to show here, allows nothing.
        assert_eq!(statement["Resource"], json!(["arn:aws:iam::111122223333:role/atc-s3-access-keys"]));
        assert_eq!(statement["Action"], json!(["sts:AssumeRole"]));
    }

    #[test]
    fn buckets_are_opened_as_far_as_is_asked() {
        let grants =
            json!({"buckets": [{"name": "data", "access": ["list", "read"]}, {"name": "drop", "access": ["write"]}]});
        let statements: Vec<Value> =
            input(&grants, false).document().statements().into_iter().map(Value::from).collect();
        let resources: Vec<&Value> = statements.iter().map(|it| &it["Resource"]).collect();
        let expected = [json!(["arn:aws:s3:::data"]), json!(["arn:aws:s3:::data/*"]), json!(["arn:aws:s3:::drop/*"])];
        assert_eq!(resources, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_policy_is_written_for_the_roles_of_its_access_only() {
        let (source, target) = ("arn:aws:iam::444455556666:role/atc-node", "arn:aws:iam::111122223333:role/keys");
        let registered: ConnectedRoles =
            serde_json::from_value(json!({"sourceRoleArn": source, "targetRoleArn": target})).unwrap();
        let of = |role: &str, grants: &Value, remove: bool| -> Input {
            let input = json!({"accessName": "S3Keys", "roleArn": role, "grants": grants, "remove": remove});
            serde_json::from_value(input).unwrap()
        };
        let (assume, other) = (json!({"assumeRole": target}), json!({"assumeRole": source}));
        let buckets = json!({"buckets": []});
        for (input, registered, is_allowed) in [
            (of(source, &assume, false), Some(&registered), true),
            (of(target, &buckets, false), Some(&registered), true),
            (of(target, &assume, false), Some(&registered), false),
            (of(source, &other, false), Some(&registered), false),
            (of(source, &buckets, true), Some(&registered), false),
            (of(source, &assume, false), None, false),
            (of(source, &assume, true), None, true),
        ] {
            assert_eq!(check_name(&input, registered).is_ok(), is_allowed, "{input:?}");
        }
    }

    #[test]
    fn a_policy_is_made_repaired_and_deleted_if_it_is_ours() {
        let apply = input(&assuming(), false);
        let ours = |document: PolicyDocument| ManagedPolicy { document, tags: vec![tags::ours()] };
        assert!(matches!(decide(&apply, None).unwrap().as_slice(), [PolicyChange::Create(..)]));
        assert_eq!(decide(&apply, Some(&ours(apply.document()))).unwrap(), []);
        let other = ours(PolicyDocument::default());
        assert!(matches!(decide(&apply, Some(&other)).unwrap().as_slice(), [PolicyChange::Replace(..)]));
        let remove = input(&assuming(), true);
        assert!(matches!(decide(&remove, Some(&other)).unwrap().as_slice(), [PolicyChange::Delete(..)]));
        assert_eq!(decide(&remove, None).unwrap(), []);
        let foreign = ManagedPolicy { tags: Vec::new(), ..other };
        for input in [apply, remove] {
            assert_eq!(decide(&input, Some(&foreign)).unwrap_err().name(), ErrorName::AwsConflict);
        }
    }
}
