//! Short names for long things: what is the same has the same, and what is not has another.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// How many bytes of a digest are kept: names that differ in nothing else will never collide.
const DIGEST_BYTES: usize = 8;

/// 16 hexadecimal digits for a value, by its JSON.
pub fn compute(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(text).iter().take(DIGEST_BYTES).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_has_the_same_and_another_has_another() {
        assert_eq!(compute(&["a", "b"]), compute(&["a", "b"]));
        assert_ne!(compute(&["a", "b"]), compute(&["ab"]));
        assert_eq!(compute(&1).len(), 16);
    }
}
