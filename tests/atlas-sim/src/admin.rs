//! `/_sim`: how tests set the scene, ask for faults and look behind it. No authentication.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::api;
use crate::auth::credentials::{Grants, Kind, OrgRole, ProjectRole};
use crate::behaviour::BehaviourChange;
use crate::error::ApiError;
use crate::faults::FaultSpec;
use crate::identifier::is_object_id;
use crate::records::clusters::{Cluster, ClusterSpec};
use crate::records::encryption_at_rest::OldAccess;
use crate::records::private_endpoints::Endpoint;
use crate::records::projects::Project;
use crate::sim::Sim;

/// The routes below `/_sim`.
pub(crate) fn router() -> Router<Arc<Sim>> {
    Router::new()
        .route("/health", get(health))
        .route("/projects", post(create_project))
        .route("/projects/{id}", get(show_project))
        .route("/projects/{id}/clusters", post(create_cluster))
        .route("/credentials", post(create_credential))
        .route("/credentials/{name}", delete(delete_credential).put(rotate_credential))
        .route("/credentials/{name}/expire-tokens", post(expire_tokens))
        .route("/faults", post(add_fault).get(show_faults).delete(clear_faults))
        .route("/behaviour", get(show_behaviour).put(change_behaviour))
        .route("/private-endpoints/{project}/{region}/reject", post(reject_endpoint))
        .route("/private-endpoints/{project}/{region}/accept", post(accept_endpoint))
        .route("/requests", get(show_requests).delete(clear_requests))
        .fallback(async || Refused(StatusCode::NOT_FOUND, "There is nothing here: see the README.".to_owned()))
}

/// A refusal in a sentence.
struct Refused(StatusCode, String);

type Reply = Result<Response, Refused>;

impl Refused {
    fn bad(sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, sentence.into())
    }

    fn missing(what: &str, name: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("There is no {what} {name}."))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        reply(self.0, &json!({"error": self.1}))
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error.status, error.detail)
    }
}

fn reply(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

fn ok(body: &Value) -> Response {
    reply(StatusCode::OK, body)
}

/// Reads a body whatever its content type says, so that a plain `curl -d` works.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad(format!("The body was not understood: {error}.")))
}

fn refuse(problem: Option<String>) -> Result<(), Refused> {
    problem.map_or(Ok(()), |problem| Err(Refused::bad(problem)))
}

async fn health() -> Response {
    ok(&json!({"status": "ok"}))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewProject {
    id: Option<String>,
    name: String,
    org_id: Option<String>,
    #[serde(default)]
    clusters: Vec<ClusterSpec>,
    /// Makes it a project from before roles, which uses its key with an access key.
    access_key: Option<AccessKey>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccessKey {
    #[serde(rename = "accessKeyID")]
    id: String,
    #[serde(rename = "customerMasterKeyID")]
    key: String,
    /// In the spelling of Atlas.
    region: String,
}

async fn create_project(State(sim): State<Arc<Sim>>, body: Bytes) -> Reply {
    let new: NewProject = read(&body)?;
    for id in new.id.iter().chain(&new.org_id) {
        if !is_object_id(id) {
            return Err(Refused::bad(format!("{id:?} is no id: 24 lower-case hexadecimal digits are.")));
        }
    }
    let mut project = Project::new(new.id, new.org_id, new.name);
    for spec in new.clusters {
        refuse(spec.problem())?;
        project.clusters.push(Cluster::new(spec));
    }
    if let Some(AccessKey { id, key, region }) = new.access_key {
        project.encryption.access_key = Some(OldAccess { access_key_id: id, key, region });
    }
    let group = project.to_json();
    sim.state().projects.add(project)?;
    Ok(reply(StatusCode::CREATED, &group))
}

async fn create_cluster(State(sim): State<Arc<Sim>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let spec: ClusterSpec = read(&body)?;
    refuse(spec.problem())?;
    let now = sim.clock.now();
    let cluster = sim.project(&id, |project| {
        let cluster = Cluster::new(spec);
        let shown = cluster.to_json(&id, now);
        project.clusters.push(cluster);
        Ok(shown)
    })?;
    Ok(reply(StatusCode::CREATED, &cluster))
}

async fn show_project(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Reply {
    let now = sim.clock.now();
    let body = sim.project(&id, |project| {
        let endpoints: Vec<Value> = project.endpoints.all().iter().map(Endpoint::to_json).collect();
        let clusters: Vec<Value> = project.clusters.iter().map(|cluster| cluster.to_json(&id, now)).collect();
        let mut body = project.to_json();
        body["cloudProviderAccess"] = api::roles_to_json(project, &sim.atlas_account);
        body["encryptionAtRest"] = project.encryption.to_json();
        body["privateEndpoints"] = endpoints.into();
        body["clusters"] = clusters.into();
        Ok(body)
    })?;
    Ok(ok(&body))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCredential {
    public_key: Option<String>,
    private_key: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    /// The role in every project, unless `roles` is given.
    project_role: Option<ProjectRole>,
    /// Roles by project id; all other projects are foreign.
    roles: Option<BTreeMap<String, ProjectRole>>,
    org_role: Option<OrgRole>,
}

async fn create_credential(State(sim): State<Arc<Sim>>, body: Bytes) -> Reply {
    let new: NewCredential = read(&body)?;
    let (name, kind, secret) = match (new.public_key, new.private_key, new.client_id, new.client_secret) {
        (Some(name), Some(secret), None, None) => (name, Kind::ApiKey, secret),
        (None, None, Some(name), Some(secret)) => (name, Kind::ServiceAccount, secret),
        _ => {
            return Err(Refused::bad("A credential is either publicKey and privateKey, or clientId and clientSecret."));
        }
    };
    let everywhere = match (&new.roles, new.project_role) {
        (Some(_), role) => role,
        (None, role) => Some(role.unwrap_or(ProjectRole::Owner)),
    };
    let org = new.org_role.unwrap_or(if everywhere == Some(ProjectRole::Owner) {
        OrgRole::GroupCreator
    } else {
        OrgRole::Member
    });
    let grants = Grants { everywhere, projects: new.roles.unwrap_or_default(), org };
    let body = match kind {
        Kind::ApiKey => json!({"publicKey": name}),
        Kind::ServiceAccount => json!({"clientId": name}),
    };
    sim.state().credentials.insert(name, kind, secret, grants);
    Ok(reply(StatusCode::CREATED, &body))
}

async fn delete_credential(State(sim): State<Arc<Sim>>, Path(name): Path<String>) -> Reply {
    let mut state = sim.state();
    state.tokens.expire_all(&name);
    if state.credentials.remove(&name) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Refused::missing("credential", &name))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSecret {
    private_key: Option<String>,
    client_secret: Option<String>,
}

async fn rotate_credential(State(sim): State<Arc<Sim>>, Path(name): Path<String>, body: Bytes) -> Reply {
    let new: NewSecret = read(&body)?;
    let (kind, secret) = match (new.private_key, new.client_secret) {
        (Some(secret), None) => (Kind::ApiKey, secret),
        (None, Some(secret)) => (Kind::ServiceAccount, secret),
        _ => return Err(Refused::bad("A new secret is either privateKey or clientSecret.")),
    };
    if sim.state().credentials.rotate(&name, kind, secret) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Refused::missing("credential of that kind named", &name))
}

async fn expire_tokens(State(sim): State<Arc<Sim>>, Path(name): Path<String>) -> Response {
    sim.state().tokens.expire_all(&name);
    StatusCode::NO_CONTENT.into_response()
}

async fn add_fault(State(sim): State<Arc<Sim>>, body: Bytes) -> Reply {
    let fault: FaultSpec = read(&body)?;
    refuse(fault.problem())?;
    let id = sim.state().faults.add(fault);
    Ok(reply(StatusCode::CREATED, &json!({"id": id})))
}

async fn show_faults(State(sim): State<Arc<Sim>>) -> Response {
    ok(&json!({"faults": sim.state().faults.all()}))
}

async fn clear_faults(State(sim): State<Arc<Sim>>) -> Response {
    sim.state().faults.clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn show_behaviour(State(sim): State<Arc<Sim>>) -> Response {
    ok(&json!(sim.state().behaviour))
}

async fn change_behaviour(State(sim): State<Arc<Sim>>, body: Bytes) -> Reply {
    let change: BehaviourChange = read(&body)?;
    refuse(change.problem())?;
    let mut state = sim.state();
    state.behaviour.apply(change);
    Ok(ok(&json!(state.behaviour)))
}

async fn reject_endpoint(State(sim): State<Arc<Sim>>, Path((project, region)): Path<(String, String)>) -> Reply {
    let phases = sim.state().behaviour.endpoint_seconds;
    let now = sim.clock.now();
    let found = sim.project(&project, |project| Ok(project.endpoints.reject(&region, now, phases)))?;
    done(found, "endpoint to reject in", &region)
}

async fn accept_endpoint(State(sim): State<Arc<Sim>>, Path((project, region)): Path<(String, String)>) -> Reply {
    let found = sim.project(&project, |project| Ok(project.endpoints.accept(&region)))?;
    done(found, "endpoint to accept in", &region)
}

fn done(found: bool, what: &str, name: &str) -> Reply {
    if found {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Refused(StatusCode::CONFLICT, format!("There is no {what} {name}.")))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestFilter {
    project_id: Option<String>,
}

async fn show_requests(State(sim): State<Arc<Sim>>, Query(filter): Query<RequestFilter>) -> Response {
    let requests = sim.state().log.entries(filter.project_id.as_deref());
    ok(&json!({"requests": requests}))
}

async fn clear_requests(State(sim): State<Arc<Sim>>) -> Response {
    sim.state().log.clear();
    StatusCode::NO_CONTENT.into_response()
}
