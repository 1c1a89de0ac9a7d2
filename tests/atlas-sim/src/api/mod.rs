//! The API of Atlas: what every request goes through, in the order Atlas seems to have.
//!
//! Authentication comes first, then (our addition) the faults that were asked for, then rate limit, version,
//! project and role, and at last the operation itself.

mod attributes;
mod backup_compliance_policy;
mod cloud_provider_access;
mod clusters;
mod encryption_at_rest;
mod groups;
mod pagination;
mod private_endpoints;
mod routes;
mod service_accounts;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::answer::Answer;
use crate::auth::credentials::Identity;
use crate::auth::{self, oauth};
use crate::connection::Scissors;
use crate::error::ApiError;
use crate::faults::{Fault, When};
use crate::identifier::is_object_id;
use crate::incoming::Incoming;
use crate::rate_limit::{self, LimitSet, Take};
use crate::request_log::Entry;
use crate::sim::Sim;
use crate::version;

pub(crate) use backup_compliance_policy::to_json as backup_policy_to_json;
pub(crate) use cloud_provider_access::to_json as roles_to_json;

use attributes::Attributes;
use routes::{Operation, Route};

/// What every path of the API starts with.
const BASE: &str = "/api/atlas/v2/";

/// Recorded answers name a build here; this one is nobody's.
const SERVICE_VERSION: &str = "gitHash=0000000000000000000000000000000000000000; versionString=master";

/// A request on its way to the operation.
pub(crate) struct Call<'a> {
    sim: &'a Sim,
    request: &'a Incoming,
    identity: &'a Identity,
    /// The variable segments of the path, decoded.
    parameters: Vec<String>,
}

impl Call<'_> {
    fn parameter(&self, index: usize) -> &str {
        self.parameters.get(index).map_or("", String::as_str)
    }

    fn group(&self) -> &str {
        self.parameter(0)
    }

    fn attributes(&self) -> Result<Attributes, ApiError> {
        Attributes::read(self.request)
    }
}

/// What came of a request, for answer and log.
struct Outcome {
    answer: Answer,
    credential: Option<String>,
    authenticated: bool,
    fault: Option<u64>,
}

/// Serves every request outside `/_sim`.
pub(crate) async fn serve(
    State(sim): State<Arc<Sim>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let request = Incoming::read(request).await;
    let Outcome { mut answer, credential, authenticated, fault } =
        if request.path.starts_with("/api/oauth/") { oauth(&sim, &request) } else { atlas(&sim, &request).await };
    sim.state().log.add(Entry {
        n: 0,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        status: if answer.cut { 0 } else { answer.status.as_u16() },
        error_code: answer.error_code.clone(),
        credential,
        authenticated,
        millis: millis_since(began),
        fault,
        body: request.loggable_body(),
    });
    if answer.cut {
        scissors.cut();
    }
    if request.flag("envelope") {
        answer = answer.in_envelope();
    }
    answer.into_response(request.flag("pretty"))
}

fn millis_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A request for a token, or for the end of one.
fn oauth(sim: &Sim, request: &Incoming) -> Outcome {
    let mut state = sim.state();
    let fault = state.faults.take(&request.method, &request.path);
    let credential = oauth::basic(request).map(|(id, _)| id);
    let authenticated = oauth::client(&state, request).is_some();
    let answer = if let Some(fault) = before(fault.as_ref()) {
        fault
    } else {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", oauth::TOKEN_PATH) => oauth::token(&mut state, request, Instant::now()),
            ("POST", oauth::REVOKE_PATH) => oauth::revoke(&mut state, request),
            _ => ApiError::resource_not_found(&request.path).into(),
        }
    };
    Outcome {
        answer: after(fault.as_ref()).unwrap_or(answer),
        credential,
        authenticated,
        fault: fault.map(|fault| fault.id),
    }
}

/// A request of the API proper.
async fn atlas(sim: &Sim, request: &Incoming) -> Outcome {
    let (identity, fault) = {
        let mut state = sim.state();
        let target = request.target();
        match auth::authenticate(&mut state, &request.method, &target, &request.headers, Instant::now()) {
            // Faults count what passed authentication: a digest client asks twice the first time.
            Ok(identity) => (identity, state.faults.take(&request.method, &request.path)),
            Err(challenge) => {
                return Outcome {
                    answer: *challenge,
                    credential: auth::claimed_name(&request.headers),
                    authenticated: false,
                    fault: None,
                };
            }
        }
    };
    let answer = match before(fault.as_ref()) {
        Some(answer) => answer,
        None => {
            let answer = authenticated(sim, request, &identity).await;
            after(fault.as_ref()).unwrap_or(answer)
        }
    };
    Outcome { answer, credential: Some(identity.name), authenticated: true, fault: fault.map(|fault| fault.id) }
}

fn before(fault: Option<&Fault>) -> Option<Answer> {
    answer_when(fault, When::Before)
}

fn after(fault: Option<&Fault>) -> Option<Answer> {
    answer_when(fault, When::After)
}

fn answer_when(fault: Option<&Fault>, when: When) -> Option<Answer> {
    fault.filter(|fault| fault.spec.when == when).map(|fault| fault.spec.answer.answer())
}

/// A request whose sender is known.
async fn authenticated(sim: &Sim, request: &Incoming, identity: &Identity) -> Answer {
    let began = Instant::now();
    let found =
        request.path.strip_prefix(BASE).map_or(routes::Found::Nothing, |path| routes::find(&request.method, path));
    let (route, parameters) = match found {
        routes::Found::Route(route, parameters) => (route, parameters),
        routes::Found::OtherMethod => {
            return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Method not allowed.").into();
        }
        routes::Found::Nothing => return ApiError::resource_not_found(&request.path).into(),
    };
    let call = Call { sim, request, identity, parameters };
    let (limit, taken) = take_token(&call, route.limit);
    let remaining = match taken {
        Take::Granted { remaining } => remaining,
        Take::Refused { .. } => 0,
    };
    let answer = match taken {
        Take::Refused { retry_after } => rate_limit::refused(&request.path, limit, retry_after).into(),
        Take::Granted { .. } => match operate(&call, route).await {
            Ok(answer) => answer,
            Err(error) => error.into(),
        },
    };
    answer
        .header("RateLimit-Limit", limit.capacity.to_string())
        .header("RateLimit-Remaining", remaining.to_string())
        .header("X-Envoy-Upstream-Service-Time", millis_since(began).to_string())
        .header("X-Mongodb-Service-Version", SERVICE_VERSION)
        // The names of real handlers are not public; the operation's id in the spec stands in for them.
        .header("X-Java-Method", format!("ApiAtlasResource::{}", route.operation_id))
}

fn take_token(call: &Call<'_>, set: LimitSet) -> (rate_limit::Limit, Take) {
    let scope = match set {
        LimitSet::Groups => call.identity.name.as_str(),
        _ => call.parameter(0),
    };
    let mut state = call.sim.state();
    let limit = state.behaviour.rate_limits.of(set);
    (limit, state.buckets.take(set, scope, limit, Instant::now()))
}

/// A request within its limits.
async fn operate(call: &Call<'_>, route: &Route) -> Result<Answer, ApiError> {
    let request = call.request;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let accept = request.header(header::ACCEPT.as_str());
    let version = version::negotiate(accept, route.versions, route.gone, today, &request.path)?;
    if let Some(role) = route.role {
        let group = call.group();
        if !is_object_id(group) {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                "INVALID_GROUP_ID",
                format!("An invalid group ID {group} was specified."),
            )
            .with(group));
        }
        call.sim.project(group, |_| Ok(()))?;
        let held = call.identity.role_in(group).ok_or_else(ApiError::not_in_group)?;
        if held < role {
            return Err(ApiError::user_unauthorized());
        }
    }
    let answer = dispatch(call, route.operation).await?;
    Ok(match answer.body {
        crate::answer::Body::Json(_) => answer.header("Content-Type", version::content_type(version)),
        _ => answer,
    })
}

async fn dispatch(call: &Call<'_>, operation: Operation) -> Result<Answer, ApiError> {
    match operation {
        Operation::ListRoles => cloud_provider_access::list(call),
        Operation::CreateRole => cloud_provider_access::create(call),
        Operation::GetRole => cloud_provider_access::get(call),
        Operation::AuthorizeRole => cloud_provider_access::authorize(call).await,
        Operation::DeauthorizeRole => cloud_provider_access::deauthorize(call),
        Operation::GetEncryption => encryption_at_rest::get(call).await,
        Operation::UpdateEncryption => encryption_at_rest::update(call).await,
        Operation::ListEndpoints => private_endpoints::list(call),
        Operation::CreateEndpoint => private_endpoints::create(call).await,
        Operation::GetEndpoint => private_endpoints::get(call),
        Operation::DeleteEndpoint => private_endpoints::delete(call),
        Operation::ListFlexClusters => clusters::list_flex(call),
        Operation::ListClusters => clusters::list(call),
        Operation::GetCluster => clusters::get(call),
        Operation::UpdateCluster => clusters::update(call),
        Operation::DeleteCluster => clusters::delete(call),
        Operation::GetSearchDeployment => clusters::search_deployment(call),
        Operation::GetBackupPolicy => backup_compliance_policy::get(call),
        Operation::GetServiceAccount => service_accounts::get(call),
        Operation::ListGroups => groups::list(call),
        Operation::CreateGroup => groups::create(call),
        Operation::GetGroupByName => groups::by_name(call),
        Operation::GetGroup => groups::get(call),
        Operation::DeleteGroup => groups::delete(call),
        Operation::ListOrgGroups => groups::of_org(call),
    }
}
