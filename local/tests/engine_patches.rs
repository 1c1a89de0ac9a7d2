//! The tests of `local/engine`, run by the Python that has the engine.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

use std::{path::Path, process::Stdio};

use atlas_cmk_local::{engine, workspace};
use tokio::process::Command;

#[tokio::test]
async fn each_patch_makes_the_engine_behave_as_aws() {
    // In two processes: the probes wait more than they work.
    let python = engine::python().await.unwrap();
    tokio::join!(run(&python, "test_[a-o]*.py"), run(&python, "test_[p-z]*.py"));
}

/// Runs the tests in the files of this pattern.
async fn run(python: &Path, pattern: &str) {
    let output = Command::new(python)
        .args(["-B", "-m", "unittest", "discover", "--top-level-directory", ".", "--pattern", pattern, "tests"])
        .current_dir(workspace::root().join("local/engine"))
        // Nothing of a configuration of the AWS SDKs is for these engines.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .envs(std::env::var_os("BLESS").map(|bless| ("BLESS", bless)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
}
