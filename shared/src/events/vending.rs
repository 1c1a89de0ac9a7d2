//! Events of account vending: an account was born, enrolled, moved, or failed to be.
//!
//! Shapes: Control Tower user guide, "Lifecycle events"; Organizations user guide, "Logging"; AFT's
//! `aft-account-provisioning-customizations` and `aft-notifications`. Names are matched, not detail types: AWS
//! documents the former.

use std::collections::BTreeMap;

use aws_lambda_events::event::{eventbridge::EventBridgeEvent, sns::SnsEvent};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Reading, envelope, happened_at, text};
use crate::ids::{AccountId, is_organizational_unit};

/// The detail type of an event that a pipeline of one's own puts on the bus.
pub const CUSTOM: &str = "Account Vended";

/// The value of `toldBy` for an account that a sweep found and no event reported.
pub const SWEEP: &str = "sweep";

/// An account that is to get its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vended {
    /// The account.
    pub account_id: AccountId,
    /// Its name, if the event contains it.
    pub account_name: Option<String>,
    /// The id of its organizational unit, if the event contains it.
    pub ou: Option<String>,
    /// The name of that organizational unit, if the event contains it.
    pub ou_name: Option<String>,
    /// The region the event names, if that says anything about the account: the home region of Control Tower.
    pub region: Option<String>,
    /// Its tags, if the event contains them.
    pub tags: Option<BTreeMap<String, String>>,
    /// The profile that the event asks for.
    pub profile: Option<String>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What reported it, such as `CreateManagedAccount`.
    pub told_by: String,
}

/// What a vending event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vending {
    /// An account is there, or was changed.
    Succeeded(Box<Vended>),
    /// An account was to be made or changed, and was not.
    Failed {
        /// The account, if there is one.
        account: Option<String>,
        /// What was tried, such as `CreateManagedAccount`.
        what: String,
        /// Why it failed, as the event says.
        reason: String,
    },
}

/// Reads whatever a vending pipeline sends: an event of EventBridge, a message of SNS, AFT's payload, or an object with
/// an `accountId`.
pub fn read(event: &Value) -> Vec<Reading<Vending>> {
    if let Some(event) = envelope(event) {
        return vec![of_event_bridge(&event)];
    }
    if let Ok(messages) = SnsEvent::deserialize(event) {
        return messages.records.into_iter().map(|record| of_aft_message(&record.sns.message)).collect();
    }
    if event.get("account_info").is_some() {
        return vec![of_aft(event)];
    }
    if event.get("accountId").is_some() {
        return vec![custom(event, None)];
    }
    vec![Reading::Unknown("it is not an event of a vending pipeline that atlas-cmk supports".to_owned())]
}

fn of_event_bridge(event: &EventBridgeEvent<Value>) -> Reading<Vending> {
    let name = event.detail["eventName"].as_str().unwrap_or_default();
    if event.detail_type == CUSTOM {
        return custom(&event.detail, happened_at(event));
    }
    let mut reading = match (event.source.as_str(), name) {
        ("aws.controltower", "CreateManagedAccount" | "UpdateManagedAccount") => managed_account(name, &event.detail),
        ("aws.controltower", "EnableBaseline") => baseline(&event.detail),
        ("aws.organizations", "CreateAccountResult") => create_account_result(&event.detail),
        ("aws.organizations", "MoveAccount") => move_account(&event.detail),
        ("aws.organizations", "AccountJoinedOrganization") => joined(&event.detail),
        (source, name) => {
            let what = if name.is_empty() { event.detail_type.as_str() } else { name };
            Reading::Unknown(format!("{what} of {source} does not report a vended account"))
        }
    };
    if let Reading::Of(Vending::Succeeded(vended)) = &mut reading {
        vended.at = happened_at(event);
        // Organizations reports everything from one region, which says nothing.
        vended.region = event.region.clone().filter(|_| event.source == "aws.controltower");
    }
    reading
}

/// An account by the text of its id.
fn vended(account: &Value, told_by: &str) -> Option<Vended> {
    Some(Vended {
        account_id: account.as_str()?.parse().ok()?,
        account_name: None,
        ou: None,
        ou_name: None,
        region: None,
        tags: None,
        profile: None,
        at: None,
        told_by: told_by.to_owned(),
    })
}

fn succeeded(vended: Vended) -> Reading<Vending> {
    Reading::Of(Vending::Succeeded(Box::new(vended)))
}

fn without_account(told_by: &str) -> Reading<Vending> {
    Reading::Unknown(format!("{told_by} does not name an account"))
}

fn failed(told_by: &str, account: &Value, reason: &Value) -> Reading<Vending> {
    let reason = text(reason).unwrap_or_else(|| "the event gives no reason".to_owned());
    Reading::Of(Vending::Failed { account: text(account), what: told_by.to_owned(), reason })
}

/// The state that ends well, the one that does not, and all others.
fn by_state(
    state: &Value,
    told_by: &str,
    well: impl FnOnce() -> Reading<Vending>,
    badly: impl FnOnce() -> Reading<Vending>,
) -> Reading<Vending> {
    match state.as_str() {
        Some("SUCCEEDED") => well(),
        Some("FAILED") => badly(),
        other => Reading::Unknown(format!("{told_by} is in the state {}", other.unwrap_or("unknown"))),
    }
}

/// Both events are of one shape, under a key of their own.
fn managed_account(name: &str, detail: &Value) -> Reading<Vending> {
    let details = &detail["serviceEventDetails"];
    let status = ["createManagedAccountStatus", "updateManagedAccountStatus"]
        .into_iter()
        .find_map(|key| details.get(key))
        .unwrap_or(&Value::Null);
    let account = &status["account"];
    let well = || {
        let Some(vended) = vended(&account["accountId"], name) else { return without_account(name) };
        let unit = &status["organizationalUnit"];
        succeeded(Vended {
            account_name: text(&account["accountName"]),
            ou: text(&unit["organizationalUnitId"]),
            ou_name: text(&unit["organizationalUnitName"]),
            ..vended
        })
    };
    by_state(&status["state"], name, well, || failed(name, &account["accountId"], &status["message"]))
}

/// A baseline is enabled on accounts and on organizational units; the latter also report each of their accounts.
fn baseline(detail: &Value) -> Reading<Vending> {
    const NAME: &str = "EnableBaseline";
    let details = &detail["serviceEventDetails"]["enableBaselineStatus"]["enabledBaselineDetails"];
    let target = details["targetIdentifier"].as_str().unwrap_or_default();
    let Some((_, account)) = target.split_once(":account/") else {
        return Reading::Unknown(format!("{NAME} is about {target}, which is not an account"));
    };
    let account = json!(account.rsplit('/').next());
    let status = &details["statusSummary"]["status"];
    let well = || vended(&account, NAME).map_or_else(|| without_account(NAME), succeeded);
    by_state(status, NAME, well, || failed(NAME, &account, &Value::Null))
}

fn create_account_result(detail: &Value) -> Reading<Vending> {
    const NAME: &str = "CreateAccountResult";
    let status = &detail["serviceEventDetails"]["createAccountStatus"];
    let well = || match vended(&status["accountId"], NAME) {
        Some(vended) => succeeded(Vended { account_name: text(&status["accountName"]), ..vended }),
        None => without_account(NAME),
    };
    by_state(&status["state"], NAME, well, || failed(NAME, &status["accountId"], &status["failureReason"]))
}

fn move_account(detail: &Value) -> Reading<Vending> {
    const NAME: &str = "MoveAccount";
    // The record of a call that was refused is an event too.
    if let Some(error) = text(&detail["errorCode"]) {
        return Reading::Unknown(format!("{NAME} was refused: {error}"));
    }
    let asked = &detail["requestParameters"];
    // Accounts are moved there to be closed, or to be moved on.
    if text(&asked["destinationParentId"]).is_some_and(|parent| !is_organizational_unit(&parent)) {
        return Reading::Unknown(format!("{NAME} was to the root, which is not an organizational unit"));
    }
    match vended(&asked["accountId"], NAME) {
        Some(vended) => succeeded(Vended { ou: text(&asked["destinationParentId"]), ..vended }),
        None => without_account(NAME),
    }
}

/// Where in the record the account stands is in no public sample, so both likely places are looked at.
fn joined(detail: &Value) -> Reading<Vending> {
    const NAME: &str = "AccountJoinedOrganization";
    let places = [&detail["serviceEventDetails"]["accountId"], &detail["requestParameters"]["accountId"]];
    places.into_iter().find_map(|account| vended(account, NAME)).map_or_else(|| without_account(NAME), succeeded)
}

/// AFT reports success in JSON and failure in plain text.
fn of_aft_message(message: &str) -> Reading<Vending> {
    const NAME: &str = "aft-notifications";
    match serde_json::from_str::<Value>(message) {
        Ok(execution) if execution["Input"].get("account_info").is_some() => by_state(
            &execution["Status"],
            NAME,
            || of_aft(&execution["Input"]),
            || failed(NAME, &execution["Input"]["account_info"]["account"]["id"], &execution["Cause"]),
        ),
        Ok(_) => Reading::Unknown("the AFT message does not name an account".to_owned()),
        Err(_) if message.contains("Error") || message.contains("error") => {
            failed("aft-failure-notifications", &Value::Null, &json!(message))
        }
        Err(_) => Reading::Unknown("it is not a message of AFT".to_owned()),
    }
}

/// What AFT passes to the state machine of its customizations.
fn of_aft(payload: &Value) -> Reading<Vending> {
    const NAME: &str = "aft-account-provisioning-customizations";
    let account = &payload["account_info"]["account"];
    let Some(vended) = vended(&account["id"], NAME) else { return without_account(NAME) };
    let event = &payload["control_tower_event"];
    succeeded(Vended {
        account_name: text(&account["name"]),
        ou: text(&account["parent_id"]).filter(|parent| is_organizational_unit(parent)),
        region: text(&event["region"]),
        tags: Some(tags(&payload["account_request"]["account_tags"])),
        at: envelope(event).as_ref().and_then(happened_at),
        ..vended
    })
}

/// The event of a custom pipeline. It is meant for atlas-cmk, so an invalid account id is a mistake that has to be
/// reported.
fn custom(detail: &Value, at: Option<Timestamp>) -> Reading<Vending> {
    let told_by = if detail["toldBy"] == SWEEP { SWEEP } else { CUSTOM };
    let Some(vended) = vended(&detail["accountId"], told_by) else {
        return failed(CUSTOM, &detail["accountId"], &json!("accountId: expected an AWS account id of 12 digits"));
    };
    succeeded(Vended {
        account_name: text(&detail["accountName"]),
        ou: text(&detail["ou"]),
        region: text(&detail["region"]),
        tags: detail.get("tags").map(tags),
        profile: text(&detail["profile"]),
        at: at.or_else(|| detail["at"].as_str().and_then(|text| text.parse().ok())),
        ..vended
    })
}

fn tags(value: &Value) -> BTreeMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(event: &Value) -> Reading<Vending> {
        let mut readings = read(event);
        assert_eq!(readings.len(), 1, "{readings:?}");
        readings.remove(0)
    }

    fn of(event: &Value) -> Vended {
        match one(event) {
            Reading::Of(Vending::Succeeded(vended)) => *vended,
            other => panic!("{event}: {other:?}"),
        }
    }

    fn event(source: &str, detail: &Value) -> Value {
        json!({
            "version": "0", "id": "1", "detail-type": "AWS Service Event via CloudTrail", "source": source, "account": "111122223333",
            "time": "2026-10-14T09:12:32Z", "region": "eu-west-1", "resources": [], "detail": detail,
        })
    }

    fn managed(name: &str, key: &str, state: &str) -> Value {
        event(
            "aws.controltower",
            &json!({"eventName": name, "eventTime": "2026-10-14T09:12:31Z", "serviceEventDetails": {key: {
                "organizationalUnit": {"organizationalUnitName": "Workloads", "organizationalUnitId": "ou-abcd-l3zc8b3h"},
                "account": {"accountName": "payments-prod", "accountId": "444455556666"},
                "state": state, "message": "AWS Control Tower says so.", "requestedTimestamp": "2026-10-14T08:45:18+0000",
            }}}),
        )
    }

    #[test]
    fn a_move_to_the_root_is_no_move_to_a_unit() {
        let mut moved = event(
            "aws.organizations",
            &json!({
                "eventName": "MoveAccount",
                "requestParameters": {"accountId": "444455556666", "destinationParentId": "r-abcd", "sourceParentId": "ou-abcd-l3zc8b3h"},
            }),
        );
        assert!(matches!(one(&moved), Reading::Unknown(why) if why.contains("root")));
        moved["detail"]["requestParameters"]["destinationParentId"] = json!("ou-abcd-12345678");
        assert_eq!(of(&moved).ou.as_deref(), Some("ou-abcd-12345678"));
    }

    #[test]
    fn a_sweep_hands_in_what_no_event_reported() {
        let vended = of(&json!({"accountId": "444455556666", "accountName": null, "toldBy": "sweep"}));
        assert_eq!((vended.told_by.as_str(), vended.account_name), (SWEEP, None));
        assert_eq!(of(&json!({"accountId": "444455556666"})).told_by, CUSTOM);
    }

    #[test]
    fn creation_and_update_of_a_managed_account_report_the_same() {
        let created = of(&managed("CreateManagedAccount", "createManagedAccountStatus", "SUCCEEDED"));
        let updated = of(&managed("UpdateManagedAccount", "updateManagedAccountStatus", "SUCCEEDED"));
        assert_eq!(created.account_id.as_ref(), "444455556666");
        assert_eq!(
            (created.account_name.as_deref(), created.ou.as_deref()),
            (Some("payments-prod"), Some("ou-abcd-l3zc8b3h"))
        );
        assert_eq!((created.ou_name.as_deref(), created.region.as_deref()), (Some("Workloads"), Some("eu-west-1")));
        assert_eq!(created.at, Some("2026-10-14T09:12:31Z".parse().unwrap()));
        assert_eq!(Vended { told_by: created.told_by.clone(), ..updated }, created);
    }

    #[test]
    fn what_failed_is_reported_with_its_reason_and_what_is_under_way_is_not() {
        let failed = one(&managed("CreateManagedAccount", "createManagedAccountStatus", "FAILED"));
        let Reading::Of(Vending::Failed { account, reason, .. }) = failed else { panic!("{failed:?}") };
        assert_eq!((account.as_deref(), reason.as_str()), (Some("444455556666"), "AWS Control Tower says so."));
        let under_way = one(&managed("CreateManagedAccount", "createManagedAccountStatus", "IN_PROGRESS"));
        assert!(matches!(under_way, Reading::Unknown(_)), "{under_way:?}");
        let refused = event(
            "aws.organizations",
            &json!({"eventName": "CreateAccountResult", "serviceEventDetails": {
                "createAccountStatus": {"state": "FAILED", "accountName": "****", "failureReason": "EMAIL_ALREADY_EXISTS"},
            }}),
        );
        let Reading::Of(Vending::Failed { account: None, reason, .. }) = one(&refused) else { panic!("{refused}") };
        assert_eq!(reason, "EMAIL_ALREADY_EXISTS");
    }

    #[test]
    fn a_baseline_is_of_an_account_or_of_nobody_we_know() {
        let of_target = |target: &str, status: &str| {
            event(
                "aws.controltower",
                &json!({"eventName": "EnableBaseline", "serviceEventDetails": {"enableBaselineStatus": {
                    "enabledBaselineDetails": {"targetIdentifier": target, "statusSummary": {"status": status}},
                }}}),
            )
        };
        let account = "arn:aws:organizations::111122223333:account/o-abcde12345/444455556666";
        assert_eq!(of(&of_target(account, "SUCCEEDED")).account_id.as_ref(), "444455556666");
        for event in [
            of_target("arn:aws:organizations::111122223333:ou/o-abcde12345/ou-abcd-l3zc8b3h", "SUCCEEDED"),
            of_target(account, "UNDER_CHANGE"),
        ] {
            assert!(matches!(one(&event), Reading::Unknown(_)), "{event}");
        }
    }

    #[test]
    fn organizations_masks_names_and_its_region_says_nothing() {
        let created = of(&event(
            "aws.organizations",
            &json!({"eventName": "CreateAccountResult", "serviceEventDetails": {
                "createAccountStatus": {"state": "SUCCEEDED", "accountName": "****", "accountId": "444455556666"},
            }}),
        ));
        assert_eq!((created.account_name, created.region, created.ou), (None, None, None));
        let call = |parameters: Value, error: Value| {
            event(
                "aws.organizations",
                &json!({"eventName": "MoveAccount", "requestParameters": parameters, "errorCode": error}),
            )
        };
        let parameters = json!({"accountId": "444455556666", "destinationParentId": "ou-abcd-l3zc8b3h"});
        assert_eq!(of(&call(parameters.clone(), Value::Null)).ou.as_deref(), Some("ou-abcd-l3zc8b3h"));
        assert!(matches!(one(&call(parameters, json!("AccessDenied"))), Reading::Unknown(_)));
        assert!(matches!(one(&call(Value::Null, Value::Null)), Reading::Unknown(_)));
    }

    #[test]
    fn aft_reports_tags_and_the_event_it_began_with() {
        let payload = json!({
            "account_info": {"account": {"id": "444455556666", "name": "payments-prod", "parent_id": "ou-abcd-l3zc8b3h"}},
            "control_tower_event": managed("CreateManagedAccount", "createManagedAccountStatus", "SUCCEEDED"),
            "account_request": {"account_tags": {"env": "prod"}, "custom_fields": "{}"},
        });
        let vended = of(&payload);
        assert_eq!(vended.tags.as_ref().unwrap()["env"], "prod");
        assert_eq!(vended.at, Some("2026-10-14T09:12:31Z".parse().unwrap()));
        let message = json!({"Status": "SUCCEEDED", "Input": payload}).to_string();
        assert_eq!(of_aft_message(&message), succeeded(vended));
        let Reading::Of(Vending::Failed { account: None, .. }) = of_aft_message("An error occurred in …") else {
            panic!()
        };
        assert!(matches!(of_aft_message("hello"), Reading::Unknown(_)));
    }

    #[test]
    fn a_plain_event_may_come_by_itself_or_on_the_bus_and_a_wrong_account_in_it_is_reported() {
        let plain = json!({"accountId": "444455556666", "accountName": "payments", "tags": {"env": "prod"}, "profile": "special"});
        let by_itself = of(&plain);
        assert_eq!((by_itself.profile.as_deref(), by_itself.at), (Some("special"), None));
        let mut on_the_bus = event("my.pipeline", &plain);
        on_the_bus["detail-type"] = json!(CUSTOM);
        assert_eq!(Vended { at: None, ..of(&on_the_bus) }, by_itself);
        assert!(matches!(one(&json!({"accountId": "12"})), Reading::Of(Vending::Failed { .. })));
    }

    #[test]
    fn nothing_that_can_arrive_makes_it_panic() {
        for event in [
            json!(null),
            json!([]),
            json!("text"),
            json!({}),
            json!({"Records": [{"eventSource": "aws:s3"}]}),
            json!({"Records": []}),
            json!({"account_info": 7}),
            event("aws.controltower", &json!({"eventName": "SetupLandingZone"})),
            event("aws.controltower", &json!({"eventName": "CreateManagedAccount", "serviceEventDetails": []})),
            event("aws.servicecatalog", &json!({"eventName": "ProvisionProduct"})),
            event("aws.ec2", &json!("text")),
        ] {
            for reading in read(&event) {
                assert!(matches!(reading, Reading::Unknown(_)), "{event}: {reading:?}");
            }
        }
    }
}
