//! The functions as Lambda gets them: built by cargo, stripped, each alone in a zip as `bootstrap`.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{process::Command, task::JoinSet};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{progress, workspace};

/// Templates, and the functions that they name.
#[derive(Debug, Clone)]
pub struct Build {
    /// The folder of the templates: `infra`, or that of a release.
    pub infra: PathBuf,
    /// The functions.
    pub packages: Vec<Package>,
}

/// A function, ready to be deployed.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name: that of the binary.
    pub name: String,
    /// Where it is put: a name of its own for each build.
    pub key: String,
    /// The zip.
    pub zip: Vec<u8>,
}

/// The names of all functions.
///
/// # Errors
/// If the folder `functions/src/bin` cannot be read.
pub fn names() -> Result<Vec<String>> {
    let mut names = std::fs::read_dir(workspace::root().join("functions/src/bin"))?
        .map(|entry| Ok(entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Builds every function, without the optimisations of a release: its binaries, by their names.
///
/// # Errors
/// If one does not build.
pub async fn compile() -> Result<BTreeMap<String, PathBuf>> {
    progress::step(&format!("building {} functions", names()?.len()));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["build", "--locked", "--message-format", "json-render-diagnostics"]);
    // With this package, so that features are unified to what it was built with, and nothing is compiled again.
    cargo.args(["--package", env!("CARGO_PKG_NAME"), "--package", "atlas-cmk-functions"]);
    // Variables of the cargo that runs us are about our package, not about those.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("the functions do not build; cargo says why above");
    }
    Ok(binaries(&output.stdout))
}

/// Builds every function, without the optimisations of a release, and zips it.
///
/// # Errors
/// If one does not build.
pub async fn build() -> Result<Build> {
    let (names, binaries) = (names()?, compile().await?);
    let build = format!("{:x}", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos());
    let mut packing = JoinSet::new();
    for name in names {
        let path = binaries.get(&name).with_context(|| format!("functions/Cargo.toml lists no binary {name}"))?;
        let key = format!("{build}/{name}.zip");
        let packed = path.with_extension("zip");
        if let Some(zip) = still_packed(path, &packed) {
            packing.spawn(async move { Ok(Package { name, key, zip }) });
            continue;
        }
        let binary = stripped(path).await?;
        packing.spawn_blocking(move || {
            let zip = zip(&binary, QUICK)?;
            keep(&zip, &packed);
            Ok(Package { name, key, zip })
        });
    }
    let packages = packing.join_all().await.into_iter().collect::<Result<_>>()?;
    Ok(Build { infra: workspace::root().join("infra"), packages })
}

/// The templates and the functions of a release: nothing is built.
///
/// # Errors
/// If the folder is no release.
pub fn of_release(folder: &Path) -> Result<Build> {
    let zips = folder.join("functions");
    let packages = std::fs::read_dir(&zips)
        .with_context(|| format!("{} is no release: it has no folder functions", folder.display()))?
        .map(|entry| {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Package { key: format!("release/{name}.zip"), name, zip: std::fs::read(&path)? })
        })
        .collect::<Result<_>>()?;
    Ok(Build { infra: folder.to_owned(), packages })
}

/// What was packed before, if the binary is no younger. Packing all of them takes longer than a whole execution.
fn still_packed(binary: &Path, packed: &Path) -> Option<Vec<u8>> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    (changed(packed)? > changed(binary)?).then(|| std::fs::read(packed).ok())?
}

/// Keeps what was packed beside the binary. Others may do so at the same time: it is there as a whole, or not at all.
fn keep(zip: &[u8], packed: &Path) {
    let kept = || {
        let mut file = tempfile::NamedTempFile::new_in(packed.parent()?).ok()?;
        file.write_all(zip).ok()?;
        file.persist(packed).ok()
    };
    // That it could not be kept costs time the next time, and nothing else.
    let _ = kept();
}

/// Where cargo says it has put the binaries, by their names.
fn binaries(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    let messages = serde_json::Deserializer::from_slice(messages).into_iter::<Value>().filter_map(Result::ok);
    messages
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, message["executable"].as_str()?.into()))
        })
        .collect()
}

/// The binary without its symbols, which are half of it. Whole, where no `strip` is at hand.
async fn stripped(binary: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let copy: PathBuf = folder.path().join("bootstrap");
    let strip =
        Command::new("strip").arg("-o").arg(&copy).arg(binary).stdin(Stdio::null()).stderr(Stdio::null()).status();
    let source = if strip.await.is_ok_and(|status| status.success()) { copy } else { binary.to_owned() };
    std::fs::read(&source).with_context(|| binary.display().to_string())
}

/// How much a zip of a release is compressed.
pub const BEST: i64 = 9;

/// How much one for the embedded cloud is: it keeps every function of every account, and packing takes longer than all
/// the rest.
const QUICK: i64 = 1;

/// The zip of a function, with nothing in it that differs from one time to the next.
///
/// # Errors
/// If it cannot be packed.
pub fn zip(binary: &[u8], level: i64) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level))
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(binary)?;
    Ok(zip.finish()?.into_inner())
}
