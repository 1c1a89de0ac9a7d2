//! The key in every region: there, enabled, symmetric, and with a policy that allows atlas-cmk and the role.

use super::missing_actions;
use crate::{
    answers::survey::{Survey, must_be_named},
    aws::{Key, KeyState},
    error::{Error, ErrorName},
    ids::KmsKeyArn,
    model::{role_policies::RolePolicies, statements::KEY_ACTIONS},
    policy::{Owner, PolicyDocument, SID_PREFIX, Statement},
    report::{ByHand, Finding},
    request::{EnableEncryption, ManageKey},
    step::Converge,
    steps::enable::{
        allow_key_use,
        ensure_key::{self, EnsureKey},
    },
    tags,
};

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let own = survey.key_arn.as_ref().map(KmsKeyArn::region);
    let mut findings: Vec<Finding> = survey.alias.iter().map(Finding::from_error).collect();
    for it in &survey.keys {
        match &it.key {
            Err(error) if survey.is_not_enabled(it) => findings.push(Finding::new(
                ErrorName::KmsNotReplicated,
                format!("AWS region {} is not enabled in account {}", it.arn.region(), it.arn.account()),
                error.message(),
                format!(
                    "enable it: aws account enable-region --region-name {}; or omit it in regions",
                    it.arn.region()
                ),
            )),
            Err(error) => findings.push(not_readable(&it.arn, request, error)),
            Ok(None) if own == Some(it.arn.region()) => findings.push(Finding::new(
                ErrorName::KmsKeyUnusable,
                format!("KMS has no key {}", it.arn),
                format!("kms:DescribeKey in {} does not find it", it.arn.region()),
                "correct region, account and id in keyArn",
            )),
            Ok(None) if request.manage_key() == ManageKey::None => findings.push(Finding::new(
                ErrorName::KmsNotReplicated,
                format!("the key has no replica in {}", it.arn.region()),
                format!("kms:DescribeKey does not find {}, and key.manage forbids atlas-cmk to replicate it", it.arn),
                format!("replicate the key to {}, or set key.manage to full", it.arn.region()),
            )),
            Ok(None) => {}
            Ok(Some(key)) => {
                findings.extend(unusable(key));
                findings.extend(it.errors().map(Finding::from_error));
            }
        }
        findings.extend(it.policy().and_then(|policy| denied(&it.arn, policy, request)));
    }
    findings.extend(foreign(survey, request));
    findings.extend(tag_quota(survey, request));
    findings.extend(policy_quota(survey, request));
    findings
}

/// A key without room for the tag of the project.
fn tag_quota(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let Some(project) = survey.project().filter(|_| request.manage_key() == ManageKey::Full) else { return Vec::new() };
    let tag = tags::of_project(&project.id);
    let full = survey.keys.iter().filter(|it| it.tags.as_ref().is_ok_and(|tags| tags::have_no_room_for(tags, &tag)));
    full.map(|it| full_of_tags(it.arn.as_ref())).collect()
}

/// Tags that nothing can be added to.
pub(super) fn full_of_tags(arn: &str) -> Finding {
    Finding::new(
        ErrorName::IamQuotaExceeded,
        format!("{arn} has no room for the tag of the project"),
        format!("it has {} tags, as many as AWS takes", tags::QUOTA),
        "remove tags that are no longer used, or use another key or role for this project",
    )
}

/// A key policy without room for our statement.
fn policy_quota(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let Some(project) = survey.project() else { return Vec::new() };
    if request.manage_key() == ManageKey::None {
        return Vec::new();
    }
    let refused = survey
        .policies()
        .filter_map(|(arn, policy)| allow_key_use::changes(&project.id, &request.role_arn, arn, policy).err());
    refused.map(|error| Finding::from_error(&error)).collect()
}

fn not_readable(arn: &KmsKeyArn, request: &EnableEncryption, error: &Error) -> Finding {
    if error.name() == ErrorName::InputInvalid {
        return Finding::from_error(error);
    }
    let fix = if error.name() == ErrorName::AccountAccessDenied && request.account.is_none() {
        format!(
            "allow kms:DescribeKey and kms:GetKeyPolicy in the key policy of {arn}, or delegate to the IAM policies of \
             its account there; check that the key exists"
        )
    } else {
        Finding::from_error(error).fix
    };
    Finding::new(error.name(), format!("atlas-cmk cannot read the key {arn}"), error.message(), fix)
}

fn unusable(key: &Key) -> Option<Finding> {
    let arn = &key.arn;
    if !key.is_symmetric {
        return Some(Finding::new(
            ErrorName::KmsKeyUnusable,
            format!("{arn} is not a symmetric encryption key"),
            "kms:DescribeKey returned a KeySpec or KeyUsage other than SYMMETRIC_DEFAULT and ENCRYPT_DECRYPT"
                .to_owned(),
            "create a symmetric key (multi-Region, if there are regions) and give its ARN",
        ));
    }
    let (cause, fix) = match &key.state {
        KeyState::Enabled | KeyState::Creating => return None,
        KeyState::Disabled => (
            format!("the key {arn} is disabled"),
            format!("enable it: aws kms enable-key --region {} --key-id {arn}", arn.region()),
        ),
        KeyState::PendingDeletion => (
            format!("the key {arn} is pending deletion"),
            format!(
                "cancel the deletion, then enable the key: aws kms cancel-key-deletion --region {0} --key-id {arn} && \
                 aws kms enable-key --region {0} --key-id {arn}",
                arn.region()
            ),
        ),
        KeyState::Other(state) => (format!("the key {arn} is {state}"), "bring it to the state Enabled".to_owned()),
    };
    let state = match &key.state {
        KeyState::Other(state) => state.clone(),
        state => format!("{state:?}"),
    };
    Some(Finding::new(ErrorName::KmsKeyUnusable, cause, format!("kms:DescribeKey returned the state {state}"), fix))
}

/// A Deny in the key policy, which no Allow of ours makes up for.
fn denied(arn: &KmsKeyArn, policy: &PolicyDocument, request: &EnableEncryption) -> Option<Finding> {
    let (action, statement) =
        KEY_ACTIONS.into_iter().find_map(|action| Some((action, policy.denies_role(&request.role_arn, action)?)))?;
    Some(Finding::new(
        ErrorName::KmsAccessDenied,
        format!("the policy of {arn} denies {action} to {}", request.role_arn),
        format!("statement {statement} of the key policy"),
        format!("exclude {} from that statement", request.role_arn),
    ))
}

/// A key under the alias that is not as atlas-cmk creates it.
fn foreign(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let input = ensure_key::Input::of(&survey.enablement(request, None).ok()?)?;
    let refusal = EnsureKey::decide(&input, survey.made_key.as_ref().ok()?).err();
    let conflict = refusal.filter(|error| error.name() == ErrorName::AwsConflict)?;
    Some(Finding::new(
        conflict.name(),
        format!("{} is the alias of a key that differs from those that atlas-cmk creates", input.alias),
        conflict.message(),
        "choose another alias, or give the key's ARN in keyArn if you trust it",
    ))
}

pub(super) fn by_hand(survey: &Survey, request: &EnableEncryption) -> Vec<ByHand> {
    if request.manage_key() == ManageKey::Full {
        return Vec::new();
    }
    let sid = survey.project().map_or_else(|| SID_PREFIX.to_owned(), |project| Owner::KeyUse(&project.id).sid());
    let missing = survey.policies().filter(|(arn, policy)| {
        let lacking = missing_actions(|action| policy.lets_role(&request.role_arn, action));
        must_be_named(arn, policy, request) && !lacking.is_empty()
    });
    let role = &request.role_arn;
    let statement = match &survey.iam_role {
        Ok(RolePolicies { role: None, .. }) => Statement::allow_role_to_come(&sid, role, &KEY_ACTIONS),
        _ => Statement::allow_principal(&sid, role.as_ref(), &KEY_ACTIONS),
    };
    missing
        .map(|(arn, _)| ByHand {
            resource: arn.to_string(),
            policy: "key policy".to_owned(),
            statement: statement.clone().into(),
        })
        .collect()
}
