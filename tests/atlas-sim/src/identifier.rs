//! Ids and dates in the spelling of Atlas.

use jiff::Timestamp;
use uuid::Uuid;

/// A new id: 24 lower-case hexadecimal digits, as the Atlas API spec demands of every id.
pub(crate) fn new_object_id() -> String {
    let mut id = Uuid::new_v4().simple().to_string();
    id.truncate(24);
    id
}

/// Whether a text is an id in the spelling of Atlas.
pub(crate) fn is_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The present moment in UTC, to the second, as recorded answers have it.
pub(crate) fn now_utc() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_an_id() {
        assert!(is_object_id(&new_object_id()));
    }

    #[test]
    fn upper_case_and_other_lengths_are_no_ids() {
        assert!(!is_object_id("AAAAAAAAAAAAAAAAAAAAAAAA"));
        assert!(!is_object_id("abc"));
    }

    #[test]
    fn a_date_has_no_fraction_of_a_second() {
        assert_eq!(now_utc().len(), "2026-08-10T03:03:36Z".len());
    }
}
