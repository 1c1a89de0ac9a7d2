//! Ids that nobody knows before something is made. In a plan they have the shape of ids, because steps take nothing
//! else, and are replaced by words before anyone sees them.

use std::str::FromStr;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, ErrorName, Result};

/// A project that is going to be made.
pub(crate) const PROJECT: &str = "f0f0f0f0f0f0f0f0f0f0f0f0";
/// The id of a key that is going to be made.
pub(crate) const KEY: &str = "mrk-f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1";
/// An access role record that is going to be made.
pub(crate) const ROLE_ID: &str = "f2f2f2f2f2f2f2f2f2f2f2f2";
/// The principal that its record is going to name.
pub(crate) const PRINCIPAL: &str = "arn:aws:iam::000000000000:root";
/// The external ID that its record is going to name; as long as Atlas's are, because sizes are checked with it.
pub(crate) const EXTERNAL_ID: &str = "f3f3f3f3-f3f3-f3f3-f3f3-f3f3f3f3f3f3";

const WORDS_BY_PLACEHOLDER: [(&str, &str); 5] = [
    (PROJECT, "(known after ensure-project)"),
    (KEY, "(known after ensure-key)"),
    (ROLE_ID, "(known after create-role)"),
    (PRINCIPAL, "(known after create-role)"),
    (EXTERNAL_ID, "(known after create-role)"),
];

/// A placeholder as the id it stands for.
pub(crate) fn parse<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::new(ErrorName::Internal, format!("a bug: {text} is not a valid placeholder")))
}

/// The same with words in the places of the placeholders.
pub(crate) fn replaced_by_words<T: Serialize + DeserializeOwned>(value: &T) -> Result<T> {
    let broken = |error: serde_json::Error| Error::new(ErrorName::Internal, format!("a bug: {error}"));
    let text = serde_json::to_string(value).map_err(broken)?;
    let text = WORDS_BY_PLACEHOLDER.iter().fold(text, |text, (placeholder, words)| text.replace(placeholder, words));
    serde_json::from_str(&text).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccessRoleId, ExternalId, KmsKeyArn, PrincipalArn, ProjectId};

    #[test]
    fn placeholders_have_the_shape_of_what_they_stand_for_and_become_words() {
        parse::<ProjectId>(PROJECT).unwrap();
        parse::<AccessRoleId>(ROLE_ID).unwrap();
        parse::<PrincipalArn>(PRINCIPAL).unwrap();
        parse::<ExternalId>(EXTERNAL_ID).unwrap();
        let key: KmsKeyArn = parse(&format!("arn:aws:kms:us-east-1:444455556666:key/{KEY}")).unwrap();
        assert!(key.is_multi_region());
        assert!(WORDS_BY_PLACEHOLDER.iter().all(|(_, words)| words.starts_with(crate::report::UNKNOWN)));
        let words = replaced_by_words(&vec![format!("AtlasCmk{PROJECT}")]).unwrap();
        assert_eq!(words, ["AtlasCmk(known after ensure-project)"]);
    }
}
