//! `waive-obligation`: the decision of a person that an enablement is no longer owed. It stays on record with name and
//! reason; whoever asks for the enablement again takes it back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorName, Result},
    ids::AccountId,
    registry::obligations::{self, Obligation, Waiver},
    report::{Described, Description, Owed},
    step::{Actions, Converge, Readers, Step, Writers, sample_file},
};

/// The step.
pub struct WaiveObligation;

/// What is waived, by whom and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The URL or path of this schema, for editors. It has no effect.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The account.
    pub account_id: AccountId,
    /// Which of its enablements, as reports name it; all of them unless given.
    #[serde(default)]
    pub subject: Option<String>,
    /// Who decides it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What was waived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// What was waived.
    pub waived: Vec<Owed>,
}

/// An obligation that is waived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived(Obligation);

impl Described for Waived {
    fn description(&self) -> Description {
        Description::update(obligations::resource(&self.0), "obligation waived").after(json!(self.0.waiver))
    }
}

impl Step for WaiveObligation {
    const NAME: &'static str = "waive-obligation";
    const ABOUT: &'static str = "Records that a person, by name and with a reason, no longer wants an enablement that \
        is owed";
    const ACTIONS: Actions = &[&["dynamodb:PutItem", "dynamodb:Query"]];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        sample_file(include_str!("../../../../events/steps/waive-obligation.json"))
    }

    fn validate(input: &Input) -> Result<()> {
        // Reports repeat them every night.
        for (field, text, longest) in [("by", &input.by, 100), ("reason", &input.reason, 300)] {
            if text.trim().is_empty() || text.chars().count() > longest {
                let message = format!("{field}: a waiver needs 1 to {longest} characters of it");
                return Err(Error::new(ErrorName::InputInvalid, message));
            }
        }
        Ok(())
    }
}

impl Converge for WaiveObligation {
    type Observation = (Vec<Obligation>, jiff::Timestamp);
    type Change = Waived;

    async fn observe(readers: &Readers, input: &Input) -> Result<Self::Observation> {
        Ok((obligations::list(&readers.registry()?, Some(&input.account_id)).await?, readers.now))
    }

    fn decide(input: &Input, (owed, now): &Self::Observation) -> Result<Vec<Waived>> {
        let meant: Vec<&Obligation> =
            owed.iter().filter(|owed| input.subject.as_ref().is_none_or(|subject| *subject == owed.subject)).collect();
        if meant.is_empty() {
            let subjects: Vec<&str> = owed.iter().map(|owed| owed.subject.as_str()).collect();
            let what = if subjects.is_empty() { "nothing".to_owned() } else { subjects.join(", ") };
            let why = format!("subject: what is owed to account {} is {what}", input.account_id);
            return Err(Error::new(ErrorName::InputInvalid, why));
        }
        let waiver = Waiver { by: input.by.clone(), reason: input.reason.clone(), at: now.to_string() };
        let open = meant.into_iter().filter(|owed| owed.waiver.is_none());
        Ok(open.map(|owed| Waived(Obligation { waiver: Some(waiver.clone()), ..owed.clone() })).collect())
    }

    async fn act(writers: &Writers, _: &Input, _: Self::Observation, changes: &[Waived]) -> Result<Output> {
        for Waived(obligation) in changes {
            obligations::write(&writers.registry()?, obligation).await?;
        }
        Ok(Output { waived: changes.iter().map(|Waived(obligation)| obligation.report()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::request;

    fn input(subject: Option<&str>) -> Input {
        let input = json!({"accountId": "444455556666", "subject": subject, "by": "alice", "reason": "a sandbox"});
        serde_json::from_value(input).unwrap()
    }

    fn owed() -> (Vec<Obligation>, jiff::Timestamp) {
        let now = "2026-11-23T03:00:00Z".parse().unwrap();
        (vec![Obligation::new(&request(&json!({})), "a person".to_owned(), now)], now)
    }

    #[test]
    fn what_is_owed_is_waived_once_with_name_and_reason() {
        let (mut obligations, now) = owed();
        let [Waived(waived)] =
            WaiveObligation::decide(&input(None), &(obligations.clone(), now)).unwrap().try_into().unwrap();
        let waiver = waived.waiver.clone().unwrap();
        assert_eq!((waiver.by.as_str(), waiver.reason.as_str()), ("alice", "a sandbox"));
        obligations = vec![waived];
        assert_eq!(WaiveObligation::decide(&input(None), &(obligations, now)).unwrap(), []);
    }

    #[test]
    fn what_is_not_owed_cannot_be_waived_and_what_is_owed_is_named() {
        let error = WaiveObligation::decide(&input(Some("other")), &owed()).unwrap_err();
        assert!(error.message().contains("atlas-cmk#66f0a1b2c3d4e5f601234567"), "{error}");
        let refused = |input: Input| WaiveObligation::validate(&input).unwrap_err().message().to_owned();
        assert!(refused(Input { by: " ".to_owned(), ..input(None) }).starts_with("by:"));
        assert!(refused(Input { reason: "x".repeat(301), ..input(None) }).starts_with("reason:"));
    }
}
