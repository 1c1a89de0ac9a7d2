//! `/_sim`: how tests set the scene, ask for faults and look behind it. No authentication.

mod credentials;
mod projects;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::behaviour::BehaviourChange;
use crate::error::ApiError;
use crate::faults::FaultSpec;
use crate::sim::Sim;

/// The routes below `/_sim`.
pub(crate) fn router() -> Router<Arc<Sim>> {
    Router::new()
        .route("/health", get(health))
        .route("/faults", post(add_fault).get(show_faults).delete(clear_faults))
        .route("/behaviour", get(show_behaviour).put(change_behaviour))
        .route("/requests", get(show_requests).delete(clear_requests))
        .merge(projects::router())
        .merge(credentials::router())
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
