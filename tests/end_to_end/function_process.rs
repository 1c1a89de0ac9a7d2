//! A function as a process: what it answers to Lambda, and what it writes to its log.

use std::{os::unix::fs::PermissionsExt, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::world::{World, packages};

/// What a function sent back for one event, and what it printed.
struct Invocation {
    /// `response` or `error`.
    kind: String,
    body: Value,
    log: String,
}

/// Plays Lambda's runtime API for one invocation of the function of this name.
async fn invoke(name: &str, environment: &[(&str, &str)], event: &Value) -> Invocation {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("bootstrap");
    let package = packages().await.iter().find(|package| package.name == name).unwrap();
    std::fs::write(&bootstrap, unzip(&package.zip)).unwrap();
    std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();

    let lambda = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut process = Command::new(&bootstrap)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", lambda.local_addr().unwrap().to_string())
        .envs([("AWS_LAMBDA_FUNCTION_NAME", name), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")])
        .envs([("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"), ("AWS_REGION", "us-east-1")])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();

    let mut answer = None;
    let mut served = false;
    // Kept open until the process is gone: it would log that it lost its connection.
    let mut open = Vec::new();
    while answer.is_none() {
        let (mut connection, _) = lambda.accept().await.unwrap();
        while let Some((path, body)) = read_request(&mut connection).await {
            if path.ends_with("/invocation/next") {
                if served {
                    break;
                }
                served = true;
                respond(&mut connection, &event.to_string()).await;
            } else {
                respond(&mut connection, "{}").await;
                let kind = path.rsplit('/').next().unwrap().to_owned();
                answer = Some((kind, serde_json::from_slice(&body).unwrap()));
                break;
            }
        }
        open.push(connection);
    }
    process.start_kill().unwrap();
    let output = process.wait_with_output().await.unwrap();
    drop(open);
    let (kind, body) = answer.unwrap();
    let log = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    Invocation { kind, body, log }
}

fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut binary = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name("bootstrap").unwrap(), &mut binary).unwrap();
    binary
}

/// Path and body of the next request on a connection, `None` at its end.
async fn read_request(connection: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some((head.split(' ').nth(1)?.to_owned(), body))
}

async fn respond(connection: &mut TcpStream, body: &str) {
    let deadline = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 60_000;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request-1\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(answer.as_bytes()).await.unwrap();
}

const UNUSED: [(&str, &str); 3] =
    [("ATLAS_SECRET_ID", "unused"), ("AWS_ACCESS_KEY_ID", "unused"), ("AWS_SECRET_ACCESS_KEY", "unused")];

#[tokio::test]
async fn an_error_has_a_name_of_the_closed_list_and_one_line_in_the_log() {
    for (event, said) in [
        (json!({"projectId": "payments"}), "[create-endpoint projectId] projectId: "),
        (json!("no object"), "[create-endpoint] the input: "),
        (json!({"projectId": "66f0a1b2c3d4e5f601234567", "region": "mars"}), "[create-endpoint region] region: "),
    ] {
        let invocation = invoke("create-endpoint", &UNUSED, &event).await;
        assert_eq!(invocation.kind, "error");
        assert_eq!(invocation.body["errorType"], "Input.Invalid", "{}", invocation.body);
        assert!(invocation.body["errorMessage"].as_str().unwrap().starts_with(said), "{}", invocation.body);
        let lines: Vec<Value> = invocation.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{}", invocation.log);
        assert_eq!((&lines[0]["step"], &lines[0]["error"]), (&json!("create-endpoint"), &json!("Input.Invalid")));
    }
}

#[tokio::test]
async fn a_function_that_is_set_up_wrong_says_what_is_missing() {
    let event = json!({"projectId": "66f0a1b2c3d4e5f601234567", "region": "us-east-1"});
    let keys = [("AWS_ACCESS_KEY_ID", "unused"), ("AWS_SECRET_ACCESS_KEY", "unused")];
    let plain_http = [("ATLAS_BASE_URL", "http://cloud.mongodb.com")];
    for (environment, reported) in [
        (vec![], "AWS_ACCESS_KEY_ID"),
        (keys.to_vec(), "ATLAS_SECRET_ID"),
        (keys.iter().chain(&plain_http).copied().collect(), "https://"),
    ] {
        let invocation = invoke("create-endpoint", &environment, &event).await;
        assert_eq!(invocation.body["errorType"], "Deployment.Invalid");
        assert!(invocation.body["errorMessage"].as_str().unwrap().contains(reported), "{}", invocation.body);
        let line: Value = serde_json::from_str(invocation.log.trim()).unwrap();
        assert_eq!((&line["message"], &line["error"]), (&json!("failed"), &json!("Deployment.Invalid")));
    }
}

#[tokio::test]
async fn a_success_is_one_line_in_the_log_and_no_secret_is_in_it() {
    let world = World::new().await;
    let (engine, atlas) = (world.cloud.engine.url(), world.cloud.simulator.url());
    let environment = [
        ("ATLAS_SECRET_ID", "atlas-cmk/atlas"),
        ("ATLAS_BASE_URL", atlas.as_str()),
        ("AWS_ENDPOINT_URL", engine.as_str()),
        ("AWS_ACCESS_KEY_ID", world.customer().account.as_str()),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ];
    let input = json!({"projectId": world.customer().project_id, "roleArn": world.customer().role_arn()});
    let invocation = invoke("create-role", &environment, &input).await;
    assert_eq!(invocation.kind, "response", "{}", invocation.body);
    assert_eq!(invocation.body["changes"].as_array().unwrap().len(), 1);
    let line: Value = serde_json::from_str(invocation.log.trim()).unwrap();
    assert_eq!(line["message"], "done");
    assert_eq!((&line["project"], &line["request_id"]), (&json!(world.customer().project_id), &json!("request-1")));
    // Challenge, list, create, list: the challenge is paid once.
    assert_eq!((&line["atlas_requests"], &line["changes"], &line["cold"]), (&json!(4), &json!(1), &json!(true)));
    for secret in ["a-private-key-of-atlas", "privateKey"] {
        assert!(!invocation.log.contains(secret), "{}", invocation.log);
    }
}
