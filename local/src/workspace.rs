//! Where things are in this repository.

use std::{env, path::PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in a folder of the workspace")
        .to_owned()
}

/// A file of the repository.
///
/// # Errors
/// If it cannot be read, with its path.
pub fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(path)).map_err(|error| anyhow::anyhow!("{path}: {error}"))
}

/// Where cargo builds to, and where the engine is installed.
pub fn target() -> PathBuf {
    // Relative to the root, where cargo runs.
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}
