//! What a release has: for each architecture a folder with the templates, the state machines, a zip for each function,
//! and the sums of all of them. Whoever deploys it needs no Rust. The same sources give the same bytes.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{functions, progress, workspace};

/// The profile of what is shipped.
const PROFILE: &str = "release";

/// An architecture of Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    /// Graviton, the default of the template.
    Arm64,
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86,
}

impl Architecture {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::X86];

    /// As the template names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    /// With the oldest glibc that the functions may meet: that of Amazon Linux 2023.
    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu.2.34",
            Self::X86 => "x86_64-unknown-linux-gnu.2.34",
        }
    }
}

/// Makes the release of an architecture in a folder of its name, and returns that.
///
/// # Errors
/// If cargo-lambda is not installed, a function does not build, or a file cannot be written.
pub fn make(architecture: Architecture) -> Result<PathBuf> {
    let started = Instant::now();
    progress::step(&format!("building the functions for {}", architecture.name()));
    let built = workspace::target().join("release-build").join(architecture.name());
    build(architecture, &built)?;
    let folder = workspace::target().join("release-files").join(architecture.name());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("functions"))?;
    for name in functions::names()? {
        let binary = built.join(&name).join("bootstrap");
        let binary = fs::read(&binary).with_context(|| binary.display().to_string())?;
        fs::write(folder.join("functions").join(format!("{name}.zip")), functions::zip(&binary, functions::BEST)?)?;
    }
    copy_infra(architecture, &folder)?;
    fs::write(folder.join("SHA256SUMS"), sums(&folder)?)?;
    progress::done(&format!("{} in {} s", folder.display(), started.elapsed().as_secs()));
    Ok(folder)
}

fn build(architecture: Architecture, folder: &Path) -> Result<()> {
    let root = workspace::root();
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))?;
    // Where sources lie is in panics, and would make other bytes of the same sources.
    let flags = format!("--remap-path-prefix={}=. --remap-path-prefix={home}=cargo", root.display());
    let status = Command::new("cargo")
        .args(["lambda", "build", "--locked", "--profile", PROFILE, "--package", "atlas-cmk-functions", "--target"])
        .arg(architecture.target())
        .arg("--lambda-dir")
        .arg(folder)
        .env("RUSTFLAGS", flags)
        .current_dir(root)
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!(
            "the functions do not build; cargo says why above. cargo-lambda has to be installed: https://www.cargo-lambda.info"
        );
    }
    Ok(())
}

/// Copies templates and state machines. The template takes the zips beside it.
fn copy_infra(architecture: Architecture, folder: &Path) -> Result<()> {
    let infra = workspace::root().join("infra");
    fs::create_dir(folder.join("state-machines"))?;
    for entry in fs::read_dir(infra.join("state-machines"))? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join("state-machines").join(entry.file_name()))?;
    }
    for file in ["spoke.yaml", "management.yaml"] {
        fs::copy(infra.join(file), folder.join(file))?;
    }
    let mut template = fs::read_to_string(infra.join("template.yaml"))?;
    for name in functions::names()? {
        template = template
            .replace(&format!("CodeUri: ../target/lambda/{name}\n"), &format!("CodeUri: functions/{name}.zip\n"));
    }
    let default = format!("  Architecture:\n    Type: String\n    Default: {}\n", architecture.name());
    template = template.replace("  Architecture:\n    Type: String\n    Default: arm64\n", &default);
    if template.contains("../target") || !template.contains(&default) {
        bail!("infra/template.yaml has functions or an architecture that a release does not know");
    }
    fs::write(folder.join("template.yaml"), template)?;
    Ok(())
}

/// The sums of all files below a folder, as `sha256sum --check` takes them.
fn sums(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut sums = String::new();
    for file in files {
        let sum = Sha256::digest(fs::read(&file)?);
        let hex = sum.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        writeln!(sums, "{hex}  {}", file.strip_prefix(folder)?.display())?;
    }
    Ok(sums)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
