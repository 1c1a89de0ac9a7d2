//! AWS regions in the two spellings of this trade.

use std::str::FromStr;

use super::{InvalidId, string_id};

/// An AWS region, read in AWS's spelling (`us-east-1`) or Atlas's (`US_EAST_1`) and written in AWS's.
///
/// The shape is checked, not the existence: both sides open regions more often than this tool is released, and Atlas
/// answers `INVALID_REGION` for one it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    /// Atlas's spelling, for example `US_EAST_1`.
    pub fn to_atlas(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }
}

impl FromStr for Region {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let upper = text.bytes().any(|b| b.is_ascii_uppercase() || b == b'_');
        let lower = text.bytes().any(|b| b.is_ascii_lowercase() || b == b'-');
        let canonical = text.to_ascii_lowercase().replace('_', "-");
        if (upper != lower) && is_region(&canonical) {
            Ok(Self(canonical))
        } else {
            Err(InvalidId(format!("expected an AWS region such as us-east-1, but found {text:?}")))
        }
    }
}

/// Two letters, one or more words, and a number: `eu-west-1`, `us-gov-east-1`, `cn-northwest-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [continent, words @ .., number] = parts.as_slice() else { return false };
    continent.len() == 2
        && !words.is_empty()
        && [*continent].iter().chain(words).all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()))
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

impl AsRef<str> for Region {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

string_id!(
    Region,
    schema: "an AWS region",
    pattern: "^([a-z]{2}(-[a-z]+)+-[0-9]{1,2}|[A-Z]{2}(_[A-Z]+)+_[0-9]{1,2})$",
    example: "us-east-1"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_name_the_same_region() {
        for (aws, atlas) in [
            ("us-east-1", "US_EAST_1"),
            ("ap-southeast-2", "AP_SOUTHEAST_2"),
            ("us-gov-west-1", "US_GOV_WEST_1"),
            ("cn-northwest-1", "CN_NORTHWEST_1"),
        ] {
            let region: Region = aws.parse().expect(aws);
            assert_eq!(region, atlas.parse().expect(atlas));
            assert_eq!(region.to_string(), aws);
            assert_eq!(region.to_atlas(), atlas);
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for bad in [
            "",
            "GLOBAL",
            "us-east",
            "us-east-1a",
            "us_east-1",
            "Us-East-1",
            "us--1",
            "useast1",
            "us-east-123",
            "us-east-",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_region_survives_the_way_to_atlas_and_back(text in "[a-z]{2}(-[a-z]{1,9}){1,3}-[0-9]{1,2}") {
            let region: Region = text.parse().unwrap();
            prop_assert_eq!(region.to_atlas().parse::<Region>().unwrap(), region.clone());
            prop_assert_eq!(region.to_string(), text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<Region>();
        }
    }
}
