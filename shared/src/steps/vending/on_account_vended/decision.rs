//! What an account gets, and whether it has it already.

use super::{AccountEntry, BTreeMap, EnableEncryption, Vended};
use crate::{
    error::Result,
    events::vending,
    fingerprint,
    ids::{ProfileName, Region},
    profile::{Facts, Placeholders, Profile, choose},
};

/// What is known of an account.
#[derive(Debug)]
pub(super) struct Known {
    /// What the event and Organizations report.
    pub(super) vended: Vended,
    /// Every profile.
    pub(super) profiles: BTreeMap<ProfileName, Profile>,
    /// What is written down of it.
    pub(super) entry: Option<AccountEntry>,
    /// The region of the stack.
    pub(super) region: Region,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum VendingDecision {
    /// Start an enablement.
    Start { name: String, input: Box<EnableEncryption>, entry: Box<AccountEntry> },
    /// Write down what was learnt.
    Record(Box<AccountEntry>),
    /// It was started before.
    Unchanged { execution_arn: String, why: String },
    /// Nothing.
    Ignore(String),
}

/// Events of accounts that may still be in the root, to be moved to their unit later.
const COMES_BEFORE_ITS_UNIT: [&str; 3] = ["CreateAccountResult", "AccountJoinedOrganization", vending::SWEEP];

/// # Errors
/// `Input.Invalid` if no profile can be chosen, or the placeholders of the one that applies cannot be replaced.
pub(super) fn judge(known: &Known) -> Result<VendingDecision> {
    let (vended, before) = (&known.vended, known.entry.as_ref());
    if let Some(before) = before
        && let (Some(then), Some(now)) = (before.event_time(), vended.at)
        && now < then
    {
        let why = format!("{} is older than the event that was handled last", vended.told_by);
        return Ok(VendingDecision::Unchanged { execution_arn: before.execution_arn.clone(), why });
    }
    // What an event does not contain is unchanged.
    let account_name = vended.account_name.clone().or_else(|| before?.account_name.clone());
    let ou = vended.ou.clone().or_else(|| before?.ou.clone());
    let has_units = known.profiles.values().any(|profile| !profile.organizational_units.is_empty());
    if ou.is_none() && has_units && COMES_BEFORE_ITS_UNIT.contains(&vended.told_by.as_str()) {
        return Ok(VendingDecision::Ignore(
            "the account is not in an organizational unit yet; enablement starts with the event that names one"
                .to_owned(),
        ));
    }
    let in_the_same_unit = before.filter(|before| before.ou == ou);
    let ou_name = vended.ou_name.clone().or_else(|| in_the_same_unit?.ou_name.clone());
    let tags = vended.tags.clone().or_else(|| before?.tags.clone());
    let requested = vended.profile.clone().or_else(|| before?.requested_profile.as_ref().map(ToString::to_string));
    let none = BTreeMap::new();
    let facts = Facts {
        profile: requested.as_deref(),
        ou: ou.as_deref(),
        ou_name: ou_name.as_deref(),
        tags: tags.as_ref().unwrap_or(&none),
    };
    let Some((name, profile)) = choose(&known.profiles, facts)? else {
        return Ok(VendingDecision::Ignore("no profile applies to the account".to_owned()));
    };
    // Events of Control Tower contain its home region, those of Organizations none: an account must not move between
    // regions by that. Only a custom pipeline means it.
    let meant = vended.region.clone().filter(|_| vended.told_by == vending::CUSTOM);
    let region = meant.or_else(|| before?.region.clone()).or_else(|| vended.region.clone());
    let region = region.unwrap_or_else(|| known.region.to_string());
    let values = Placeholders {
        account_id: vended.account_id.clone(),
        account_name: account_name.clone(),
        ou: ou.clone(),
        region: region.clone(),
    };
    let input = Box::new(profile.fill(&values)?);
    let print = |ou: Option<&String>| fingerprint::compute(&(name, profile.generation, ou, &*input));
    let fingerprint = print(ou.as_ref());
    let sequence = before.map_or(0, |before| before.sequence) + 1;
    let entry = Box::new(AccountEntry {
        account_id: vended.account_id.clone(),
        account_name,
        ou_name: ou_name.clone(),
        tags: tags.clone(),
        requested_profile: requested.as_deref().and_then(|name| name.parse().ok()),
        profile: name.clone(),
        region: Some(region),
        fingerprint: fingerprint.clone(),
        sequence,
        event_at: vended.at.map(|at| at.to_string()).or_else(|| before?.event_at.clone()),
        execution_arn: before.map(|before| before.execution_arn.clone()).unwrap_or_default(),
        version: before.map_or(0, |before| before.version),
        ou: ou.clone(),
    });
    Ok(match before {
        // An event that is newer than what was handled last makes those between them late ones.
        Some(before) if before.fingerprint == fingerprint && before.event_at != entry.event_at => {
            VendingDecision::Record(Box::new(AccountEntry { sequence: before.sequence, ..*entry }))
        }
        Some(before) if before.fingerprint == fingerprint => VendingDecision::Unchanged {
            execution_arn: before.execution_arn.clone(),
            why: "its enablement was started before, and nothing has changed".to_owned(),
        },
        // The account has not moved: where it is was not known before.
        Some(before) if before.ou.is_none() && before.fingerprint == print(None) => {
            VendingDecision::Record(Box::new(AccountEntry { sequence: before.sequence, ..*entry }))
        }
        _ => VendingDecision::Start {
            name: format!("vend-{}-{sequence}-{fingerprint}", vended.account_id),
            input,
            entry,
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ARN: &str = "arn:aws:states:us-east-1:777788889999:execution:atlas-cmk-enable-encryption:vend-1";

    fn profile(more: &Value) -> Profile {
        let mut whole = json!({"input": {
            "project": {"name": "{{ accountName }}-{{ accountId }}", "orgId": "5f0000000000000000000001"},
            "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk",
            "key": {"alias": "alias/atlas-cmk"},
        }});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn event(ou: Option<&str>, at: &str) -> Vended {
        Vended {
            account_id: "444455556666".parse().unwrap(),
            account_name: Some("payments".to_owned()),
            ou: ou.map(str::to_owned),
            ou_name: None,
            region: None,
            tags: None,
            profile: None,
            at: Some(at.parse().unwrap()),
            told_by: "MoveAccount".to_owned(),
        }
    }

    fn known(vended: Vended, entry: Option<AccountEntry>, more: &Value) -> Known {
        let profiles = BTreeMap::from([("default".parse().unwrap(), profile(more))]);
        Known { vended, profiles, entry, region: "us-east-1".parse().unwrap() }
    }

    fn started(known: &Known) -> (String, AccountEntry) {
        match judge(known).unwrap() {
            VendingDecision::Start { name, entry, .. } => {
                (name, AccountEntry { execution_arn: ARN.to_owned(), ..*entry })
            }
            other => panic!("{other:?}"),
        }
    }

    /// What is written down of it after an event that starts nothing.
    fn left(known: &Known) -> AccountEntry {
        match judge(known).unwrap() {
            VendingDecision::Unchanged { execution_arn, .. } => {
                assert_eq!(execution_arn, ARN);
                known.entry.clone().unwrap()
            }
            VendingDecision::Record(entry) => *entry,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_again_is_known_and_another_unit_or_generation_is_not() {
        let nothing = json!({});
        let (first, entry) = started(&known(event(Some("ou-1"), "2026-10-14T09:00:00Z"), None, &nothing));
        assert!(first.starts_with("vend-444455556666-1-") && first.len() <= 80, "{first}");
        let again = known(event(Some("ou-1"), "2026-10-14T10:00:00Z"), Some(entry.clone()), &nothing);
        assert_eq!(left(&again).sequence, 1);
        let (moved, there) =
            started(&known(event(Some("ou-2"), "2026-10-14T11:00:00Z"), Some(entry.clone()), &nothing));
        let (back, _) = started(&known(event(Some("ou-1"), "2026-10-14T12:00:00Z"), Some(there), &nothing));
        assert!(
            moved != first && back != first && back != moved,
            "back again is another change: {first} {moved} {back}"
        );
        let (raised, _) =
            started(&known(event(Some("ou-1"), "2026-10-14T11:00:00Z"), Some(entry), &json!({"generation": 2})));
        assert_ne!(raised, first);
    }

    #[test]
    fn two_invocations_for_one_event_choose_the_same_name() {
        let name = |ou: &str, at: &str, told_by: &str| {
            let vended = Vended { told_by: told_by.to_owned(), ..event(Some(ou), at) };
            started(&known(vended, None, &json!({}))).0
        };
        let first = name("ou-1", "2026-10-14T09:00:00Z", "MoveAccount");
        assert_eq!(first, name("ou-1", "2026-10-14T09:00:07Z", "CreateManagedAccount"), "whoever reports it, and when");
        assert_ne!(first, name("ou-2", "2026-10-14T09:00:00Z", "MoveAccount"));
    }

    #[test]
    fn an_older_event_changes_nothing() {
        let (_, entry) = started(&known(event(Some("ou-2"), "2026-10-14T11:00:00Z"), None, &json!({})));
        let late = known(event(Some("ou-1"), "2026-10-14T09:00:00Z"), Some(entry), &json!({}));
        assert!(matches!(judge(&late).unwrap(), VendingDecision::Unchanged { .. }));
    }

    #[test]
    fn a_move_away_that_is_reported_after_the_move_back_starts_nothing() {
        let (_, entry) = started(&known(event(Some("ou-1"), "2026-10-14T09:00:00Z"), None, &json!({})));
        let back = left(&known(event(Some("ou-1"), "2026-10-14T11:00:00Z"), Some(entry), &json!({})));
        let away = known(event(Some("ou-2"), "2026-10-14T10:00:00Z"), Some(back.clone()), &json!({}));
        assert_eq!(left(&away), back);
    }

    #[test]
    fn an_account_stays_in_its_region_whatever_event_comes_next() {
        let regions = json!({"input": {
            "projectId": "66f0a1b2c3d4e5f601234567", "roleArn": "arn:aws:iam::{{ accountId }}:role/atlas-cmk",
            "key": {"alias": "alias/atlas-cmk"}, "regions": ["{{ region }}"],
        }});
        let event = |told_by: &str, region: Option<&str>, at: &str| Vended {
            told_by: told_by.to_owned(),
            region: region.map(str::to_owned),
            ..event(Some("ou-1"), at)
        };
        let created = event("CreateManagedAccount", Some("eu-central-1"), "2026-10-14T09:00:00Z");
        let (_, entry) = started(&known(created, None, &regions));
        assert_eq!(entry.region.as_deref(), Some("eu-central-1"));
        let moved = event("MoveAccount", None, "2026-10-14T10:00:00Z");
        let entry = left(&known(moved, Some(entry), &regions));
        let meant = event(vending::CUSTOM, Some("eu-west-1"), "2026-10-14T11:00:00Z");
        let (_, entry) = started(&known(meant, Some(entry), &regions));
        let updated = event("UpdateManagedAccount", Some("eu-central-1"), "2026-10-14T12:00:00Z");
        assert_eq!(left(&known(updated, Some(entry), &regions)).region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn to_learn_where_an_account_is_is_no_move() {
        let (_, entry) = started(&known(event(None, "2026-10-14T09:00:00Z"), None, &json!({})));
        let learnt = known(event(Some("ou-1"), "2026-10-14T09:30:00Z"), Some(entry), &json!({}));
        let VendingDecision::Record(entry) = judge(&learnt).unwrap() else { panic!("nothing has changed") };
        assert_eq!((entry.ou.as_deref(), entry.sequence, entry.execution_arn.as_str()), (Some("ou-1"), 1, ARN));
        let mut silent = known(event(None, "2026-10-14T10:00:00Z"), Some(*entry), &json!({}));
        silent.vended.account_name = None;
        assert_eq!(left(&silent).ou.as_deref(), Some("ou-1"), "an event that says nothing of the unit is no news");
    }

    #[test]
    fn an_event_that_reports_less_chooses_no_other_profile() {
        let units = json!({"organizationalUnits": ["Workloads"]});
        let mut first = known(
            Vended { ou_name: Some("Workloads".to_owned()), ..event(Some("ou-1"), "2026-10-14T09:00:00Z") },
            None,
            &units,
        );
        first.profiles.insert("other".parse().unwrap(), profile(&json!({"accountTags": {"env": "prod"}})));
        let (_, entry) = started(&first);
        let mut baseline = known(event(None, "2026-10-14T09:30:00Z"), Some(entry), &units);
        baseline.vended.account_name = None;
        assert_eq!(left(&baseline).ou_name.as_deref(), Some("Workloads"), "by the name of the unit");

        let tags = json!({"accountTags": {"env": "prod"}});
        let tagged = Vended {
            tags: Some(BTreeMap::from([("env".to_owned(), "prod".to_owned())])),
            ..event(Some("ou-1"), "2026-10-14T09:00:00Z")
        };
        let (_, entry) = started(&known(tagged, None, &tags));
        let silent = known(event(Some("ou-1"), "2026-10-14T09:30:00Z"), Some(entry), &tags);
        assert_eq!(left(&silent).sequence, 1, "by its tags");
    }

    #[test]
    fn an_account_in_the_root_waits_for_the_event_that_reports_its_unit() {
        let made = Vended { told_by: "CreateAccountResult".to_owned(), ..event(None, "2026-10-14T09:00:00Z") };
        let with_units = known(made.clone(), None, &json!({"organizationalUnits": ["ou-1"]}));
        assert!(matches!(judge(&with_units).unwrap(), VendingDecision::Ignore(_)));
        started(&known(made, None, &json!({})));
    }

    #[test]
    fn without_a_profile_nothing_is_started_and_one_that_cannot_be_filled_is_an_error() {
        let mut nobody = known(event(None, "2026-10-14T09:00:00Z"), None, &json!({}));
        nobody.profiles.clear();
        assert!(matches!(judge(&nobody).unwrap(), VendingDecision::Ignore(_)));
        let mut unnamed = known(event(None, "2026-10-14T09:00:00Z"), None, &json!({}));
        unnamed.vended.account_name = None;
        assert!(judge(&unnamed).unwrap_err().message().contains("accountName"));
    }
}
