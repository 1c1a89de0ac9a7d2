//! AWS on this machine: MiniStack, installed on first use and started with IAM enforcement on.
//!
//! Known limits of this version, seen by trying: a history has no events of the states inside a Map other than their
//! attempts; `TimeoutSeconds` of a whole execution and `Architectures` are ignored; the role of a state machine is not
//! enforced (that of every function is); malformed policies are accepted; waits between retries are cut at a minute.

mod install;

pub use install::python;

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail};

use crate::{http, port, workspace};

/// How an engine is started.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The port to listen on; any free one unless given.
    pub port: Option<u16>,
    /// What a second of a Wait state, or of a wait between retries, takes.
    pub wait_scale: f64,
}

/// A running engine. It ends when this is dropped, and when this process ends in any other way.
#[derive(Debug)]
pub struct Engine {
    port: u16,
    process: Mutex<Child>,
    /// Removed by run.py too, which outlives whatever happens to us.
    folder: PathBuf,
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.process().stdin.take());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) && self.ended().is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        // run.py has done so, unless something ended it before its time.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Engine {
    /// Installs the engine if it is not, starts it, and waits until it answers.
    ///
    /// # Errors
    /// If Python is missing or too old, the installation fails, the port is in use or the engine does not come up.
    pub async fn start(options: Options) -> Result<Self> {
        let python = install::python().await?;
        let port = match options.port {
            Some(port) => port::require_free(port, "--port").map(|()| port)?,
            None => port::any_free()?,
        };
        let folder = tempfile::Builder::new().prefix("atlas-cmk-engine-").tempdir()?.keep();
        let process = spawn(&python, &folder, port, options.wait_scale)?;
        let engine = Self { port, process: Mutex::new(process), folder };
        engine.wait_until_ready().await?;
        Ok(engine)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let started = Instant::now();
        let health = format!("{}/_ministack/health", self.url());
        let http = http::client()?;
        while started.elapsed() < Duration::from_mins(1) {
            if http.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                bail!("the engine ended at once ({status}):\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the engine did not answer on {} within a minute:\n{}", self.url(), self.log_tail())
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.process().try_wait().ok().flatten()
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.process.lock().expect("nothing panics while it holds this lock")
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("engine.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Where engines record which actions they allowed which roles: a file for each, as lines of JSON
/// (`local/engine/patches`).
pub fn recordings() -> PathBuf {
    workspace::target().join("recorded-authorizations")
}

fn recorded_authorizations() -> Result<PathBuf> {
    let folder = recordings();
    std::fs::create_dir_all(&folder)?;
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(folder.join(format!("{}-{}.jsonl", started.as_millis(), std::process::id())))
}

fn spawn(python: &Path, folder: &Path, port: u16, wait_scale: f64) -> Result<Child> {
    let url = format!("http://127.0.0.1:{port}");
    let log = std::fs::File::create(folder.join("engine.log"))?;
    Command::new(python)
        .arg(workspace::root().join("local/engine/run.py"))
        .arg(folder)
        .current_dir(folder)
        // Functions inherit the engine's environment, and nothing of ours is theirs.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("AUTH", "true"), ("LAMBDA_EXECUTOR", "local"), ("MINISTACK_REGION", crate::account::REGION)])
        .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1"), ("DOCKER_HOST", "unix:///nonexistent")])
        .envs([("GATEWAY_PORT", port.to_string()), ("AWS_ENDPOINT_URL", url)])
        // A patch to leave out: local/engine/without.py.
        .envs(std::env::var_os("ENGINE_WITHOUT").map(|patch| ("ENGINE_WITHOUT", patch)))
        .env("CLOUDTRAIL_RECORDING", "1")
        .env("RECORDED_AUTHORIZATIONS", recorded_authorizations()?)
        .env("SFN_WAIT_SCALE", wait_scale.to_string())
        // Lambda repeats a failed event after a minute.
        .env("LAMBDA_ASYNC_RETRY_BASE_SECONDS", (60.0 * wait_scale).to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs([("HOME", folder), ("TMPDIR", folder), ("STATE_DIR", folder), ("S3_DATA_DIR", folder)])
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A group of its own: run.py ends all of it, functions included, when our end of its standard input closes.
        .process_group(0)
        .spawn()
        .context("the engine cannot be started")
}
