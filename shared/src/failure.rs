//! How a failure is reported to a state machine, and how step and message are read from that again.
//!
//! A function puts its own name before what it says, in brackets: only it knows for certain who failed. On its way the
//! sentence is wrapped by Lambda (JSON with `errorMessage`), by the Fail state inside a Map (the item and the state
//! that failed, before it), by a nested execution (JSON with `Cause`) and by our own diagnosis. What Step Functions
//! says by itself, of time-outs and data limits, is plain text.

use lambda_runtime::Diagnostic;
use serde_json::Value;

use crate::error::Error;

/// Who failed, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The function if it said so itself, else the state, if the text names one.
    pub step: Option<String>,
    /// The code of what caused it, if another system gave one; see [`crate::error::Failure`].
    pub code: Option<String>,
    /// Its sentence, without what it was wrapped in.
    pub said: String,
}

/// What a function answers Lambda with when its step fails.
pub fn raise(step: &str, error: &Error) -> Diagnostic {
    let code = error.code().filter(|code| is_code(code)).map(|code| format!(" {code}")).unwrap_or_default();
    let error_message = format!("[{step}{code}] {}", error.message());
    Diagnostic { error_type: error.name().as_str().to_owned(), error_message }
}

impl Raised {
    /// Reads the Cause of a failed state, whatever it is.
    pub fn read(cause: &str) -> Self {
        let Some((before, wrapped)) = split(cause) else { return without_mark(cause) };
        let outer = without_mark(before);
        Self {
            step: wrapped.step.or(outer.step),
            code: wrapped.code.or(outer.code),
            said: format!("{}{}", outer.said, wrapped.said),
        }
    }
}

/// What stands before the JSON that the text ends with, and what that wraps.
fn split(text: &str) -> Option<(&str, Raised)> {
    let (before, json) = text.split_at(text.find('{')?);
    let json: Value = serde_json::from_str(json).ok()?;
    let field = |name: &str| json.get(name)?.as_str();
    if let Some(inner) = field("errorMessage").or(field("Cause")) {
        return Some((before, Raised::read(inner)));
    }
    // What could not be diagnosed: the failure as the state machine caught it.
    if let Some(failed) = json.get("failed") {
        let failure = Raised::read(failed["failure"]["Cause"].as_str().unwrap_or_default());
        let state = failed["state"].as_str().map(str::to_owned);
        return Some((before, Raised { step: failure.step.or(state), ..failure }));
    }
    let (step, said) = (field("step")?.to_owned(), field("cause")?.to_owned());
    Some((before, Raised { step: Some(step), code: None, said }))
}

/// The text without what stands in brackets at its start or behind what a Map puts before it: the name of the function or
/// the state and, if there is one, a code.
fn without_mark(text: &str) -> Raised {
    let marked = text.find('[').and_then(|start| {
        let (before, (mark, rest)) = (&text[..start], text[start + 1..].split_once("] ")?);
        let (step, code) = mark.split_once(' ').map_or((mark, None), |(step, code)| (step, Some(code)));
        let is_step = !step.is_empty() && step.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        let is_mark = is_step && code.is_none_or(is_code) && (before.is_empty() || before.ends_with(": "));
        is_mark.then(|| Raised {
            step: Some(step.to_owned()),
            code: code.map(str::to_owned),
            said: format!("{before}{rest}"),
        })
    });
    marked.unwrap_or_else(|| Raised { step: None, code: None, said: text.to_owned() })
}

fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{ErrorName, Failure};

    fn of_lambda(step: &str, message: &str) -> String {
        let raised = raise(step, &Error::new(ErrorName::AtlasRejected, message));
        json!({"errorType": raised.error_type, "errorMessage": raised.error_message}).to_string()
    }

    #[test]
    fn a_function_fails_with_the_name_itself_and_says_who_it_is() {
        let raised = raise("authorize-role", &Error::new(ErrorName::AtlasCannotAssumeRole, "because"));
        assert_eq!(raised.error_type, "Atlas.CannotAssumeRole");
        assert_eq!(raised.error_message, "[authorize-role] because");
    }

    #[test]
    fn who_failed_is_read_from_whatever_its_sentence_is_wrapped_in() {
        let own = of_lambda("check-cluster", "it {broke}: [really]");
        let in_map = format!("orders: [EnableCluster] {own}");
        let nested = json!({"Error": "Atlas.Rejected", "Cause": in_map}).to_string();
        let diagnosis =
            json!({"step": "check-cluster", "error": "x", "cause": "it broke", "fix": "fix it"}).to_string();
        let timed_out = "orders: [CheckCluster] ";
        let undiagnosed = json!({
            "failed": {"state": "EnableClusters", "failure": {"Error": "Atlas.Rejected", "Cause": in_map}},
            "notDiagnosed": {"Error": "Lambda.Unknown"},
        });
        let undiagnosed_limit =
            json!({"failed": {"state": "Verify", "failure": {"Error": "States.DataLimitExceeded"}}});
        let limit = "The state/task 'arn:aws:states:::lambda:invoke' returned a result with a size exceeding the \
            maximum number of bytes service limit.";
        for (cause, step, said) in [
            (own.as_str(), Some("check-cluster"), "it {broke}: [really]"),
            (&in_map, Some("check-cluster"), "orders: it {broke}: [really]"),
            (&nested, Some("check-cluster"), "orders: it {broke}: [really]"),
            (&diagnosis, Some("check-cluster"), "it broke"),
            (&json!({"Cause": diagnosis}).to_string(), Some("check-cluster"), "it broke"),
            (&undiagnosed.to_string(), Some("check-cluster"), "orders: it {broke}: [really]"),
            (&undiagnosed_limit.to_string(), Some("Verify"), ""),
            (timed_out, Some("CheckCluster"), "orders: "),
            (limit, None, limit),
            ("{}", None, "{}"),
            ("{not json}", None, "{not json}"),
            ("[1] is no function", None, "[1] is no function"),
            ("Atlas says [check-cluster] x", None, "Atlas says [check-cluster] x"),
            ("", None, ""),
        ] {
            let step = step.map(str::to_owned);
            assert_eq!(Raised::read(cause), Raised { step, code: None, said: said.to_owned() }, "{cause}");
        }
    }

    #[test]
    fn the_code_of_what_another_system_answered_comes_along() {
        let refused =
            Error::new(ErrorName::AtlasUnauthorized, "no").because_of(Failure::Atlas("NOT_IN_GROUP".to_owned()));
        let raised = raise("create-role", &refused);
        assert_eq!(raised.error_message, "[create-role NOT_IN_GROUP] no");
        let wrapped = json!({"errorMessage": raised.error_message}).to_string();
        for cause in [wrapped.clone(), format!("orders: [CreateRole] {wrapped}")] {
            assert_eq!(Raised::read(&cause).code.as_deref(), Some("NOT_IN_GROUP"), "{cause}");
        }
        let odd = Error::new(ErrorName::InputInvalid, "no").because_of(Failure::Input("regions[0]".to_owned()));
        assert_eq!(
            raise("preflight", &odd).error_message,
            "[preflight] no",
            "a code that would not be read is left out"
        );
    }
}
