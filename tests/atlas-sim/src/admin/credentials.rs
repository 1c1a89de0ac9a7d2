//! `/_sim/credentials`: API keys, service accounts and what they may do.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use serde::Deserialize;
use serde_json::json;

use crate::auth::credentials::{Grants, Kind, OrgRole, ProjectRole};
use crate::sim::Sim;

use super::{Refused, Reply, read, reply};

/// The routes about credentials.
pub(super) fn router() -> Router<Arc<Sim>> {
    Router::new()
        .route("/credentials", post(create_credential))
        .route("/credentials/{name}", delete(delete_credential).put(rotate_credential))
        .route("/credentials/{name}/expire-tokens", post(expire_tokens))
        .route("/credentials/{name}/secret-expiry", post(expire_secret))
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretExpiry {
    expires_at: String,
}

async fn expire_secret(State(sim): State<Arc<Sim>>, Path(name): Path<String>, body: Bytes) -> Reply {
    let expiry: SecretExpiry = read(&body)?;
    if sim.state().credentials.expire_at(&name, expiry.expires_at) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Refused::missing("service account named", &name))
}
