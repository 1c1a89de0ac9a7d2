//! What the tests of this package share: the contracts between Rust, Step Functions and the template, as data.

pub mod asl;
pub mod contracts;
pub mod evaluator;
pub mod files;
pub mod template;

use std::path::PathBuf;

/// A file of the repository.
///
/// # Errors
/// If it cannot be read, with its path.
pub fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(path)).map_err(|error| anyhow::anyhow!("{path}: {error}"))
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in a folder of the workspace")
        .to_owned()
}

/// The names in a folder of the repository, sorted.
///
/// # Errors
/// If it cannot be read, with its path.
pub fn list(folder: &str) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(root().join(folder)).map_err(|error| anyhow::anyhow!("{folder}: {error}"))?;
    let mut names: Vec<String> =
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<anyhow::Result<_>>()?;
    names.sort();
    Ok(names)
}

/// A name in camel case in kebab case: `update-trust` of `UpdateTrust`.
pub fn kebab(camel: &str) -> String {
    let mut kebab = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}
