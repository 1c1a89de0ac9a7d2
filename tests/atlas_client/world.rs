//! A simulated Atlas with one project, and what a test can do to it and see of it.

use std::time::Duration;

use atlas_cmk::{
    atlas::{AtlasReader, AtlasWriter, AwsKmsUpdate, Credential, CredentialSource, RetryPolicy},
    ids::{AccessRoleId, ProjectId},
};
use atlas_sim::{AtlasSim, Config};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

pub(crate) const PROJECT: &str = "66f0a1b2c3d4e5f601234567";
pub(crate) const ROLE_ARN: &str = "arn:aws:iam::444455556666:role/atlas-cmk";
pub(crate) const KEY_ARN: &str = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab";

pub(crate) const PUBLIC_KEY: &str = "abcdefgh";
pub(crate) const PRIVATE_KEY: &str = "0f1e2d3c-private-key";
pub(crate) const CLIENT_ID: &str = "mdb_sa_id_66f0a1b2c3d4e5f601234568";
pub(crate) const CLIENT_SECRET: &str = "mdb_sa_sk_client-secret";

/// The paths of the simulator that faults are asked for.
pub(crate) const ROLES: &str = "/api/atlas/v2/groups/*/cloudProviderAccess";
pub(crate) const ENCRYPTION: &str = "/api/atlas/v2/groups/*/encryptionAtRest";
pub(crate) const ENDPOINTS: &str = "/api/atlas/v2/groups/*/encryptionAtRest/AWS/privateEndpoints";
pub(crate) const TOKEN: &str = "/api/oauth/token";

/// Three attempts, hardly any wait.
pub(crate) const RETRY: RetryPolicy = RetryPolicy { attempts: 3, floor: Duration::from_millis(2) };

pub(crate) struct World {
    sim: AtlasSim,
    http: reqwest::Client,
}

/// A fault that a test asked for and that never came means that the test showed nothing.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.sim.faults_left(), Vec::<String>::new(), "every fault has to hit");
        }
    }
}

impl World {
    /// A simulator of its own, with one project, one API key and one service account. AWS grants every access.
    pub(crate) async fn start() -> Self {
        let sim = AtlasSim::start(Config::default()).await.expect("a simulator");
        sim.add_project(PROJECT, "payments").expect("a project");
        sim.add_api_key(PUBLIC_KEY, PRIVATE_KEY);
        let world = Self { sim, http: http() };
        world.control(Method::POST, "credentials", json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET})).await;
        world
    }

    pub(crate) fn url(&self) -> Url {
        self.sim.url().parse().expect("a URL")
    }

    /// A new client, with nothing kept from another.
    pub(crate) fn client(&self, source: CredentialSource) -> AtlasWriter {
        AtlasWriter::new(AtlasReader::new(http(), self.url(), source, RETRY))
    }

    pub(crate) fn with_api_key(&self) -> AtlasWriter {
        self.client(CredentialSource::Fixed(api_key(PRIVATE_KEY)))
    }

    pub(crate) fn with_service_account(&self) -> AtlasWriter {
        self.client(CredentialSource::Fixed(service_account(CLIENT_SECRET)))
    }

    /// Speaks to `/_sim`.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{path}", self.sim.url());
        let answer = self.http.request(method, url).json(&body).send().await.expect("an answer of the simulator");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "/_sim/{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn behave(&self, change: Value) {
        self.control(Method::PUT, "behaviour", change).await;
    }

    /// The next matching request gets this answer and has no effect.
    pub(crate) async fn answer_once(&self, method: &str, path: &str, answer: Value) {
        self.fault(json!({"method": method, "path": path, "answer": answer})).await;
    }

    /// Every matching request gets this answer and has no effect.
    pub(crate) async fn answer_always(&self, method: &str, path: &str, answer: Value) {
        self.fault(json!({"method": method, "path": path, "times": 0, "answer": answer})).await;
    }

    /// The next matching request takes effect, and gets this answer all the same.
    pub(crate) async fn answer_after_effect(&self, method: &str, path: &str, answer: Value) {
        self.fault(json!({"method": method, "path": path, "when": "after", "answer": answer})).await;
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.control(Method::POST, "faults", fault).await;
    }

    pub(crate) async fn clear_faults(&self) {
        self.control(Method::DELETE, "faults", Value::Null).await;
    }

    pub(crate) async fn expire_tokens(&self) {
        self.control(Method::POST, &format!("credentials/{CLIENT_ID}/expire-tokens"), Value::Null).await;
    }

    /// Every request so far, or since they were last forgotten, as the simulator logs it.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        let log = self.control(Method::GET, "requests", Value::Null).await;
        log["requests"].as_array().cloned().expect("a log")
    }

    /// The same in short: `POST cloudProviderAccess 200`. The status of a connection that was cut is 0.
    pub(crate) async fn log(&self) -> Vec<String> {
        let in_short = |request: &Value| {
            let text = |field: &str| request[field].as_str().expect("a text").to_owned();
            let path = text("path");
            let path = path.rsplit_once(&format!("{PROJECT}/")).map_or(path.as_str(), |(_, rest)| rest);
            format!("{} {path} {}", text("method"), request["status"])
        };
        self.requests().await.iter().map(in_short).collect()
    }

    pub(crate) async fn forget_requests(&self) {
        self.control(Method::DELETE, "requests", Value::Null).await;
    }

    /// What the project is like, seen from behind.
    pub(crate) async fn project(&self) -> Value {
        self.control(Method::GET, &format!("projects/{PROJECT}"), Value::Null).await
    }

    /// How many access role records the project has.
    pub(crate) async fn records(&self) -> usize {
        self.project().await["cloudProviderAccess"]["awsIamRoles"].as_array().expect("records").len()
    }

    /// How many private endpoints the project has.
    pub(crate) async fn endpoints(&self) -> usize {
        self.project().await["privateEndpoints"].as_array().expect("endpoints").len()
    }

    /// Makes a record that is authorized for the IAM role. Leaves no trace in the log.
    pub(crate) async fn authorize(&self) -> AccessRoleId {
        let atlas = self.with_api_key();
        let role = atlas.create_access_role(&project()).await.expect("a record").role_id;
        let arn = ROLE_ARN.parse().expect("an ARN");
        atlas.authorize_access_role(&project(), &role, &arn).await.expect("an authorized record");
        self.forget_requests().await;
        role
    }

    /// Switches encryption on, private networking included, as private endpoints demand. Leaves no trace in the log.
    pub(crate) async fn enable(&self) {
        let update = update(self.authorize().await);
        self.with_api_key().update_aws_kms(&project(), &update, None).await.expect("encryption at rest");
        self.forget_requests().await;
    }
}

/// The key, to be reached over private endpoints only.
pub(crate) fn update(role_id: AccessRoleId) -> AwsKmsUpdate {
    AwsKmsUpdate {
        enabled: true,
        role_id,
        customer_master_key_id: KEY_ARN.parse().expect("an ARN"),
        region: "US_EAST_1".to_owned(),
        require_private_networking: true,
    }
}

pub(crate) fn http() -> reqwest::Client {
    atlas_cmk::http::client(None).expect("an HTTP client")
}

pub(crate) fn project() -> ProjectId {
    PROJECT.parse().expect("an id")
}

pub(crate) fn api_key(private_key: &str) -> Credential {
    Credential::ApiKey { public_key: PUBLIC_KEY.to_owned(), private_key: private_key.into() }
}

pub(crate) fn service_account(client_secret: &str) -> Credential {
    Credential::ServiceAccount { client_id: CLIENT_ID.to_owned(), client_secret: client_secret.into() }
}
