//! Everything that has to be right for an enablement to work, read in one go and judged without a network: before a
//! run, so that all that would fail later is reported at once, and after a failed one, to find out why.

mod access;
mod atlas;
mod clusters;
mod keys;
mod owner;
mod role;
#[cfg(test)]
mod tests;

use crate::{
    atlas::{AccessRole, Cluster, EncryptionAtRest, PrivateEndpoint, Project},
    aws::{Caller, Decision, Key, KeyState},
    error::{Error, ErrorName, Result},
    ids::{AccessRoleId, AccountId, IamPolicyArn, KmsKeyArn, ProjectId, Region},
    model::{role_policies::RolePolicies, statements::KEY_ACTIONS},
    policy::PolicyDocument,
    registry::Entry,
    report::{ByHand, Finding, SkippedCluster},
    request::{ClusterSelection, Clusters, EnableEncryption, ManageKey, regional_keys},
    step::Readers,
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
    pub fn primary_region(&self, own: &Region) -> Region {
        self.request.regions().first().unwrap_or(own).clone()
    }
}

/// What was read. A part that could not be is an error in its place, so that one refusal hides nothing else.
#[derive(Debug)]
pub struct Survey {
    /// The project; `None` if there is none of its name.
    pub project: Result<Option<Project>>,
    /// What is registered of it, where it was found by its name.
    pub registered: Result<Option<Entry>>,
    /// Its access role records.
    pub access_roles: Result<Vec<AccessRole>>,
    /// Its encryption at rest.
    pub encryption: Result<EncryptionAtRest>,
    /// Its private endpoints. Reading them takes the role Project Owner.
    pub endpoints: Result<Vec<PrivateEndpoint>>,
    /// Its clusters, and the names of its Flex clusters.
    pub clusters: Result<(Vec<Cluster>, Vec<String>)>,
    /// The IAM role.
    pub iam_role: Result<RolePolicies>,
    /// The permissions boundary that the role has to carry, where the function knows it.
    pub required_boundary: Option<IamPolicyArn>,
    /// The permissions boundary that the role has or would get, by ARN.
    pub boundary: Option<(String, Result<PolicyDocument>)>,
    /// What the identity policies of the role allow on the key, where IAM's simulator could be asked.
    pub allowed: Option<Vec<Decision>>,
    /// What the role that we assume in the other account may do, where IAM's simulator could be asked.
    pub spoke: Option<Vec<Decision>>,
    /// The key in every region that needs it.
    pub keys: Vec<RegionalKey>,
    /// The tags of the key under the alias, where they could be read.
    pub key_tags: Option<Vec<(String, String)>>,
    /// Why the key could not be looked for by its alias.
    pub alias: Option<Error>,
    /// The key, if it is known by its ARN or was found by its alias.
    pub key_arn: Option<KmsKeyArn>,
    /// The region a key is made in, if one has to be.
    pub primary_region: Region,
    /// The account the function runs in.
    pub own_account: Option<AccountId>,
}

/// The key in a region.
#[derive(Debug)]
pub struct RegionalKey {
    /// Its ARN there.
    pub arn: KmsKeyArn,
    /// What KMS says of it; `None` if it is not there.
    pub key: Result<Option<Key>>,
    /// Its policy, where it could be read.
    pub policy: Result<Option<PolicyDocument>>,
}

impl Survey {
    /// Reads everything. Writes nothing.
    pub async fn read(readers: &Readers, wanted: &Wanted<'_>) -> Self {
        let request = wanted.request;
        let project = atlas::project(readers, wanted).await;
        let id = project.as_ref().ok().and_then(|project| project.as_ref()).map(|project| project.id.clone());
        let primary_region = wanted.primary_region(&readers.region);
        let encryption = atlas::read(id.as_ref(), async |id| Ok(readers.atlas.encryption_at_rest(id).await?)).await;
        let in_use = encryption.as_ref().ok().and_then(|encryption| encryption.aws_kms.as_ref());
        let in_use = in_use.and_then(|kms| kms.customer_master_key_id.as_ref()?.parse().ok());
        let key_arn = keys::find(readers, wanted, in_use.as_ref()).await;
        let (key_arn, alias) = match key_arn {
            Ok(found) => (found, None),
            Err(error) => (None, Some(error)),
        };
        let keys = keys::read(readers, wanted, key_arn.as_ref()).await;
        let iam_role = RolePolicies::read(readers, wanted.caller(), &request.role_arn).await;
        Self {
            registered: owner::registered(readers, wanted, id.as_ref()).await,
            access_roles: atlas::read(id.as_ref(), async |id| Ok(readers.atlas.access_roles(id).await?)).await,
            endpoints: atlas::read(id.as_ref(), async |id| Ok(readers.atlas.private_endpoints(id).await?)).await,
            clusters: atlas::read(id.as_ref(), async |id| clusters::read(readers, request, id).await).await,
            boundary: role::boundary(readers, wanted, &iam_role).await,
            required_boundary: role::required_boundary(readers, wanted),
            allowed: role::allowed(readers, wanted, &iam_role, key_arn.as_ref()).await,
            spoke: access::simulate(readers, wanted).await,
            own_account: readers.own_account.clone(),
            project,
            encryption,
            iam_role,
            keys,
            alias,
            key_tags: keys::tags(readers, wanted, key_arn.as_ref()).await,
            // A key that is found says where it is.
            primary_region: key_arn.as_ref().map_or(primary_region, |key| key.region().clone()),
            key_arn,
        }
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
        self.errors().into_iter().find(passing).cloned()
    }

    fn errors(&self) -> Vec<&Error> {
        let mut errors: Vec<&Error> = Vec::new();
        errors.extend(self.project.as_ref().err());
        errors.extend(self.registered.as_ref().err());
        errors.extend(self.access_roles.as_ref().err());
        errors.extend(self.encryption.as_ref().err());
        errors.extend(self.endpoints.as_ref().err());
        errors.extend(self.clusters.as_ref().err());
        errors.extend(self.iam_role.as_ref().err());
        errors.extend(self.boundary.iter().filter_map(|(_, document)| document.as_ref().err()));
        errors.extend(self.alias.as_ref());
        for key in &self.keys {
            errors.extend(key.key.as_ref().err());
            errors.extend(key.policy.as_ref().err());
        }
        errors
    }

    /// Everything that would fail and that atlas-cmk does not fix itself.
    pub fn findings(&self, request: &EnableEncryption) -> Vec<Finding> {
        let mut findings = owner::findings(self, request);
        findings.extend(atlas::findings(self, request));
        findings.extend(role::findings(self, request));
        findings.extend(keys::findings(self, request));
        findings.extend(clusters::findings(self, request));
        findings.extend(access::findings(self, request));
        // One refusal often shows in several places.
        let mut unique: Vec<Finding> = Vec::new();
        for finding in findings {
            if !unique.iter().any(|it| it.error == finding.error && it.cause == finding.cause && it.fix == finding.fix)
            {
                unique.push(finding);
            }
        }
        unique
    }

    /// What is wrong with the role's trust and rights once our steps have run, which nothing but somebody else can have
    /// done.
    pub fn tampering(&self, wanted: &Wanted<'_>) -> Vec<Finding> {
        let mut findings = role::trust(self, wanted);
        findings.extend(role::rights(self, wanted.request));
        findings
    }

    /// The statements that are missing and that the input forbids us to add.
    pub fn by_hand(&self, request: &EnableEncryption) -> Vec<ByHand> {
        let mut missing = role::by_hand(self, request);
        missing.extend(keys::by_hand(self, request));
        missing
    }

    /// Whether the statement of atlas-cmk is missing or has to be repaired in any key policy.
    pub fn needs_grant(&self, request: &EnableEncryption) -> bool {
        request.manage_key() == ManageKey::Full && keys::needs_grant(self, request)
    }

    /// The regions that need a replica of the key and have none that is ready.
    pub fn regions_to_replicate(&self, request: &EnableEncryption) -> Vec<Region> {
        let own = self.key_arn.as_ref().map_or(&self.primary_region, KmsKeyArn::region);
        let there = |region: &Region| {
            self.keys.iter().any(|it| {
                it.arn.region() == region && matches!(&it.key, Ok(Some(key)) if key.state != KeyState::Creating)
            })
        };
        request.regions().iter().filter(|region| *region != own && !there(region)).cloned().collect()
    }

    /// The clusters asked for that can use the key, and those that cannot, with the reason.
    pub fn select_clusters(&self, request: &EnableEncryption) -> (Vec<&Cluster>, Vec<SkippedCluster>) {
        match (&self.clusters, &request.clusters) {
            (Ok(clusters), Some(selection)) => clusters::select(&clusters.0, &clusters.1, selection),
            _ => (Vec::new(), Vec::new()),
        }
    }
}

/// Whether any cluster is asked for.
fn asks_for_clusters(request: &EnableEncryption) -> bool {
    !matches!(request.clusters, None | Some(Clusters::Some(ClusterSelection::None)))
}

/// The key in every region that needs it.
fn regional(key: &KmsKeyArn, request: &EnableEncryption) -> Vec<KmsKeyArn> {
    regional_keys(key, request.regions())
}

/// The actions that a policy does not allow.
fn missing_actions(allowed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    KEY_ACTIONS.into_iter().filter(|action| !allowed(action)).collect()
}
