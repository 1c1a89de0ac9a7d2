//! The IAM role: there or to be made, with room in its policies, and with rights that nothing takes away.

use super::{keys::full_of_tags, missing_actions};
use crate::{
    answers::survey::{Survey, Wanted},
    atlas::AccessRole,
    error::{Error, ErrorName},
    ids::{ExternalId, PrincipalArn},
    model::{role_policies::RolePolicies, statements::trust_statement},
    report::{ByHand, Finding},
    request::{EnableEncryption, ManageRole},
    steps::enable::{create_role, update_trust},
    tags,
};

pub(super) fn findings(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let observed = match &survey.iam_role {
        Ok(observed) => observed,
        Err(error) => return vec![not_readable(request, error)],
    };
    let mut findings: Vec<Finding> = Vec::new();
    if !observed.is_ours_to_write && request.manage_role() != ManageRole::None {
        findings.push(not_allowed(request, "AccessRoleName of the stack does not match it"));
        return findings;
    }
    if observed.role.is_none() && request.manage_role() != ManageRole::Full {
        findings.push(Finding::new(
            ErrorName::AwsConflict,
            format!("the IAM role {} does not exist, and role.manage forbids atlas-cmk to create it", request.role_arn),
            "iam:GetRole does not find it".to_owned(),
            "create the role, or set role.manage to full",
        ));
        return findings;
    }
    findings.extend(refusal(survey, request, observed).as_ref().map(|error| match error.name() {
        ErrorName::AccountAccessDenied => unbounded(request, error),
        _ => Finding::from_error(error),
    }));
    findings.extend(open_to_anybody(request, observed));
    findings.extend(tag_quota(survey, request, observed));
    findings.extend(boundary_denies(survey));
    findings.extend(denied(survey, request));
    findings
}

fn not_readable(request: &EnableEncryption, error: &Error) -> Finding {
    if error.name() != ErrorName::AccountAccessDenied {
        return Finding::from_error(error);
    }
    not_allowed(request, error.message())
}

fn not_allowed(request: &EnableEncryption, evidence: &str) -> Finding {
    Finding::new(
        ErrorName::AccountAccessDenied,
        format!("atlas-cmk is not allowed to read or to change {}", request.role_arn),
        evidence,
        "give an IAM role that AccessRoleName of the stack allows, or lift the permissions boundary or service control \
         policy that denies it",
    )
}

/// A statement of somebody else with which anybody may assume the role, and so use the keys.
fn open_to_anybody(request: &EnableEncryption, observed: &RolePolicies) -> Option<Finding> {
    let trust = &observed.role.as_ref()?.trust_policy;
    let statement = trust.lets_in_without_external_id("*", None)?;
    Some(Finding::new(
        ErrorName::AwsConflict,
        format!("the trust policy of {} allows any principal to assume it without an external ID", request.role_arn),
        format!("statement {statement} of the trust policy"),
        "name the principals in that statement, or remove it: whoever assumes the role can use the keys",
    ))
}

/// A role without a boundary that the deployment accepts.
fn unbounded(request: &EnableEncryption, error: &Error) -> Finding {
    let (arn, name) = (&request.role_arn, request.role_arn.name());
    Finding::new(
        error.name(),
        format!("the IAM role {arn} has no permissions boundary that the stack accepts"),
        error.message(),
        format!(
            "set the boundary of the stack: aws iam put-role-permissions-boundary --role-name {name} \
             --permissions-boundary <AccessRoleBoundary>; or name the role in UnboundedRoleArns of the stack"
        ),
    )
}

/// What `update-trust` would refuse: another path, or no room in a policy.
fn refusal(survey: &Survey, request: &EnableEncryption, observed: &RolePolicies) -> Option<Error> {
    let input = update_input(survey, request)?;
    let changes = update_trust::decide(&input, observed);
    match changes {
        // What is missing from a role that atlas-cmk may not write is reported as a statement to add.
        Err(error) if error.name() == ErrorName::AwsConflict && request.manage_role() != ManageRole::Full => None,
        other => other.err(),
    }
}

/// A role without room for the tag of the project.
fn tag_quota(survey: &Survey, request: &EnableEncryption, observed: &RolePolicies) -> Option<Finding> {
    let (project, role) = (survey.project()?, observed.role.as_ref()?);
    let is_full = tags::have_no_room_for(&role.tags, &tags::of_project(&project.id));
    (is_full && request.manage_role() == ManageRole::Full).then(|| full_of_tags(&role.arn))
}

/// The input that `update-trust` will have, as far as it is known.
fn update_input(survey: &Survey, request: &EnableEncryption) -> Option<update_trust::Input> {
    survey.project.as_ref().ok()?;
    Some(update_trust::Input::of(&survey.enablement(request, None).ok()?))
}

/// A boundary without kms takes away what our inline policy gives, silently.
fn boundary_denies(survey: &Survey) -> Option<Finding> {
    let (arn, document) = survey.obstacles.boundary.as_ref()?;
    match document {
        // A boundary that atlas-cmk may not read is not a problem by itself.
        Err(error) if error.name() == ErrorName::AccountAccessDenied => None,
        Err(error) => Some(Finding::from_error(error)),
        Ok(document) => {
            let lacking = missing_actions(|action| document.permits(action));
            (!lacking.is_empty()).then(|| {
                Finding::new(
                    ErrorName::KmsAccessDenied,
                    format!("the permissions boundary {arn} of the role does not allow the use of the key"),
                    format!("it does not allow {}", lacking.join(", ")),
                    format!("allow {} in the boundary, or give the role another boundary", lacking.join(", ")),
                )
            })
        }
    }
}

/// A Deny among the policies of the role, which our Allow does not make up for.
fn denied(survey: &Survey, request: &EnableEncryption) -> Option<Finding> {
    let denied: Vec<&str> = survey
        .obstacles
        .allowed
        .iter()
        .flatten()
        .filter(|decision| decision.explicitly_denied)
        .map(|decision| decision.action.as_str())
        .collect();
    (!denied.is_empty()).then(|| {
        Finding::new(
            ErrorName::KmsAccessDenied,
            format!("a policy of {} denies it {}", request.role_arn, denied.join(", ")),
            "iam:SimulatePrincipalPolicy returned explicitDeny",
            "remove the Deny from the policies of the role",
        )
    })
}

/// Once our steps have run, the role has to trust Atlas under the record's external ID.
pub(super) fn trust(survey: &Survey, wanted: &Wanted<'_>) -> Vec<Finding> {
    let request = wanted.request;
    let (Ok(observed), Ok(records), Some(project)) =
        (&survey.iam_role, &survey.in_atlas.access_roles, &wanted.project_id)
    else {
        return Vec::new();
    };
    let arn = &request.role_arn;
    let Some(role) = &observed.role else {
        return vec![Finding::new(
            ErrorName::AtlasCannotAssumeRole,
            format!("the role {arn} does not exist"),
            "iam:GetRole does not find it",
            "find out what deletes it, and run again",
        )];
    };
    let by_id = |record: &&AccessRole| wanted.role_id.as_ref() == Some(&record.role_id);
    let record = records.iter().find(by_id).or_else(|| create_role::choose(arn, project, records).ok()?);
    let Some((principal, external_id)) = record.and_then(principal_and_external_id) else { return Vec::new() };
    let ours = trust_statement(project, &principal, &external_id);
    let trusts = role.trust_policy.statements().iter().any(|statement| statement.means_the_same_as(&ours));
    let assume = "sts:AssumeRole";
    let atlas = principal.as_ref();
    let fix = match request.manage_role() {
        ManageRole::None => {
            "add the statement by hand, with the principal and the external ID that the evidence names: role.manage forbids atlas-cmk to"
        }
        _ => {
            "find out what changes the statement of atlas-cmk (Terraform, a stack, a person), then run again: atlas-cmk restores it"
        }
    };
    let mut findings = Vec::new();
    if !trusts {
        findings.push(if role.trust_policy.lets_principal(atlas, assume) {
            Finding::new(
                ErrorName::AtlasCannotAssumeRole,
                format!("the trust policy of {arn} requires another external ID of Atlas"),
                format!("Atlas presents {external_id}, and no statement for {atlas} requires that one"),
                fix,
            )
        } else {
            Finding::new(
                ErrorName::AtlasCannotAssumeRole,
                format!("the trust policy of {arn} has no statement for Atlas"),
                format!("no statement allows {atlas} {assume} with the external ID {external_id}"),
                fix,
            )
        });
    } else if let Some(statement) = role.trust_policy.denies_principal(atlas, assume) {
        findings.push(Finding::new(
            ErrorName::AtlasCannotAssumeRole,
            format!("the trust policy of {arn} denies Atlas what the statement of atlas-cmk allows"),
            format!("statement {statement} denies {assume}"),
            "exclude Atlas from that statement",
        ));
    }
    findings
}

fn principal_and_external_id(record: &AccessRole) -> Option<(PrincipalArn, ExternalId)> {
    let principal = record.atlas_aws_account_arn.as_ref()?.parse().ok()?;
    Some((principal, record.external_id.as_ref()?.parse().ok()?))
}

/// Once our steps have run, the role has to be allowed to use the key.
pub(super) fn rights(survey: &Survey, request: &EnableEncryption) -> Vec<Finding> {
    let Some(allowed) = &survey.obstacles.allowed else { return Vec::new() };
    let lacking: Vec<&str> = allowed
        .iter()
        .filter(|decision| !decision.allowed && !decision.explicitly_denied)
        .map(|decision| decision.action.as_str())
        .collect();
    if lacking.is_empty() {
        return Vec::new();
    }
    vec![Finding::new(
        ErrorName::KmsAccessDenied,
        format!("no policy of {} allows it {}", request.role_arn, lacking.join(", ")),
        "iam:SimulatePrincipalPolicy returned implicitDeny",
        match request.manage_role() {
            ManageRole::Full => {
                "find out what changes the inline policy atlas-cmk (Terraform, a stack, a person), then run again: atlas-cmk restores it"
            }
            _ => "allow it by hand: role.manage forbids atlas-cmk to",
        },
    )]
}

/// What the role lacks, where its policies are not ours to write.
pub(super) fn by_hand(survey: &Survey, request: &EnableEncryption) -> Vec<ByHand> {
    let (Ok(observed), Some(input)) = (&survey.iam_role, update_input(survey, request)) else { return Vec::new() };
    let Some(role) = &observed.role else { return Vec::new() };
    let mut missing = Vec::new();
    if request.manage_role() == ManageRole::None {
        let statement = input.trust_statement(None);
        if !role.trust_policy.has_meaning_of(&statement) {
            missing.push(ByHand {
                resource: role.arn.clone(),
                policy: "trust policy".to_owned(),
                statement: statement.into(),
            });
        }
    }
    let lacks = survey.obstacles.allowed.iter().flatten().any(|decision| !decision.allowed);
    if request.manage_role() != ManageRole::Full
        && lacks
        && let Some(statement) = input.kms_statement(None)
    {
        missing.push(ByHand {
            resource: role.arn.clone(),
            policy: "inline policy".to_owned(),
            statement: statement.into(),
        });
    }
    missing
}
