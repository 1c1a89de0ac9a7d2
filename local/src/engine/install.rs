//! Installs the engine, once: a virtual environment of its own, every package pinned by hash.

use std::{
    collections::hash_map::DefaultHasher,
    ffi::OsStr,
    fs::{self, File, TryLockError},
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::{progress, workspace};

const REQUIREMENTS: &str = "local/engine/requirements.txt";

/// The interpreter of the virtual environment that has the engine. Installs the engine if it is not.
///
/// # Errors
/// If Python is missing or too old, or the installation fails.
pub async fn python() -> Result<PathBuf> {
    let requirements = workspace::read(REQUIREMENTS)?;
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    let folder = workspace::target().join(format!("ministack-{:016x}", hasher.finish()));
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));

    fs::create_dir_all(workspace::target())?;
    let lock = File::create(folder.with_extension("lock"))?;
    // Several test processes and a demo may get here at the same time.
    wait_for(&lock).await?;
    if !ready.exists() {
        progress::step("installing the engine (MiniStack) into a virtual environment, once");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        install(&folder, &python).await?;
        File::create(ready)?;
    }
    Ok(python)
}

async fn wait_for(lock: &File) -> Result<()> {
    let mut reported = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if !reported => {
                progress::step("waiting for another process that installs the engine");
                reported = true;
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn install(folder: &Path, python: &Path) -> Result<()> {
    check_python().await?;
    run("python3", [OsStr::new("-m"), "venv".as_ref(), folder.as_os_str()])
        .await
        .context("python3 cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv")?;
    let requirements = workspace::root().join(REQUIREMENTS);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r"];
    run(python, pip.iter().map(OsStr::new).chain([requirements.as_os_str()]))
        .await
        .context("the packages of the engine cannot be installed; pip says why below")
}

async fn check_python() -> Result<()> {
    let version = ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"].map(OsStr::new);
    match Command::new("python3").args(version).stdin(Stdio::null()).status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("python3 is older than 3.10, which the engine needs; install a newer one"),
        Err(error) => {
            bail!("python3 is needed to run the engine and was not found ({error}); install Python 3.10 or newer")
        }
    }
}

async fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
