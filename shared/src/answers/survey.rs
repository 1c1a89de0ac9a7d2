//! One picture of a project on both sides of the border: what Atlas, IAM, KMS and the registry have of it. Findings,
//! plan, differences and description are computed from it by pure functions.

mod in_atlas;
mod keys;
mod obstacles;

use jiff::Timestamp;

pub use in_atlas::{InAtlas, Parts};
pub use keys::RegionalKey;
pub(in crate::answers) use keys::must_be_named;
pub use obstacles::Obstacles;

use crate::{
    atlas::{Cluster, Project},
    aws::{Caller, Key, KeyState},
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, AccountId, ClusterName, KmsKeyArn, ProjectId, Region},
    model::{enablement::Enablement, placeholder, role_policies::RolePolicies},
    registry::{self, Project as Registered, approvals::Given},
    request::{Clusters, EnableEncryption, ManageKey, Mode},
    step::Readers,
    steps::enable::{create_role, ensure_key},
};

/// What is asked for, with the ids that are known by now.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The input.
    pub request: &'a EnableEncryption,
    /// The project, once it is known.
    pub project_id: Option<ProjectId>,
    /// The key, once it is known.
    pub key_arn: Option<KmsKeyArn>,
    /// The access role record, once it is known.
    pub role_id: Option<AccessRoleId>,
    /// The name of the execution.
    pub execution: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// What an input asks for, before anything else is known.
    pub fn new(request: &'a EnableEncryption, execution: Option<&'a str>) -> Self {
        Self {
            request,
            project_id: request.project_id.clone(),
            key_arn: request.key_arn.clone(),
            role_id: None,
            execution,
        }
    }

    /// On whose behalf AWS is called.
    pub fn caller(&self) -> Caller<'a> {
        Caller { account: self.request.account.as_ref(), execution: self.execution }
    }

    /// Where a key that has to be made is made: the first region that is asked for, or ours.
    fn primary_region(&self, own: &Region) -> Region {
        self.request.regions().first().unwrap_or(own).clone()
    }
}

/// What was read. A part that could not be is an error in its place, so that one refusal hides nothing else.
#[derive(Debug)]
pub struct Survey {
    /// The project; `None` if there is none of its name.
    pub project: Result<Option<Project>>,
    /// What Atlas has of it.
    pub in_atlas: InAtlas,
    /// What is registered of it.
    pub registered: Result<Option<Registered>>,
    /// The IAM role.
    pub iam_role: Result<RolePolicies>,
    /// The key, if it is known by its ARN or was found by its alias.
    pub key_arn: Option<KmsKeyArn>,
    /// Why the key could not be looked for by its alias.
    pub alias: Option<Error>,
    /// What `ensure-key` would find. Only a plan needs it: see [`Self::look_for_made_key`].
    pub made_key: Result<Option<ensure_key::FoundKey>>,
    /// The key in every region that needs it.
    pub keys: Vec<RegionalKey>,
    /// The region a key is made in, if one has to be.
    pub primary_region: Region,
    /// What could take away the rights that our policies give.
    pub obstacles: Obstacles,
    /// Whether the deployment demands approvals.
    pub requires_approval: bool,
    /// What was approved of the project: see [`Self::look_for_approvals`].
    pub approvals: Result<Given>,
    /// The account the function runs in.
    pub own_account: Option<AccountId>,
    /// When that was.
    pub now: Timestamp,
}

impl Survey {
    /// Reads everything. Writes nothing.
    pub async fn read(readers: &Readers, wanted: &Wanted<'_>) -> Self {
        let request = wanted.request;
        let project = in_atlas::project(readers, wanted).await;
        let id = project.as_ref().ok().and_then(|project| project.as_ref()).map(|project| project.id.clone());
        let in_atlas = InAtlas::read(&readers.atlas, id.as_ref(), Parts::needed_to_enable(request)).await;
        let registered = match &id {
            Some(id) => async { registry::read(&readers.registry()?, id).await }.await,
            None => Ok(None),
        };
        let primary_region = wanted.primary_region(&readers.region);
        let (key_arn, alias) = match keys::find(readers, wanted, in_atlas.key().as_ref()).await {
            Ok(found) => (found, None),
            Err(error) => (None, Some(error)),
        };
        let keys = keys::read(readers, wanted, key_arn.as_ref()).await;
        let iam_role = RolePolicies::read(readers, wanted.caller(), &request.role_arn).await;
        Self {
            obstacles: Obstacles::read(readers, wanted, iam_role.as_ref().ok(), key_arn.as_ref()).await,
            own_account: readers.own_account.clone(),
            requires_approval: readers.requires_approval,
            approvals: Ok(Given::default()),
            now: readers.now,
            project,
            in_atlas,
            registered,
            iam_role,
            alias,
            made_key: Ok(None),
            keys,
            // A key that is found says where it is.
            primary_region: key_arn.as_ref().map_or(primary_region, |key| key.region().clone()),
            key_arn,
        }
    }

    /// Reads what `ensure-key` would find: the key under the alias and its rotation, or one that was made for the alias
    /// and left without it. Looking for the latter lists all keys of the region, which only who shows a plan does.
    pub async fn look_for_made_key(&mut self, readers: &Readers, wanted: &Wanted<'_>) {
        let Some(alias) = wanted.request.key_alias() else { return };
        let (caller, role) = (wanted.caller(), &wanted.request.role_arn);
        self.made_key = match self.key_itself() {
            Some(key) => ensure_key::with_alias(readers, caller, role, key).await.map(Some),
            None if self.alias.is_some() || wanted.request.mode() == Mode::Apply => Ok(None),
            None => ensure_key::left_behind(readers, caller, role, alias, &self.primary_region).await,
        };
    }

    /// Reads what was approved of a project that has another key: it may be another account's.
    pub async fn look_for_approvals(&mut self, readers: &Readers, wanted: &Wanted<'_>) {
        let Some(project) = self.project().filter(|_| self.requires_approval && self.previous_key().is_some()) else {
            return;
        };
        let read = async { Given::read(&readers.registry()?, &project.id, wanted.execution).await };
        self.approvals = read.await;
    }

    /// The key in its own region, if it is there.
    fn key_itself(&self) -> Option<Key> {
        let own = self.keys.iter().find(|it| Some(&it.arn) == self.key_arn.as_ref())?;
        own.key.as_ref().ok()?.clone()
    }

    /// The project, if there is one and it could be read.
    pub fn project(&self) -> Option<&Project> {
        self.project.as_ref().ok()?.as_ref()
    }

    /// The error that passes by itself, if there is one: it is for the state machine to retry, and no finding.
    pub fn disturbance(&self) -> Option<Error> {
        let passing = |error: &&Error| {
            matches!(
                error.name(),
                ErrorName::AccountNotReady
                    | ErrorName::AtlasRateLimited
                    | ErrorName::AtlasUnavailable
                    | ErrorName::AwsUnavailable
            )
        };
        let closed: Vec<&Error> =
            self.keys.iter().filter(|it| self.is_not_enabled(it)).flat_map(RegionalKey::errors).collect();
        self.errors().into_iter().filter(|error| !closed.contains(error)).find(passing).cloned()
    }

    /// Whether a key could not be read because its region is not enabled in the account: AWS refuses the credentials there
    /// (AWS Account Management Reference Guide, "Enable or disable AWS Regions"), and takes them elsewhere.
    pub fn is_not_enabled(&self, key: &RegionalKey) -> bool {
        let of_credentials = ["InvalidClientTokenId", "UnrecognizedClientException"];
        let code = key.key.as_ref().err().and_then(Error::code);
        code.is_some_and(|code| of_credentials.contains(&code))
            && self.keys.iter().any(|it| it.arn.account() == key.arn.account() && it.key.is_ok())
    }

    fn errors(&self) -> Vec<&Error> {
        let mut errors: Vec<&Error> = Vec::new();
        errors.extend(self.project.as_ref().err());
        errors.extend(self.in_atlas.errors());
        errors.extend(self.registered.as_ref().err());
        errors.extend(self.iam_role.as_ref().err());
        errors.extend(self.obstacles.errors());
        errors.extend(self.alias.as_ref());
        errors.extend(self.made_key.as_ref().err());
        errors.extend(self.approvals.as_ref().err());
        errors.extend(self.keys.iter().flat_map(RegionalKey::errors));
        errors
    }

    /// The regions that need a replica of the key and have none that is ready.
    pub fn regions_to_replicate(&self, request: &EnableEncryption) -> Vec<Region> {
        self.regions_without(request, |replica| replica.state != KeyState::Creating)
    }

    /// Those of them in which not even one is being created.
    pub fn regions_without_replica(&self, request: &EnableEncryption) -> Vec<Region> {
        self.regions_without(request, |_| true)
    }

    fn regions_without(&self, request: &EnableEncryption, counts: impl Fn(&Key) -> bool) -> Vec<Region> {
        let own = self.key_arn.as_ref().map_or(&self.primary_region, KmsKeyArn::region);
        let there = |region: &Region| {
            self.keys.iter().any(|it| it.arn.region() == region && matches!(&it.key, Ok(Some(key)) if counts(key)))
        };
        request.regions().iter().filter(|region| *region != own && !there(region)).cloned().collect()
    }

    /// The key that the project uses now, by ARN or id, if it is another than the one asked for.
    pub fn previous_key(&self) -> Option<String> {
        let now = self.in_atlas.aws_kms().and_then(|kms| kms.customer_master_key_id.clone());
        now.filter(|key| self.key_arn.as_ref().is_none_or(|wanted| !wanted.is_meant_by(key)))
    }

    /// What the steps of the enablement will work with. An id that does not exist yet has a placeholder.
    ///
    /// # Errors
    /// `Internal` if a placeholder has no longer the shape of what it stands for.
    pub(crate) fn enablement<'a>(
        &self,
        request: &'a EnableEncryption,
        execution: Option<&str>,
    ) -> Result<Enablement<'a>> {
        let project_id = self.project().map(|project| project.id.clone());
        let project_id = project_id.map_or_else(|| placeholder::parse(placeholder::PROJECT), Ok)?;
        let record = create_role::choose(&request.role_arn, &project_id, self.in_atlas.access_roles()).ok().flatten();
        let access_role = match record.and_then(|record| create_role::output(record).ok()) {
            Some(access_role) => access_role,
            None => create_role::Output {
                role_id: placeholder::parse(placeholder::ROLE_ID)?,
                atlas_aws_account_arn: placeholder::parse(placeholder::PRINCIPAL)?,
                external_id: placeholder::parse(placeholder::EXTERNAL_ID)?,
            },
        };
        let key_arn = self.key_arn.clone().map_or_else(|| self.key_to_make(request), Ok)?;
        Ok(Enablement {
            request,
            project_id,
            key_arn,
            primary_region: self.primary_region.clone(),
            role_id: access_role.role_id,
            principal_arn: access_role.atlas_aws_account_arn,
            external_id: access_role.external_id,
            previous_key: self.previous_key(),
            execution: execution.map(str::to_owned),
        })
    }

    fn key_to_make(&self, request: &EnableEncryption) -> Result<KmsKeyArn> {
        let account = request.key_account(self.own_account.as_ref()).unwrap_or_else(|| request.role_arn.account());
        placeholder::parse(&format!("arn:aws:kms:{}:{account}:key/{}", self.primary_region, placeholder::KEY))
    }

    /// Whether the statement of atlas-cmk is missing or has to be repaired in any key policy.
    pub fn needs_key_statements(&self, request: &EnableEncryption) -> bool {
        request.manage_key() == ManageKey::Full && keys::needs_key_statements(self, request)
    }

    /// The names of the clusters asked for that can use the key.
    pub fn selected_clusters(&self, request: &EnableEncryption) -> Vec<ClusterName> {
        names(self.in_atlas.select_clusters(request).0)
    }

    /// Those of them that do not use it yet.
    pub fn clusters_to_enable(&self, request: &EnableEncryption) -> Vec<ClusterName> {
        let selected = self.in_atlas.select_clusters(request).0;
        names(selected.into_iter().filter(|cluster| !cluster.uses_aws()).collect())
    }
}

fn names(clusters: Vec<&Cluster>) -> Vec<ClusterName> {
    clusters.into_iter().filter_map(|cluster| cluster.name.parse().ok()).collect()
}

/// Whether any cluster is asked for.
fn asks_for_clusters(request: &EnableEncryption) -> bool {
    *request.clusters() != Clusters::None
}
