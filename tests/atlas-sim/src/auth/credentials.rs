//! API keys and service accounts, and what they may do.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// A role in a project. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ProjectRole {
    #[serde(rename = "GROUP_READ_ONLY")]
    ReadOnly,
    #[serde(rename = "GROUP_OWNER")]
    Owner,
}

/// A role in the organization. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum OrgRole {
    #[serde(rename = "ORG_MEMBER")]
    Member,
    #[serde(rename = "ORG_GROUP_CREATOR")]
    GroupCreator,
    #[serde(rename = "ORG_OWNER")]
    Owner,
}

/// What a credential may do.
#[derive(Debug, Clone)]
pub(crate) struct Grants {
    /// The role in every project that `projects` does not name; `None` makes those projects foreign.
    pub(crate) everywhere: Option<ProjectRole>,
    /// Roles by project id.
    pub(crate) projects: BTreeMap<String, ProjectRole>,
    /// The role in the organization.
    pub(crate) org: OrgRole,
}

impl Grants {
    /// Owner of every project, and allowed to create more.
    pub(crate) fn owner_everywhere() -> Self {
        Self { everywhere: Some(ProjectRole::Owner), projects: BTreeMap::new(), org: OrgRole::GroupCreator }
    }
}

/// How a credential proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A programmatic API key, by HTTP digest.
    ApiKey,
    /// A service account, by OAuth tokens.
    ServiceAccount,
}

#[derive(Debug)]
struct Credential {
    kind: Kind,
    secret: String,
    /// When the secret expires, of a service account.
    expires_at: Option<String>,
    grants: Grants,
}

/// Who a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The public key or client id.
    pub(crate) name: String,
    grants: Grants,
}

impl Identity {
    /// The role in a project; `None` when the credential is no member of it.
    pub(crate) fn role_in(&self, project: &str) -> Option<ProjectRole> {
        self.grants.projects.get(project).copied().or(self.grants.everywhere)
    }

    /// The role in the organization.
    pub(crate) fn org_role(&self) -> OrgRole {
        self.grants.org
    }
}

/// All credentials, by public key or client id.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    known: HashMap<String, Credential>,
}

impl Credentials {
    /// Adds a credential, or replaces the one of that name.
    pub(crate) fn insert(&mut self, name: String, kind: Kind, secret: String, grants: Grants) {
        let credential = Credential { kind, secret, expires_at: None, grants };
        self.known.insert(name, credential);
    }

    /// Lets the secret of a service account expire at a moment; whether there is one of that name. The expiry is only
    /// reported, and not enforced.
    pub(crate) fn expire_at(&mut self, name: &str, moment: String) -> bool {
        match self.known.get_mut(name) {
            Some(credential) if credential.kind == Kind::ServiceAccount => {
                credential.expires_at = Some(moment);
                true
            }
            _ => false,
        }
    }

    /// When the secret of a service account expires, and what Atlas shows of it. The outer `None`: there is no such
    /// account.
    pub(crate) fn secret_of(&self, client_id: &str) -> Option<(Option<&str>, String)> {
        let credential = self.known.get(client_id).filter(|credential| credential.kind == Kind::ServiceAccount)?;
        let shown = credential.secret.get(credential.secret.len().saturating_sub(4)..).unwrap_or_default();
        Some((credential.expires_at.as_deref(), format!("mdb_sa_sk_****{shown}")))
    }

    /// Forgets a credential; whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.known.remove(name).is_some()
    }

    /// Replaces the secret of a credential; whether there is one of that name and kind.
    pub(crate) fn rotate(&mut self, name: &str, kind: Kind, secret: String) -> bool {
        match self.known.get_mut(name) {
            Some(credential) if credential.kind == kind => {
                credential.secret = secret;
                true
            }
            _ => false,
        }
    }

    /// The private key of an API key.
    pub(crate) fn private_key(&self, public_key: &str) -> Option<&str> {
        self.secret(public_key, Kind::ApiKey)
    }

    /// The secret of a service account.
    pub(crate) fn client_secret(&self, client_id: &str) -> Option<&str> {
        self.secret(client_id, Kind::ServiceAccount)
    }

    /// Whom a proven name belongs to.
    pub(crate) fn identity(&self, name: &str) -> Option<Identity> {
        self.known.get(name).map(|credential| Identity { name: name.to_owned(), grants: credential.grants.clone() })
    }

    /// Makes a credential the owner of the project it has just created.
    pub(crate) fn own(&mut self, name: &str, project: &str) {
        if let Some(credential) = self.known.get_mut(name) {
            credential.grants.projects.insert(project.to_owned(), ProjectRole::Owner);
        }
    }

    fn secret(&self, name: &str, kind: Kind) -> Option<&str> {
        self.known.get(name).filter(|credential| credential.kind == kind).map(|credential| credential.secret.as_str())
    }
}
