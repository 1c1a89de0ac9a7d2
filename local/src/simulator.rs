//! Atlas on this machine: the simulator, and what it can be asked for besides the API of Atlas.

use anyhow::{Context, Result, bail};
use atlas_sim::{AtlasSim, Config};
use reqwest::Method;
use serde_json::{Value, json};

use crate::http;

/// How a simulator is started.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The port to listen on; any free one unless given.
    pub port: Option<u16>,
    /// What a second of Atlas takes.
    pub time_scale: f64,
}

/// A running simulator. It ends when this is dropped.
pub struct Simulator {
    server: AtlasSim,
    http: reqwest::Client,
}

impl Simulator {
    /// Starts a simulator that checks access against the engine at `aws_endpoint`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start(options: Options, aws_endpoint: &str) -> Result<Self> {
        let config = Config {
            port: options.port.unwrap_or(0),
            aws_endpoint: Some(aws_endpoint.parse()?),
            time_scale: options.time_scale,
            ..Config::default()
        };
        let server = AtlasSim::start(config).await?;
        Ok(Self { server, http: http::client()? })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Asks for something under `/_sim`.
    ///
    /// # Errors
    /// If the simulator refuses, with its reason.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}/_sim{path}", self.url()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("the simulator refuses {path}: {status} {text}");
        }
        if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text).context("the simulator's answer") }
    }

    /// Adds a project.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn add_project(&self, project: Value) -> Result<()> {
        self.ask(Method::POST, "/projects", Some(project)).await.map(drop)
    }

    /// Adds a cluster to a project.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn add_cluster(&self, project_id: &str, cluster: Value) -> Result<()> {
        self.ask(Method::POST, &format!("/projects/{project_id}/clusters"), Some(cluster)).await.map(drop)
    }

    /// Adds credentials: an API key or a service account, as a secret holds them.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn add_credentials(&self, secret: Value) -> Result<()> {
        self.ask(Method::POST, "/credentials", Some(secret)).await.map(drop)
    }

    /// Lets the secret of a service account expire at a moment, ISO 8601.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn let_secret_expire(&self, client_id: &str, moment: &str) -> Result<()> {
        let path = format!("/credentials/{client_id}/secret-expiry");
        self.ask(Method::POST, &path, Some(json!({"expiresAt": moment}))).await.map(drop)
    }

    /// Asks for a fault of matching requests.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn add_fault(&self, fault: Value) -> Result<()> {
        self.ask(Method::POST, "/faults", Some(fault)).await.map(drop)
    }

    /// The faults that were asked for and have not hit all they were to hit, in words.
    pub fn faults_left(&self) -> Vec<String> {
        self.server.faults_left()
    }

    /// Changes how the simulator behaves.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn behave(&self, behaviour: Value) -> Result<()> {
        self.ask(Method::PUT, "/behaviour", Some(behaviour)).await.map(drop)
    }

    /// Everything there is of a project.
    ///
    /// # Errors
    /// If there is no such project.
    pub async fn project(&self, id: &str) -> Result<Value> {
        self.ask(Method::GET, &format!("/projects/{id}"), None).await
    }

    /// Every request since the start, or since [`Self::forget_requests`].
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn requests(&self) -> Result<Vec<Value>> {
        let answer = self.ask(Method::GET, "/requests", None).await?;
        answer["requests"].as_array().cloned().context("the simulator's requests are not a list")
    }

    /// Forgets the requests so far.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn forget_requests(&self) -> Result<()> {
        self.ask(Method::DELETE, "/requests", None).await.map(drop)
    }

    /// The endpoints go through their states in these times, in seconds before scaling.
    ///
    /// # Errors
    /// If the simulator refuses.
    pub async fn endpoints_take(&self, initiating: u32) -> Result<()> {
        self.behave(json!({"endpointSeconds": {"initiating": initiating}})).await
    }
}
