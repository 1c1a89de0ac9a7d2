//! `/_sim/projects` and `/_sim/private-endpoints`: what is in a project, and what happens to it outside the API.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::Value;

use crate::api;
use crate::identifier::is_object_id;
use crate::records::backup_compliance_policy::BackupCompliancePolicy;
use crate::records::cluster_spec::ClusterSpec;
use crate::records::clusters::Cluster;
use crate::records::encryption_at_rest::OldAccess;
use crate::records::feature_usages::{Feature, FeatureUsage};
use crate::records::private_endpoint::Endpoint;
use crate::records::projects::Project;
use crate::sim::Sim;

use super::{Refused, Reply, ok, read, refuse, reply};

/// The routes about projects.
pub(super) fn router() -> Router<Arc<Sim>> {
    Router::new()
        .route("/projects", post(create_project))
        .route("/projects/{id}", get(show_project))
        .route("/projects/{id}/clusters", post(create_cluster))
        .route("/projects/{id}/feature-usages", post(add_usage).delete(clear_usages))
        .route("/projects/{id}/backup-compliance-policy", put(set_backup_policy).delete(remove_backup_policy))
        .route("/private-endpoints/{project}/{region}/reject", post(reject_endpoint))
        .route("/private-endpoints/{project}/{region}/accept", post(accept_endpoint))
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
    let body = sim.project_at(&id, |project, moment| {
        let endpoints: Vec<Value> = project.endpoints.all().iter().map(Endpoint::to_json).collect();
        let clusters: Vec<Value> = project.clusters.iter().map(|cluster| cluster.to_json(&id, moment.now)).collect();
        let mut body = project.to_json();
        body["cloudProviderAccess"] = api::roles_to_json(project, moment, &sim.atlas_account);
        body["encryptionAtRest"] = project.encryption.to_json();
        body["privateEndpoints"] = endpoints.into();
        body["clusters"] = clusters.into();
        body["backupCompliancePolicy"] = api::backup_policy_to_json(project);
        Ok(body)
    })?;
    Ok(ok(&body))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewUsage {
    role_id: String,
    feature_type: Feature,
    /// Each feature has ids of its own shape.
    #[serde(default)]
    feature_id: Value,
}

async fn add_usage(State(sim): State<Arc<Sim>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let NewUsage { role_id, feature_type, feature_id } = read(&body)?;
    let usage = FeatureUsage { feature: feature_type, id: feature_id };
    let shown = usage.to_json();
    sim.project(&id, |project| project.access.add_usage(&role_id, usage))?;
    Ok(reply(StatusCode::CREATED, &shown))
}

async fn clear_usages(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Reply {
    change(&sim, &id, |project| project.access.clear_usages())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewBackupPolicy {
    encryption_at_rest_enabled: bool,
}

async fn set_backup_policy(State(sim): State<Arc<Sim>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let new: NewBackupPolicy = read(&body)?;
    let policy = sim.project(&id, |project| {
        project.backup_policy = Some(BackupCompliancePolicy::new(new.encryption_at_rest_enabled));
        Ok(api::backup_policy_to_json(project))
    })?;
    Ok(ok(&policy))
}

async fn remove_backup_policy(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Reply {
    change(&sim, &id, |project| project.backup_policy = None)
}

/// Changes a project; there is nothing to return.
fn change(sim: &Sim, id: &str, change: impl FnOnce(&mut Project)) -> Reply {
    sim.project(id, |project| {
        change(project);
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
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
