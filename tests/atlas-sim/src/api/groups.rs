//! Operations on projects.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::auth::credentials::OrgRole;
use crate::error::ApiError;
use crate::identifier::is_object_id;
use crate::records::projects::Project;

use super::Call;
use super::pagination::paginate;

/// `GET /groups`: those the credential is a member of.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    paginate(call.request, visible(call, |_| true)).map(Answer::ok)
}

/// `GET /orgs/{orgId}/groups`. `name` is a prefix, upper or lower case alike.
pub(super) fn of_org(call: &Call<'_>) -> Result<Answer, ApiError> {
    let prefix = call.request.query_parameter("name").unwrap_or_default().to_lowercase();
    let groups = visible(call, |project| {
        project.org_id == call.parameter(0) && project.name.to_lowercase().starts_with(&prefix)
    });
    paginate(call.request, groups).map(Answer::ok)
}

/// `GET /groups/byName/{groupName}`.
pub(super) fn by_name(call: &Call<'_>) -> Result<Answer, ApiError> {
    let name = call.parameter(0);
    let mut groups = visible(call, |project| project.name == name);
    match groups.len() {
        0 => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "GROUP_NAME_NOT_FOUND",
            format!("No group with name \"{name}\" exists."),
        )
        .with(name)),
        1 => Ok(Answer::ok(groups.remove(0))),
        _ => Err(ApiError::new(
            StatusCode::CONFLICT,
            "MULTIPLE_GROUPS",
            format!("Multiple groups exist with the name \"{name}\"."),
        )
        .with(name)),
    }
}

/// `GET /groups/{groupId}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.project(call.group(), |project| Ok(Answer::ok(project.to_json())))
}

/// `POST /groups`. 201 and a useless `Location`, as recorded; the spec says 200.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, ApiError> {
    let mut body = call.attributes()?;
    let name = body.require_string("name")?;
    let org_id = body.require_string("orgId")?;
    // Accepted, and without effect on anything that is modelled.
    body.take_bool("withDefaultAlertsSettings")?;
    body.take_presence("tags");
    body.finish()?;
    if !is_object_id(&org_id) {
        return Err(ApiError::invalid_attribute("orgId"));
    }
    if call.identity.org_role() < OrgRole::GroupCreator {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "NOT_ORG_GROUP_CREATOR",
            "The current user is not a project creator of the organization.",
        ));
    }
    let project = Project::new(None, Some(org_id), name);
    let (id, answer) = (project.id.clone(), project.to_json());
    let mut state = call.sim.state();
    state.projects.add(project)?;
    state.credentials.own(&call.identity.name, &id);
    Ok(Answer::json(StatusCode::CREATED, answer).header("Location", "http://localhost:8080//api/atlas/v1.0"))
}

/// `DELETE /groups/{groupId}`. 202 and an empty object, as recorded; the spec says 204.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, ApiError> {
    call.sim.state().projects.remove(call.group())?;
    Ok(Answer::json(StatusCode::ACCEPTED, json!({})))
}

fn visible(call: &Call<'_>, filter: impl Fn(&Project) -> bool) -> Vec<Value> {
    let mut state = call.sim.state();
    let phases = state.behaviour.endpoint_seconds;
    state.projects.advance(call.sim.clock.now(), phases);
    state
        .projects
        .all()
        .iter()
        .filter(|project| call.identity.role_in(&project.id).is_some() && filter(project))
        .map(Project::to_json)
        .collect()
}
