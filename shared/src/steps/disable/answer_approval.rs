//! `answer-approval`: takes the answer to a request of `request-approval`, or a standing approval. It stands behind a
//! function URL with `AWS_IAM`: who answers is who signed the request, as AWS authenticated him, and never what the body
//! says.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorName, Result},
    ids::ProjectId,
    registry::approvals::{self, Answer, Approval, LONGEST, Question, Standing, VALIDITY},
    step::{Actions, LOG_TARGET, Notify, Step, Writers, actions, sample_file},
};

/// The step that asked: the task that fails is its task.
const ASKED_BY: &str = "request-approval";

/// The step.
pub struct AnswerApproval;

/// The request that Lambda passes on, as far as it matters.
// Lambda developer guide, "Invoking Lambda function URLs", payload format 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// What Lambda knows of the request.
    pub request_context: RequestContext,
    /// What was sent: an answer, or a standing approval.
    pub body: String,
}

/// What Lambda knows of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestContext {
    /// Who signed it.
    pub authorizer: Authorizer,
}

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authorizer {
    /// The principal of IAM.
    pub iam: Principal,
}

/// A principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// Its ARN.
    pub user_arn: String,
}

/// What an approver sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Body {
    OfPlan(PlanAnswer),
    Show(PlanToShow),
    Standing(StandingApproval),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlanAnswer {
    project_id: ProjectId,
    execution: String,
    plan_hash: String,
    approve: bool,
    #[serde(default)]
    reason: Option<String>,
}

/// Asks what is to be approved: the plan as it is kept, and not as a message repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlanToShow {
    project_id: ProjectId,
    execution: String,
}

/// An approval of whatever is planned for some projects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StandingApproval {
    standing: Vec<ProjectId>,
    until: String,
    reason: String,
}

/// The response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The status of HTTP.
    pub status_code: u16,
    /// JSON: what was noted, or what is wrong.
    pub body: String,
}

impl Step for AnswerApproval {
    const NAME: &'static str = "answer-approval";
    const ABOUT: &'static str = "Takes an approver's answer, or a standing approval, through its function URL, and lets the \
        execution go on";
    const ACTIONS: Actions = &[
        actions::PUBLISH,
        &["dynamodb:GetItem", "dynamodb:PutItem", "states:SendTaskFailure", "states:SendTaskSuccess"],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/answer-approval.json"))
    }
}

impl Notify for AnswerApproval {
    async fn send(writers: &Writers, input: &Input) -> Result<Output> {
        let by = &input.request_context.authorizer.iam.user_arn;
        let noted = async {
            match parse(&input.body)? {
                Body::OfPlan(answer) => answer_plan(writers, by, answer).await,
                Body::Show(question) => {
                    let asked = open_question(writers, &question.project_id, &question.execution).await?;
                    Ok(json!({
                        "projectId": asked.project_id, "execution": asked.execution,
                        "plan": asked.plan, "planHash": asked.plan_hash, "expiresAt": asked.expires_at,
                    }))
                }
                Body::Standing(standing) => give_standing(writers, by, standing).await,
            }
        };
        match noted.await {
            Ok(body) => Ok(Output { status_code: 200, body: body.to_string() }),
            Err(error) if error.name() == ErrorName::InputInvalid => {
                Ok(Output { status_code: 400, body: json!({"error": error.message()}).to_string() })
            }
            Err(error) => Err(error),
        }
    }
}

fn parse(body: &str) -> Result<Body> {
    serde_json::from_str(body).map_err(|_| {
        invalid(
            "the body: send the one of the request for approval, the same without planHash and approve to read the plan, \
             or {\"standing\": [project ids], \"until\": a time, \
             \"reason\": text}",
        )
    })
}

async fn open_question(writers: &Writers, project: &ProjectId, execution: &str) -> Result<Question> {
    let registry = writers.registry()?;
    let asked = approvals::question(&registry, project, execution).await?;
    // Whoever replaces the function that asks could keep the question of one project as that of another.
    let is_its_own = |asked: &Question| asked.project_id == *project && asked.execution == execution;
    let asked = asked.filter(|asked| writers.now.as_second() < asked.expires_at && is_its_own(asked));
    asked.ok_or_else(|| invalid("execution: no question of this execution is open"))
}

async fn answer_plan(writers: &Writers, by: &str, given: PlanAnswer) -> Result<Value> {
    let registry = writers.registry()?;
    let asked = open_question(writers, &given.project_id, &given.execution).await?;
    if asked.plan_hash != given.plan_hash {
        return Err(invalid("planHash: the execution has asked about another plan; read its last request"));
    }
    if approvals::read(&registry, &given.project_id, &given.execution).await?.is_some() {
        return Err(invalid("execution: its question is answered already"));
    }
    let token = asked.task_token.clone();
    if given.approve {
        let answer = Answer { by: by.to_owned(), at: writers.now.to_string(), reason: given.reason.clone() };
        let expires_at = writers.now.as_second() + VALIDITY;
        let Question { project_id, execution, plan, plan_hash, .. } = asked;
        approvals::approve(&registry, &Approval { project_id, execution, plan, plan_hash, answer, expires_at }).await?;
        writers.task_tokens().succeed(&token, &json!({"approved": true, "by": by}).to_string()).await?;
    } else {
        writers.task_tokens().fail(&token, ErrorName::ApprovalRefused, &refusal(by, given.reason.as_deref())).await?;
    }
    let noted = json!({
        "kind": "approval-answered", "approved": given.approve, "by": by, "reason": given.reason,
        "projectId": given.project_id, "execution": given.execution, "planHash": given.plan_hash,
    });
    tracing::info!(target: LOG_TARGET, answer = %noted, "answered");
    let subject = format!("atlas-cmk: answer for project {}", given.project_id);
    writers.topic()?.publish("approval-answered", &subject, &noted.to_string()).await?;
    Ok(noted)
}

async fn give_standing(writers: &Writers, by: &str, given: StandingApproval) -> Result<Value> {
    let expires_at = given.until.parse::<Timestamp>().map_or(0, Timestamp::as_second);
    if !(1..=LONGEST).contains(&(expires_at - writers.now.as_second())) {
        return Err(invalid("until: give a time within the next 366 days"));
    }
    if given.standing.is_empty() || given.standing.len() > 100 || given.reason.trim().is_empty() {
        return Err(invalid("standing: name 1 to 100 projects, and a reason"));
    }
    let registry = writers.registry()?;
    let answer = Answer { by: by.to_owned(), at: writers.now.to_string(), reason: Some(given.reason.clone()) };
    for project_id in &given.standing {
        let (project_id, answer) = (project_id.clone(), answer.clone());
        let standing = Standing { project_id, answer, expires_at };
        approvals::write_standing(&registry, &standing).await?;
    }
    let noted = json!({
        "kind": "standing-approval", "by": by, "reason": given.reason, "projectIds": given.standing, "until": given.until,
    });
    tracing::info!(target: LOG_TARGET, answer = %noted, "standing approval");
    let subject = format!("atlas-cmk: standing approval for {} projects", given.standing.len());
    writers.topic()?.publish("standing-approval", &subject, &noted.to_string()).await?;
    Ok(noted)
}

/// What the state that waits fails with: it speaks for the function that has asked.
fn refusal(by: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("[{ASKED_BY}] {by} refused: {reason}"),
        None => format!("[{ASKED_BY}] {by} refused without giving a reason"),
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorName::InputInvalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::disable::request_approval::RequestApproval;

    #[test]
    fn the_step_that_asked_exists() {
        assert_eq!(ASKED_BY, RequestApproval::NAME);
    }

    #[test]
    fn a_body_is_an_answer_or_a_standing_approval_and_cannot_name_who_sends_it() {
        let project = "66f0a1b2c3d4e5f601234567";
        let answer = json!({"projectId": project, "execution": "manual-1", "planHash": "0a", "approve": true});
        assert!(matches!(parse(&answer.to_string()), Ok(Body::OfPlan(_))));
        let show = json!({"projectId": project, "execution": "manual-1"});
        assert!(matches!(parse(&show.to_string()), Ok(Body::Show(_))));
        let standing = json!({"standing": [project], "until": "2027-01-01T00:00:00Z", "reason": "pipeline"});
        assert!(matches!(parse(&standing.to_string()), Ok(Body::Standing(_))));
        let mut named = answer;
        named["by"] = json!("alice");
        assert!(parse(&named.to_string()).is_err());
        assert!(parse("{}").is_err());
    }
}
