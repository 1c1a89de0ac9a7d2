//! `cargo demo` and `cargo local` as programs: what they print, how they end, what they leave behind.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the right answer")]

use std::{
    io::{BufRead, BufReader, Lines, Read},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use atlas_cmk_local::port;
use serde_json::Value;

const DEMO: &str = env!("CARGO_BIN_EXE_demo");
const LOCAL: &str = env!("CARGO_BIN_EXE_local");

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running `cargo local up`.
struct Up {
    process: Child,
    port: u16,
    printed: String,
    /// Kept, since nobody closes the terminal under it.
    _stdout: Lines<BufReader<ChildStdout>>,
}

/// `cargo local up` on free ports, once it has printed what to paste.
fn up() -> Up {
    let (aws, atlas) = (port::any_free().unwrap(), port::any_free().unwrap());
    let mut process = Command::new(LOCAL)
        .args(["up", "--port", &aws.to_string(), "--atlas-port", &atlas.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut printed = String::new();
    while !printed.contains("/_sim/requests") {
        let Some(line) = lines.next() else { panic!("it ended after {printed:?}") };
        printed += &line.unwrap();
        printed.push('\n');
    }
    Up { process, port: aws, printed, _stdout: lines }
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The engine ends by itself when the one who started it has ended: that may take a moment, and must not take long.
fn ends_listening(port: u16) -> bool {
    let began = Instant::now();
    while listens(port) && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    !listens(port)
}

#[test]
fn the_demo_enables_changes_nothing_the_second_time_and_writes_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let output = run(DEMO, &["--json", file.to_str().unwrap()]);
    let printed = stderr(&output);
    assert!(output.status.success(), "{printed}");
    let printed = printed + &String::from_utf8_lossy(&output.stdout);
    for line in [
        "✓ create-role ",
        "… waiting for endpoints: us-east-1 ",
        "3 endpoints ACTIVE (after ",
        "✓ verify ",
        "nothing changed",
        "Atlas requests",
        "state transitions",
    ] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
    for absent in ["CreateRole", "not yet", "\u{1b}", "\r"] {
        assert!(!printed.contains(absent), "{absent:?} is in {printed}");
    }
    let written: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let runs = written["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run["output"]["valid"], true);
        for number in ["atlasRequests", "stateTransitions", "workingMs", "waitingMs"] {
            assert!(run[number].is_u64(), "{number}");
        }
    }
    assert_eq!(runs[0]["output"]["changes"].as_array().unwrap().len(), 14);
    assert_eq!(runs[1]["output"]["changes"].as_array().unwrap().len(), 0);
    assert!(runs[1]["stateTransitions"].as_u64() < runs[0]["stateTransitions"].as_u64());
}

#[test]
fn the_scenario_plan_writes_nothing_and_applies_what_it_said() {
    let output = run(DEMO, &["--scenario", "plan", "--verbose"]);
    let printed = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for line in [
        "Requests that changed something in Atlas: 0",
        "Calls that changed something in AWS: 0",
        "(known after create-role)",
        "initial sync",
        "applying changed exactly what was planned",
        "… CreateRole",
        "    eu-west-1: ACTIVE",
        "    not yet (Atlas.CannotAssumeRole): ",
    ] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
}

#[test]
fn the_scenario_bare_starts_from_nothing_and_ends_with_clusters() {
    let output = run(DEMO, &["--scenario", "bare"]);
    let printed = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for line in [
        "project payments",
        "replica of the key in eu-west-1",
        "cluster orders uses",
        "playground: ",
        "nothing changed",
    ] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
}

#[test]
fn the_scenario_lifecycle_ends_where_it_began() {
    let output = run(DEMO, &["--scenario", "lifecycle"]);
    let printed = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for line in [
        "private endpoint in eu-central-1 deleted",
        "cluster orders no longer uses the customer-managed key",
        "access role  authorized",
        "trust statement removed",
        "both sides are as they were before, except for the keys",
    ] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
}

#[test]
fn the_scenario_cross_account_tries_what_it_sets_up_and_leaves_nothing() {
    let output = run(DEMO, &["--scenario", "cross-account"]);
    let printed = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    for line in ["byAssuming", "managed policy AtlasCmkS3KeysAssumeRole deleted", "both accounts are as they were"] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
}

#[test]
fn the_scenario_vend_is_started_by_a_rule_and_once() {
    let output = run(DEMO, &["--scenario", "vend"]);
    let printed = stderr(&output);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("started by the rule: vend-444455556666-1-"), "{printed}");
    assert!(printed.contains("on-account-vended says: known"), "{printed}");
    assert!(printed.contains("the same event again started nothing"), "{printed}");
}

#[test]
fn the_scenario_guard_reports_who_it_was_and_brings_the_key_back() {
    let output = run(DEMO, &["--scenario", "guard"]);
    let (printed, result) = (stderr(&output), String::from_utf8_lossy(&output.stdout).into_owned());
    assert!(output.status.success(), "{printed}");
    assert!(
        result.contains("assumed-role/BreakGlass/alex") && result.contains("aws kms cancel-key-deletion"),
        "{result}"
    );
    assert!(result.contains("The key is Enabled."), "{result}");
}

#[test]
fn a_port_in_use_is_said_so_before_anything_is_started() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().unwrap().port().to_string();
    let free = port::any_free().unwrap().to_string();
    for (arguments, option) in [
        (["up", "--port", &taken, "--atlas-port", &free], "--port"),
        (["up", "--port", &free, "--atlas-port", &taken], "--atlas-port"),
    ] {
        let output = run(LOCAL, &arguments);
        let printed = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains(&format!("port {taken} is in use")) && printed.contains(option), "{printed}");
        assert!(!listens(free.parse().unwrap()));
    }
}

#[test]
fn without_python_the_demo_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = Command::new(DEMO)
        .env("PATH", &empty)
        .env("CARGO_TARGET_DIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("python3") && printed.contains("install Python 3.10 or newer"), "{printed}");
}

#[test]
fn up_prints_what_to_paste_and_leaves_nothing_behind_when_it_is_interrupted() {
    let Up { mut process, port, printed, _stdout } = up();
    for line in ["start-execution --state-machine-arn arn:aws:states:", "AWS_ENDPOINT_URL=", "--digest"] {
        assert!(printed.contains(line), "{line:?} is not in {printed}");
    }
    let folder = engine_folder(port);
    assert!(Path::new(&folder).exists() && listens(port));
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    assert!(process.wait().unwrap().success());
    assert!(ends_listening(port));
    assert!(!Path::new(&folder).exists(), "{folder}");
}

#[test]
fn the_engine_does_not_outlive_the_one_who_started_it_whatever_ends_it() {
    let Up { mut process, port, .. } = up();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(ends_listening(port));
}

/// The folder that the engine on this port works in, as /proc has it.
fn engine_folder(port: u16) -> String {
    let wanted = format!("GATEWAY_PORT={port}");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    for process in processes {
        let mut environment = Vec::new();
        let read =
            std::fs::File::open(process.path().join("environ")).and_then(|mut it| it.read_to_end(&mut environment));
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        if read.is_ok() && variables.contains(&wanted.as_bytes()) {
            let folder = variables.iter().find_map(|variable| variable.strip_prefix(b"TMPDIR="));
            return String::from_utf8_lossy(folder.unwrap()).into_owned();
        }
    }
    panic!("no engine listens on {port}");
}

/// Runs local/engine/run.py in a folder that holds a file, with its standard input closed, as an editor or a build step
/// would.
fn run_engine_in(folder: &Path, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/run.py");
    std::fs::write(folder.join("precious"), "kept").unwrap();
    let mut command = Command::new("python3");
    command.arg(script).args(arguments).current_dir(folder).stdin(Stdio::null());
    // A group of its own, so that this process would survive what it is about to refuse.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.output().unwrap()
}

#[test]
fn the_engine_refuses_to_run_in_a_folder_that_was_not_made_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let own = tempfile::Builder::new().prefix("atlas-cmk-engine-").tempdir().unwrap();
    let named = own.path().to_str().unwrap();
    for arguments in [&[][..], &[named], &["."], &["/"]] {
        let output = run_engine_in(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
        assert!(stderr(&output).contains("cargo local up"), "{arguments:?} {}", stderr(&output));
        assert!(folder.path().join("precious").exists() && own.path().exists(), "{arguments:?}");
    }
}

#[test]
fn the_engine_refuses_to_run_in_a_process_group_of_others() {
    let own = tempfile::Builder::new().prefix("atlas-cmk-engine-").tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/run.py");
    let mut shell = Command::new("sh");
    // The shell leads the group; the engine would kill it.
    shell.args(["-c", "python3 \"$0\" \"$1\" </dev/null; echo survived"]).arg(script).arg(own.path());
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let output = shell.current_dir(own.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("survived"), "{output:?}");
    assert!(own.path().exists() && stderr(&output).contains("process group"), "{}", stderr(&output));
}
