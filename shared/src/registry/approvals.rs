//! What somebody else than who asked has to approve, and who has. An approval is for one plan of one execution of one
//! project, and ends; a standing approval is for one project until a date. The steps that carry out such a plan look for
//! it themselves, so that who invokes one of them alone changes nothing. The function that asks cannot write an answer.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    aws::{Expected, ItemKey, ItemsReader, ItemsWriter, TaskToken, Write},
    error::{Error, ErrorName, Result},
    ids::{KmsKeyArn, ProjectId},
    report::{Action, PlannedChange, UNKNOWN},
};

/// How long an answer counts, in seconds: three days, for clusters with much data.
pub const VALIDITY: i64 = 259_200;

/// The longest that a standing approval may last, in seconds: a year.
pub const LONGEST: i64 = 31_622_400;

/// A plan that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The name of the execution.
    pub execution: String,
    /// The changes, as they were published.
    pub plan: Vec<PlannedChange>,
    /// See [`hash`].
    pub plan_hash: String,
    /// What the execution waits with.
    pub task_token: TaskToken,
    /// When it ends, in seconds since 1970: `DynamoDB` deletes the item then.
    pub expires_at: i64,
}

/// A plan that somebody has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// The name of the execution.
    pub execution: String,
    /// The changes.
    pub plan: Vec<PlannedChange>,
    /// See [`hash`].
    pub plan_hash: String,
    /// Who has approved it, and why.
    pub answer: Answer,
    /// When it ends, in seconds since 1970: `DynamoDB` deletes the item then.
    pub expires_at: i64,
}

/// Somebody's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The ARN of the principal, as AWS authenticated it.
    pub by: String,
    /// When.
    pub at: String,
    /// The reason, if one was given.
    pub reason: Option<String>,
}

/// An approval of every change of a project until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The Atlas project.
    pub project_id: ProjectId,
    /// Who gave it, and why.
    pub answer: Answer,
    /// When it ends, in seconds since 1970: `DynamoDB` deletes the item then.
    pub expires_at: i64,
}

/// The plan that a step is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartOfPlan<'a> {
    /// The Atlas project.
    pub project_id: &'a ProjectId,
    /// The name of the execution.
    pub execution: Option<&'a str>,
    /// The hash of the plan.
    pub plan_hash: Option<&'a str>,
}

/// Names a plan: 64 hexadecimal digits. The order of fields, which neither `DynamoDB` nor JSONata keeps, does not count.
pub fn hash(plan: &[PlannedChange]) -> String {
    let mut plan = json!(plan);
    plan.sort_all_objects();
    Sha256::digest(plan.to_string()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a change switches encryption off, removes trust, or moves a project to another account's key.
pub fn is_needed(planned: &PlannedChange) -> bool {
    match planned.change.step.as_str() {
        "deauthorize-role" | "remove-key-use" | "remove-trust" => true,
        "update-encryption" => planned.change.action == Action::Delete,
        "set-cluster-encryption" => planned.after["encryptionAtRestProvider"] != "AWS",
        "enable-kms" => moves(planned),
        _ => false,
    }
}

/// Whether the key that the project uses is, or may be, of another account than the one it gets. Of a key that was set up
/// with an access key, Atlas knows the id only.
fn moves(planned: &PlannedChange) -> bool {
    let before = &planned.before["awsKms"];
    if before["enabled"] != true {
        return false;
    }
    let account = |key: &serde_json::Value| key.as_str()?.parse::<KmsKeyArn>().ok().map(|key| key.account().clone());
    let before = account(&before["customerMasterKeyID"]);
    before.is_none() || before != account(&planned.after["awsKms"]["customerMasterKeyID"])
}

fn partition(project: &ProjectId) -> String {
    format!("approval#{project}")
}

fn question_of(project: &ProjectId, execution: &str) -> ItemKey {
    ItemKey::new(format!("question#{project}"), execution)
}

fn of_execution(project: &ProjectId, execution: &str) -> ItemKey {
    ItemKey::new(partition(project), format!("execution#{execution}"))
}

fn standing_of(project: &ProjectId) -> ItemKey {
    ItemKey::new(partition(project), "standing")
}

/// What is asked for an execution.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn question(items: &ItemsReader, project: &ProjectId, execution: &str) -> Result<Option<Question>> {
    items.get(&question_of(project, execution)).await
}

/// Writes a question over the one that the execution had before.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn ask(items: &ItemsWriter, question: &Question) -> Result<()> {
    let key = question_of(&question.project_id, &question.execution);
    items.write(vec![Write::put(key, question, Expected::Anything)?]).await
}

/// What was approved for an execution.
///
/// # Errors
/// As [`ItemsReader::get`].
pub async fn read(items: &ItemsReader, project: &ProjectId, execution: &str) -> Result<Option<Approval>> {
    items.get(&of_execution(project, execution)).await
}

/// Writes an approval. Of an execution there is one.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn approve(items: &ItemsWriter, approval: &Approval) -> Result<()> {
    let key = of_execution(&approval.project_id, &approval.execution);
    items.write(vec![Write::put(key, approval, Expected::Version(0))?]).await
}

/// Writes a standing approval.
///
/// # Errors
/// As [`ItemsWriter::write`].
pub async fn write_standing(items: &ItemsWriter, standing: &Standing) -> Result<()> {
    items.write(vec![Write::put(standing_of(&standing.project_id), standing, Expected::Anything)?]).await
}

/// What somebody has approved of a project: the plan of an execution, or everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    own: Option<Approval>,
    standing: Option<Standing>,
}

impl Given {
    /// Reads both.
    ///
    /// # Errors
    /// As [`ItemsReader::get`].
    pub async fn read(items: &ItemsReader, project: &ProjectId, execution: Option<&str>) -> Result<Self> {
        let own = match execution {
            Some(execution) => read(items, project, execution).await?,
            None => None,
        };
        Ok(Self { own, standing: items.get(&standing_of(project)).await? })
    }

    /// Who has approved these changes of the plan with this hash.
    pub fn answer(&self, plan_hash: &str, changes: &[PlannedChange], now: Timestamp) -> Option<&Answer> {
        let standing = self.standing.as_ref().filter(|standing| now.as_second() < standing.expires_at);
        let own = self.own.as_ref().and_then(|approval| approval.covers(plan_hash, changes, now));
        own.or(standing.map(|standing| &standing.answer))
    }
}

impl Approval {
    /// The answer, if it is an approval of these changes and still counts.
    fn covers(&self, plan_hash: &str, changes: &[PlannedChange], now: Timestamp) -> Option<&Answer> {
        let is_same_plan = self.plan_hash == plan_hash && hash(&self.plan) == plan_hash;
        let is_planned = |planned: &PlannedChange| {
            let same = |it: &PlannedChange| {
                let (one, other) = (&it.change, &planned.change);
                (&one.step, one.action, &one.resource) == (&other.step, other.action, &other.resource)
                    && agrees(&it.after, &planned.after)
            };
            self.plan.iter().any(same)
        };
        let counts = is_same_plan && now.as_second() < self.expires_at && changes.iter().all(is_planned);
        counts.then_some(&self.answer)
    }
}

/// Whether what is to be written is what was planned, as far as that was known.
fn agrees(planned: &Value, actual: &Value) -> bool {
    match (planned, actual) {
        (Value::String(text), _) if text.contains(UNKNOWN) => completes(text, actual),
        (Value::Object(planned), Value::Object(actual)) => {
            planned.len() == actual.len()
                && planned.iter().all(|(field, value)| actual.get(field).is_some_and(|actual| agrees(value, actual)))
        }
        _ => planned == actual,
    }
}

/// Whether a value is a planned text with something in the place of what was not known, such as the id of a key to come.
fn completes(planned: &str, actual: &Value) -> bool {
    let (before, rest) = planned.split_once(UNKNOWN).unwrap_or((planned, ""));
    let after = rest.rsplit_once(')').map_or("", |(_, after)| after);
    match actual {
        Value::String(actual) => actual.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
        _ => before.is_empty() && after.is_empty(),
    }
}

/// Refuses changes that need an approval and have none.
///
/// # Errors
/// `Approval.Missing`; as [`ItemsReader::get`].
pub async fn require(
    items: &ItemsReader,
    part: PartOfPlan<'_>,
    changes: &[PlannedChange],
    now: Timestamp,
) -> Result<()> {
    let given = Given::read(items, part.project_id, part.execution).await?;
    if given.answer(part.plan_hash.unwrap_or_default(), changes, now).is_some() {
        return Ok(());
    }
    let what = changes.iter().map(|planned| planned.change.summary.as_str()).collect::<Vec<_>>().join("; ");
    Err(Error::new(
        ErrorName::ApprovalMissing,
        format!(
            "nobody has approved this change of project {} in this execution: {what}; start the state machine, which \
             asks for the approval",
            part.project_id
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(step: &str, action: &str, before: &Value, after: &Value) -> PlannedChange {
        let change = json!({
            "step": step, "action": action, "resource": "/groups/p", "summary": "s", "before": before, "after": after,
        });
        serde_json::from_value(change).unwrap()
    }

    fn key(account: &str) -> Value {
        let arn = format!("arn:aws:kms:us-east-1:{account}:key/mrk-1");
        json!({"awsKms": {"enabled": true, "customerMasterKeyID": arn}})
    }

    #[test]
    fn what_switches_encryption_off_removes_trust_or_moves_a_project_has_to_be_approved() {
        let id_only = json!({"awsKms": {"enabled": true, "customerMasterKeyID": "1234abcd"}});
        let off = json!({"awsKms": {"enabled": false, "customerMasterKeyID": null}});
        let provider = |name: &str| json!({"encryptionAtRestProvider": name});
        for (step, action, before, after, needed) in [
            ("update-encryption", "delete", Value::Null, Value::Null, true),
            ("update-encryption", "update", Value::Null, Value::Null, false),
            ("set-cluster-encryption", "update", provider("AWS"), provider("NONE"), true),
            ("set-cluster-encryption", "update", provider("NONE"), provider("AWS"), false),
            ("deauthorize-role", "delete", Value::Null, Value::Null, true),
            ("remove-key-use", "update", Value::Null, Value::Null, true),
            ("remove-trust", "update", Value::Null, Value::Null, true),
            ("delete-endpoint", "delete", Value::Null, Value::Null, false),
            ("enable-kms", "create", off, key("111122223333"), false),
            ("enable-kms", "update", key("111122223333"), key("111122223333"), false),
            ("enable-kms", "update", key("444455556666"), key("111122223333"), true),
            ("enable-kms", "update", id_only, key("111122223333"), true),
        ] {
            assert_eq!(is_needed(&planned(step, action, &before, &after)), needed, "{step} {action}");
        }
    }

    #[test]
    fn what_was_not_known_is_completed_and_the_rest_is_as_planned() {
        let planned =
            json!({"keyArn": "arn:aws:kms:us-east-1:444455556666:key/(known after ensure-key)", "valid": true});
        let actual =
            |account: &str| json!({"keyArn": format!("arn:aws:kms:us-east-1:{account}:key/mrk-1"), "valid": true});
        assert!(agrees(&planned, &actual("444455556666")));
        assert!(!agrees(&planned, &actual("999999999999")), "a key of another account");
        assert!(!agrees(&json!("a (known after create-role) b"), &json!("a 1 c")));
        assert!(agrees(&json!("(known after create-role)"), &json!({"id": 1})));
    }

    #[test]
    fn an_approval_is_of_one_plan_and_ends() {
        let change = planned("remove-trust", "update", &Value::Null, &Value::Null);
        let other = planned("remove-key-use", "update", &Value::Null, &Value::Null);
        let now: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        let answer =
            Answer { by: "arn:aws:sts::1:assumed-role/Approver/a".to_owned(), at: now.to_string(), reason: None };
        let plan = vec![change.clone()];
        let approval = Approval {
            project_id: "66f0a1b2c3d4e5f601234567".parse().unwrap(),
            execution: "manual-1".to_owned(),
            plan_hash: hash(&plan),
            plan,
            answer,
            expires_at: now.as_second() + 60,
        };
        let own = approval.plan_hash.clone();
        assert!(approval.covers(&own, std::slice::from_ref(&change), now).is_some());
        assert!(approval.covers(&own, &[], now).is_some());
        assert!(approval.covers(&own, &[change.clone(), other.clone()], now).is_none(), "it was not planned");
        assert!(approval.covers(&hash(&[other]), &[], now).is_none(), "another plan");
        let later = Timestamp::from_second(now.as_second() + 60).unwrap();
        assert!(approval.covers(&own, &[], later).is_none(), "it has ended");
        let moved = |account: &str| planned("enable-kms", "update", &key("444455556666"), &key(account));
        let of_move = vec![moved("111122223333")];
        let of_move = Approval { plan_hash: hash(&of_move), plan: of_move, ..approval.clone() };
        assert!(of_move.covers(&of_move.plan_hash, &[moved("111122223333")], now).is_some());
        assert!(of_move.covers(&of_move.plan_hash, &[moved("999999999999")], now).is_none(), "another key");
        let to_come = json!({"awsKms": {"enabled": true, "customerMasterKeyID": "(known after ensure-key)"}});
        assert!(agrees(&to_come, &key("111122223333")) && !agrees(&key("111122223333"), &to_come));
        let forged = Approval { plan: vec![change.clone(), change], ..approval };
        assert!(forged.covers(&own, &[], now).is_none(), "the plan is not the one of the hash");
    }
}
