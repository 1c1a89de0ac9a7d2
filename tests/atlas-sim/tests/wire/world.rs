//! A simulator with one project, and a client of it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use atlas_sim::{AtlasSim, Config};
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Value, json};

pub(crate) const PROJECT: &str = "64a6c94435fc02228a1d6aa1";
pub(crate) const CLIENT_ID: &str = "mdb_sa_id_64a6c94435fc02228a1d6aa2";
pub(crate) const CLIENT_SECRET: &str = "mdb_sa_sk_secret";
pub(crate) const V2023: &str = "application/vnd.atlas.2023-01-01+json";
pub(crate) const V2024: &str = "application/vnd.atlas.2024-08-05+json";
pub(crate) const V2025: &str = "application/vnd.atlas.2025-03-12+json";
/// Simulated seconds: more than any test can last, even at a thousand seconds a second.
pub(crate) const FOR_EVER: u32 = 1_000_000;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
    headers: header::HeaderMap,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and error code, such as `404 GROUP_NOT_FOUND`.
    pub(crate) fn error(&self) -> String {
        format!("{} {}", self.status, self.json()["errorCode"].as_str().unwrap_or_default())
    }
}

/// Sends a request and reads the answer.
pub(crate) async fn send(request: RequestBuilder) -> Result<Reply> {
    let response = request.send().await?;
    Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), text: response.text().await? })
}

/// A running simulator with a project of one cluster, and a service account that owns it.
pub(crate) struct World {
    pub(crate) sim: AtlasSim,
    pub(crate) http: Client,
    token: String,
}

impl World {
    /// Starts one whose clock is a thousand times as fast as ours.
    pub(crate) async fn start() -> Result<Self> {
        let sim = AtlasSim::start(Config { time_scale: 0.001, ..Config::default() }).await?;
        // reqwest is built with TLS for the whole workspace and wants a provider even for plain HTTP; the second
        // test to install one finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut world = Self { sim, http: Client::new(), token: String::new() };
        let cluster = json!({"name": "Cluster0", "instanceSize": "M10", "regions": ["US_EAST_1"]});
        world.scene("projects", json!({"id": PROJECT, "name": "payments", "clusters": [cluster]})).await?;
        world.scene("credentials", json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET})).await?;
        let minted = send(world.mint(CLIENT_SECRET)).await?.json();
        world.token = String::from(minted["access_token"].as_str().context("a token")?);
        Ok(world)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sim.url())
    }

    /// A request for a token.
    pub(crate) fn mint(&self, secret: &str) -> RequestBuilder {
        self.http
            .post(self.url("/api/oauth/token"))
            .basic_auth(CLIENT_ID, Some(secret))
            .form(&[("grant_type", "client_credentials")])
    }

    /// `POST /_sim/…`, which has to work.
    pub(crate) async fn scene(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.http.post(self.url(&format!("/_sim/{path}"))).json(&body);
        Ok(serde_json::from_str(&request.send().await?.error_for_status()?.text().await?).unwrap_or_default())
    }

    /// `DELETE /_sim/…`, which has to work.
    pub(crate) async fn unset(&self, path: &str) -> Result<()> {
        self.http.delete(self.url(&format!("/_sim/{path}"))).send().await?.error_for_status()?;
        Ok(())
    }

    /// `PUT /_sim/behaviour`, which has to work.
    pub(crate) async fn behave(&self, change: Value) -> Result<()> {
        self.http.put(self.url("/_sim/behaviour")).json(&change).send().await?.error_for_status()?;
        Ok(())
    }

    /// A request without credentials to a path below the project.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, self.url(&format!("/api/atlas/v2/groups/{PROJECT}{path}")))
            .header(header::ACCEPT, V2023)
    }

    /// A request with the token to any path of the API.
    pub(crate) fn call(&self, method: Method, path: &str, accept: &str) -> RequestBuilder {
        self.http
            .request(method, self.url(&format!("/api/atlas/v2/{path}")))
            .header(header::ACCEPT, accept)
            .bearer_auth(&self.token)
    }

    /// A request with the token to a path below the project.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.call(method, &format!("groups/{PROJECT}{path}"), V2023)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply> {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Result<Reply> {
        send(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Reply> {
        send(self.request(Method::DELETE, path)).await
    }

    /// The requests the simulator got.
    pub(crate) async fn log(&self) -> Result<Vec<Value>> {
        let body = send(self.http.get(self.url("/_sim/requests"))).await?.json();
        Ok(body["requests"].as_array().cloned().unwrap_or_default())
    }

    /// Creates and authorizes a role record; its id.
    pub(crate) async fn authorized_role(&self) -> Result<String> {
        let role = self.post("/cloudProviderAccess", json!({"providerName": "AWS"})).await?.json();
        let id = role["roleId"].as_str().context("a role id")?.to_owned();
        let body = json!({"providerName": "AWS", "iamAssumedRoleArn": "arn:aws:iam::444455556666:role/cmk"});
        let reply = self.patch(&format!("/cloudProviderAccess/{id}"), body).await?;
        anyhow::ensure!(reply.status == 200, "{reply:?}");
        Ok(id)
    }

    /// Switches encryption at rest off.
    pub(crate) async fn disable(&self) -> Result<Reply> {
        self.patch("/encryptionAtRest", json!({"awsKms": {"enabled": false}})).await
    }

    /// A request about a cluster, or below it.
    pub(crate) async fn cluster(&self, method: Method, path: &str, body: Option<Value>) -> Result<Reply> {
        let request = self.call(method, &format!("groups/{PROJECT}/clusters/{path}"), V2025);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Asks for a provider of the key of Cluster0.
    pub(crate) async fn encrypt_cluster(&self, provider: &str) -> Result<Reply> {
        self.cluster(Method::PATCH, "Cluster0", Some(json!({"encryptionAtRestProvider": provider}))).await
    }

    /// Waits until a cluster is in a state, or answers with an error such as `404 CLUSTER_NOT_FOUND`.
    pub(crate) async fn cluster_reaches(&self, name: &str, expected: &str) -> Result<()> {
        for _ in 0..1000 {
            let reply = self.cluster(Method::GET, name, None).await?;
            if reply.json()["stateName"] == expected || reply.error() == expected {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("the cluster {name} never got to {expected}")
    }

    /// Enables encryption at rest with private networking.
    pub(crate) async fn enable(&self) -> Result<Reply> {
        let role_id = self.authorized_role().await?;
        self.patch("/encryptionAtRest", enabling(&role_id)).await
    }
}

/// The body that enables encryption at rest with private networking.
pub(crate) fn enabling(role_id: &str) -> Value {
    json!({"awsKms": {
        "enabled": true,
        "customerMasterKeyID": "arn:aws:kms:us-east-1:444455556666:key/mrk-0123456789abcdef0123456789abcdef",
        "region": "US_EAST_1",
        "roleId": role_id,
        "requirePrivateNetworking": true,
    }})
}
