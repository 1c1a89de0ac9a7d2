//! `preflight`: the entry step. It takes the whole input, rejects what contradicts itself, and returns everything that
//! would fail later, all of it at once and before anything is written. Besides, it returns what the mode asks for: what
//! the state machine has to know to skip what is not needed, what applying would change, or what differs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    answers::{
        findings, plan,
        survey::{Survey, Wanted},
        verify::{self, COMPARED, compare},
    },
    error::{Error, ErrorName, Result},
    ids::{ClusterName, KmsKeyArn, ProjectId, Region},
    model::placeholder,
    registry::approvals,
    report::{ByHand, Change, Difference, Finding, PlannedChange, SkippedCluster},
    request::{EnableEncryption, Mode},
    step::{Actions, Answer, Readers, Step, actions, sample_request},
    steps::enable::enable_kms::EnableKms,
};

/// The step.
pub struct Preflight;

/// The input of the state machine, as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: EnableEncryption,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// What exists, what is missing, and what blocks the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The project, or null if it has to be made.
    pub project_id: Option<ProjectId>,
    /// The key, or null if it has to be made.
    pub key_arn: Option<KmsKeyArn>,
    /// Where the key is made, if it has to be.
    pub primary_region: Region,
    /// The regions to reach the key from, in AWS's spelling; none if private networking is not asked for.
    pub regions: Vec<Region>,
    /// The regions that need a replica of the key and have none that is ready.
    pub regions_to_replicate: Vec<Region>,
    /// Whether a key policy has to name the role.
    pub add_key_statements: bool,
    /// The clusters asked for that can use the key.
    pub clusters: Vec<ClusterName>,
    /// Those of them that do not use it yet.
    pub clusters_to_enable: Vec<ClusterName>,
    /// The clusters asked for that cannot use the key, each with the reason.
    pub skipped_clusters: Vec<SkippedCluster>,
    /// The key that the project uses now, if it is another: its ARN or id.
    pub previous_key: Option<String>,
    /// The problems that would make the execution fail.
    pub findings: Vec<Finding>,
    /// Statements that are missing and that the input forbids atlas-cmk to add.
    pub by_hand: Vec<ByHand>,
    /// In mode `plan`, the changes that applying would make, in their order.
    pub plan: Vec<PlannedChange>,
    /// In mode `apply`, the changes that are going to be made, in their order.
    pub planned: Vec<Change>,
    /// In mode `apply`, the changes that somebody has to approve, and nobody has: the project is moved to the key of another
    /// account.
    pub to_approve: Vec<PlannedChange>,
    /// The hash of the changes that have to be approved, by which they are.
    pub plan_hash: Option<String>,
    /// Who has approved them: an ARN.
    pub approved_by: Option<String>,
    /// In mode `verify`, what differs from the request.
    pub differences: Vec<Difference>,
}

impl Step for Preflight {
    const NAME: &'static str = "preflight";
    const ABOUT: &'static str = "Read-only entry step: checks both clouds, reports every problem before anything is \
        written, and returns which states can be skipped";
    const ACTIONS: Actions = &[
        actions::ATLAS,
        actions::OTHER_ACCOUNTS,
        &[
            "dynamodb:GetItem",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:SimulatePrincipalPolicy",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListGrants",
            "kms:ListKeys",
            "kms:ListResourceTags",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": sample_request(),
            "execution": "enable-payments"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        input.request.validate()
    }
}

impl Answer for Preflight {
    type Observation = Survey;

    async fn observe(readers: &Readers, input: &Input) -> Result<Survey> {
        let request = &input.request;
        let wanted = Wanted::new(request, input.execution.as_deref());
        // Where a role or key is looked for has to be right before anything is read.
        readers.reach("roleArn", request.role_arn.as_ref(), request.role_arn.account(), wanted.caller())?;
        let mut survey = Box::pin(Survey::read(readers, &wanted)).await;
        Box::pin(survey.look_for_made_key(readers, &wanted)).await;
        Box::pin(survey.look_for_approvals(readers, &wanted)).await;
        match survey.disturbance() {
            Some(error) => Err(restated_for(request.mode, error)),
            None => Ok(survey),
        }
    }

    fn answer(input: &Input, survey: Survey, _: Timestamp) -> Result<Output> {
        judge(&input.request, &survey, input.execution.as_deref())
    }
}

/// An account that is verified is not in the making: to wait for it would only keep a sweep from its other projects.
fn restated_for(mode: Option<Mode>, error: Error) -> Error {
    if mode == Some(Mode::Verify) && error.name() == ErrorName::AccountNotReady {
        let message = error.message().to_owned();
        return error.restated(ErrorName::AccountAccessDenied, message);
    }
    error
}

fn judge(request: &EnableEncryption, survey: &Survey, execution: Option<&str>) -> Result<Output> {
    let mut findings = findings::all(survey, request);
    // Ids that are not known yet are described in words, so that they are not pasted anywhere.
    let by_hand = placeholder::replaced_by_words(&findings::by_hand(survey, request))?;
    if request.mode() == Mode::Apply {
        findings.extend(by_hand.iter().filter(|it| it.policy != "trust policy").map(to_add));
    }
    let asks = survey.requires_approval && request.mode() == Mode::Apply;
    let (plan, needed) = match plan::changes(request, survey, execution) {
        Ok(changes) => {
            let moves = findings::is_of_another(survey, request);
            let is_needed =
                |it: &&PlannedChange| approvals::is_needed(it) || moves && it.change.step == EnableKms::NAME;
            let needed: Vec<_> = changes.iter().filter(|it| asks && is_needed(it)).cloned().collect();
            (placeholder::replaced_by_words(&changes)?, placeholder::replaced_by_words(&needed)?)
        }
        Err(error) => {
            // What a step would refuse is often found already, and better explained.
            if findings.is_empty() {
                findings.push(Finding::from_error(&error));
            }
            (Vec::new(), Vec::new())
        }
    };
    let plan_hash = (!needed.is_empty()).then(|| approvals::hash(&needed));
    let given = survey.approvals.as_ref().map_err(Clone::clone)?;
    let answer = plan_hash.as_ref().and_then(|hash| given.answer(hash, &needed, survey.now));
    let approved_by = answer.map(|answer| answer.by.clone());
    Ok(Output {
        to_approve: if approved_by.is_some() { Vec::new() } else { needed },
        plan_hash,
        approved_by,
        project_id: survey.project().map(|project| project.id.clone()),
        key_arn: survey.key_arn.clone(),
        primary_region: survey.primary_region.clone(),
        regions: request.regions().to_vec(),
        regions_to_replicate: survey.regions_to_replicate(request),
        add_key_statements: survey.needs_key_statements(request),
        clusters: survey.selected_clusters(request),
        clusters_to_enable: survey.clusters_to_enable(request),
        skipped_clusters: survey.in_atlas.select_clusters(request).1,
        previous_key: survey.previous_key(),
        findings,
        by_hand,
        differences: if request.mode() == Mode::Verify { differences(request, survey, &plan)? } else { Vec::new() },
        plan: if request.mode() == Mode::Plan { plan.clone() } else { Vec::new() },
        planned: plan.into_iter().map(|planned| planned.change).filter(|_| request.mode() == Mode::Apply).collect(),
    })
}

/// What differs from the request: what comparing shows, and what else applying would change.
fn differences(request: &EnableEncryption, survey: &Survey, plan: &[PlannedChange]) -> Result<Vec<Difference>> {
    for (part, is_there) in [("project", survey.project().is_some()), ("key", survey.key_arn.is_some())] {
        if !is_there {
            return Ok(vec![Difference { resource: part.to_owned(), difference: "it does not exist".to_owned() }]);
        }
    }
    // What could not be read is a finding, and not different.
    if survey.in_atlas.errors().next().is_some() {
        return Ok(Vec::new());
    }
    let expected = verify::Input::of(&survey.enablement(request, None)?, survey.selected_clusters(request));
    let compared = compare(&expected, &survey.in_atlas, survey.iam_role.as_ref().ok());
    let planned = plan.iter().map(|planned| &planned.change);
    let others = planned.filter(|change| compared.matches || !COMPARED.contains(&change.step.as_str()));
    let others = others.map(|change| Difference {
        resource: change.resource.clone(),
        difference: format!("{} would change it: {}", change.step, change.summary),
    });
    Ok(compared.differences.iter().cloned().chain(others).collect())
}

/// A statement that is missing stands in the way of applying. (Of a trust policy it does not yet: its external ID may
/// have to be made first.)
fn to_add(missing: &ByHand) -> Finding {
    Finding::new(
        ErrorName::KmsAccessDenied,
        format!(
            "the {} of {} lacks a statement that the input forbids atlas-cmk to add",
            missing.policy, missing.resource
        ),
        format!("the statement is {}", missing.statement),
        "add it by hand, or set role.manage and key.manage to full",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_out_of_reach_is_waited_for_when_it_may_be_in_the_making_and_not_when_it_is_verified() {
        let named = |mode, name| restated_for(mode, Error::new(name, "x")).name();
        assert_eq!(named(Some(Mode::Apply), ErrorName::AccountNotReady), ErrorName::AccountNotReady);
        assert_eq!(named(None, ErrorName::AccountNotReady), ErrorName::AccountNotReady);
        assert_eq!(named(Some(Mode::Verify), ErrorName::AccountNotReady), ErrorName::AccountAccessDenied);
        assert_eq!(named(Some(Mode::Verify), ErrorName::AwsUnavailable), ErrorName::AwsUnavailable);
    }
}
