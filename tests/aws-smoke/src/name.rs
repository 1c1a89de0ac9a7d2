//! What a smoke test is called. Everything that it makes is found by this name, also after it has died.

use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

use anyhow::{Result, ensure};

/// What the name of every smoke test begins with.
pub const PREFIX: &str = "atlas-cmk-smoke-";

/// The name of a smoke test: that of the stack that it deploys. Stacks of atlas-cmk have at most 26 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// A name that no other smoke test has.
    pub fn random() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("{PREFIX}{}", &id[..8]))
    }

    /// The stack that is tested.
    pub fn stack(&self) -> &str {
        &self.0
    }

    /// The stack with what the test needs besides: created first, deleted last.
    pub fn base(&self) -> String {
        format!("{}-base", self.0)
    }

    /// The bucket of an account with the artifacts.
    pub fn bucket(&self, account: &str) -> String {
        format!("{}-{account}", self.0)
    }

    /// The alias of the key.
    pub fn alias(&self) -> String {
        format!("alias/{}", self.0)
    }

    /// The role of an account that Atlas assumes.
    pub fn role_arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role/atlas-cmk/{}", self.0)
    }

    /// The table of the registry.
    pub fn registry(&self) -> String {
        format!("{}-registry", self.0)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let id = text.strip_prefix(PREFIX).unwrap_or_default();
        let is_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        ensure!(is_id, "{text} is no name of a smoke test: {PREFIX} and 8 hexadecimal digits");
        Ok(Self(text.to_owned()))
    }
}
