//! Service accounts, as a project that they are assigned to sees them (Atlas Administration API,
//! `getGroupServiceAccount`).

use serde::Deserialize;

use super::{
    AtlasError, AtlasReader,
    transport::{Call, V2024_08_05},
};
use crate::ids::ProjectId;

/// The service account that we call Atlas with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its client id.
    pub client_id: String,
    /// The secret we use, or the first to expire if it is not known which one that is.
    pub secret_in_use: Option<ServiceAccountSecret>,
}

/// A secret of a service account; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSecret {
    /// When it expires, ISO 8601.
    pub expires_at: String,
    /// What Atlas shows of it.
    pub masked_secret_value: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    secrets: Option<Vec<ServiceAccountSecret>>,
}

/// How much of a secret has to be seen to know it again.
const SEEN: usize = 4;

impl AtlasReader {
    /// The service account that we call Atlas with, or `None` if it is an API key. One that the project does not know
    /// has no secrets to report.
    ///
    /// # Errors
    /// Any [`AtlasError`].
    pub async fn own_service_account(&self, project: &ProjectId) -> Result<Option<ServiceAccount>, AtlasError> {
        let Some((client_id, ending)) = self.shared.auth.service_account(SEEN).await? else { return Ok(None) };
        let path = format!("/groups/{project}/serviceAccounts/{client_id}");
        let secrets = match self.call::<Answer>(Call::get(V2024_08_05, path)).await {
            Ok(answer) => answer.secrets.unwrap_or_default(),
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Some(ServiceAccount { client_id, secret_in_use: in_use(secrets, &ending) }))
    }
}

/// The secret that ends like ours, or the first to expire. Dates of one form sort as text.
fn in_use(mut secrets: Vec<ServiceAccountSecret>, ending: &str) -> Option<ServiceAccountSecret> {
    secrets.sort_by(|one, other| one.expires_at.cmp(&other.expires_at));
    let is_ours =
        |secret: &ServiceAccountSecret| secret.masked_secret_value.as_deref().is_some_and(|it| it.ends_with(ending));
    let ours = secrets.iter().position(is_ours).unwrap_or_default();
    secrets.into_iter().nth(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_in_use_is_known_by_its_ending_and_otherwise_the_first_to_expire_counts() {
        let secret = |expires_at: &str, masked: &str| ServiceAccountSecret {
            expires_at: expires_at.to_owned(),
            masked_secret_value: Some(masked.to_owned()),
        };
        let both =
            || vec![secret("2027-01-01T00:00:00Z", "mdb_sa_sk_****wxyz"), secret("2026-12-01T00:00:00Z", "****abcd")];
        assert_eq!(in_use(both(), "wxyz").unwrap().expires_at, "2027-01-01T00:00:00Z");
        assert_eq!(in_use(both(), "0000").unwrap().expires_at, "2026-12-01T00:00:00Z");
        assert_eq!(in_use(Vec::new(), "wxyz"), None);
    }
}
