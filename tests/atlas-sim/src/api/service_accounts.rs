//! Operations on the service accounts that are assigned to a project. Here each of them is assigned to every project.

use axum::http::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::error::ApiError;

use super::Call;

/// `GET …/serviceAccounts/{clientId}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, ApiError> {
    let client_id = call.parameter(1);
    let state = call.sim.state();
    let Some((expires_at, shown)) = state.credentials.secret_of(client_id) else {
        let detail = format!("The service account {client_id} was not found.");
        return Err(ApiError::new(StatusCode::NOT_FOUND, "SERVICE_ACCOUNT_NOT_FOUND", detail).with(client_id));
    };
    // A year ahead unless a test says otherwise: what Atlas gives a secret at the most.
    let expires_at = expires_at.unwrap_or("2100-01-01T00:00:00Z");
    Ok(Answer::ok(json!({
        "clientId": client_id,
        "name": "atlas-cmk",
        "roles": ["GROUP_OWNER"],
        "secrets": [{"id": "66f0a1b2c3d4e5f60123aaaa", "createdAt": "2026-01-01T00:00:00Z", "expiresAt": expires_at,
            "maskedSecretValue": shown}],
    })))
}
