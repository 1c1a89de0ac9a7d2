//! `plan`: what applying would change, in its order, and nothing of it is done. Every step's own observe and decide say
//! it; ids that only applying brings to light have a placeholder.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    answers::order,
    atlas::EncryptionProvider,
    aws::Caller,
    error::Result,
    ids::{AccessRoleId, ClusterName, ExternalId, KmsKeyArn, ProjectId, Region, TrustedArn},
    model::{keys::replica_of, placeholder, role_policies::RolePolicies},
    policy::PolicyDocument,
    report::PlannedChange,
    request::{EnableEncryption, ManageKey, regional_keys},
    step::{Actions, Answer, Converge, Readers, Step, actions, sample_request},
    steps::enable::{
        authorize_role::{self, AuthorizeRole},
        create_endpoint::{self, CreateEndpoint},
        create_role::{self, CreateRole},
        enable_kms::{self, EnableKms},
        ensure_key::{self, EnsureKey},
        ensure_project::{self, EnsureProject},
        grant_key::{self, GrantKey},
        register::{self, Register},
        replicate_key::{self, ReplicateKey},
        set_cluster_encryption::{SetClusterEncryption, Switch},
        update_trust::{self, UpdateTrust},
    },
    tags,
};

/// The step.
pub struct Plan;

/// The input of the state machine, and what `preflight` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// The input of the state machine, as the caller wrote it.
    pub request: EnableEncryption,
    /// The project, or null if it has to be made.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// The key, or null if it has to be made.
    #[serde(default)]
    pub key_arn: Option<KmsKeyArn>,
    /// Where the key is made, if it has to be.
    pub primary_region: Region,
    /// The regions that need a replica of the key and have none that is ready.
    pub regions_to_replicate: Vec<Region>,
    /// Whether a key policy has to name the role.
    pub grant_keys: bool,
    /// The clusters that do not use the key yet.
    pub clusters_to_enable: Vec<ClusterName>,
    /// The key that the project uses now, if it is another.
    #[serde(default)]
    pub previous_key: Option<String>,
    /// The name of the execution, after which sessions in the other account are named.
    #[serde(default)]
    pub execution: Option<String>,
}

/// The changes that applying would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// In the order in which they would be made.
    pub plan: Vec<PlannedChange>,
}

impl Step for Plan {
    const NAME: &'static str = "plan";
    const ABOUT: &'static str = "Read-only: runs observe and decide of every step in order and returns the changes";
    const ACTIONS: Actions = &[
        actions::ATLAS,
        actions::OTHER_ACCOUNTS,
        &[
            "iam:GetRole",
            "iam:GetRolePolicy",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListKeys",
            "kms:ListResourceTags",
            "ssm:GetParameter",
        ],
    ];
    type Input = Input;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "request": sample_request(),
            "projectId": "66f0a1b2c3d4e5f601234567",
            "keyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "primaryRegion": "us-east-1",
            "regionsToReplicate": [
                "ap-southeast-2"
            ],
            "grantKeys": false,
            "clustersToEnable": [
                "orders"
            ],
            "previousKey": null,
            "execution": "enable-payments"
        })
    }

    fn validate(input: &Input) -> Result<()> {
        input.request.validate()
    }
}

impl Answer for Plan {
    type Observation = Vec<PlannedChange>;

    async fn observe(readers: &Readers, input: &Input) -> Result<Vec<PlannedChange>> {
        Planner::new(readers, input)?.plan().await
    }

    fn answer(_: &Input, plan: Vec<PlannedChange>, _: Timestamp) -> Result<Output> {
        Ok(Output { plan: placeholder::in_words(&plan)? })
    }
}

struct Planner<'a> {
    readers: &'a Readers,
    input: &'a Input,
    request: &'a EnableEncryption,
    project: ProjectId,
    key: KmsKeyArn,
    plan: order::Plan,
}

impl<'a> Planner<'a> {
    fn new(readers: &'a Readers, input: &'a Input) -> Result<Self> {
        let request = &input.request;
        let key = match &input.key_arn {
            Some(key) => key.clone(),
            None => {
                let account = request.key_account(readers.own_account.as_ref()).map(ToString::to_string);
                let account = account.unwrap_or_else(|| request.role_arn.account().to_string());
                placeholder::of(&format!("arn:aws:kms:{}:{account}:key/{}", input.primary_region, placeholder::KEY))?
            }
        };
        let project = input.project_id.clone().map_or_else(|| placeholder::of(placeholder::PROJECT), Ok)?;
        Ok(Self { readers, input, request, project, key, plan: order::Plan::in_order(&order::ENABLING) })
    }

    fn caller(&self) -> Caller<'a> {
        Caller { account: self.request.account.as_ref(), execution: self.input.execution.as_deref() }
    }

    async fn plan(mut self) -> Result<Vec<PlannedChange>> {
        self.project().await?;
        self.key().await?;
        self.replicas()?;
        let record = self.record().await?;
        let announced = self.announcement(record.as_ref()).await?;
        let role_id = Box::pin(self.role(record)).await?;
        self.grants().await?;
        self.encryption(role_id.as_ref()).await?;
        self.endpoints().await?;
        self.clusters()?;
        Box::pin(self.registry(role_id, &announced)).await?;
        Ok(self.plan.changes)
    }

    async fn project(&mut self) -> Result<()> {
        let Some(project) = self.request.project.clone().filter(|_| self.input.project_id.is_none()) else {
            return Ok(());
        };
        let input = ensure_project::Input { project, atlas_secret_id: None };
        let found = EnsureProject::observe(self.readers, &input).await?;
        self.plan.add(EnsureProject::NAME, &EnsureProject::decide(&input, &found)?)?;
        Ok(())
    }

    async fn key(&mut self) -> Result<()> {
        let Some(alias) = self.request.key_alias() else { return Ok(()) };
        let input = ensure_key::Input {
            alias: alias.clone(),
            region: self.input.primary_region.clone(),
            rotation_days: self.request.key.as_ref().and_then(|key| key.rotation_days),
            account: self.request.account.clone(),
            execution: self.input.execution.clone(),
        };
        let found = EnsureKey::observe(self.readers, &input).await?;
        self.plan.add(EnsureKey::NAME, &EnsureKey::decide(&input, &found)?)?;
        Ok(())
    }

    fn replicas(&mut self) -> Result<()> {
        for region in &self.input.regions_to_replicate {
            let replica = replicate_key::replica(&self.key, region, PolicyDocument::default(), &[])?;
            self.plan.add(ReplicateKey::NAME, &[replica])?;
        }
        Ok(())
    }

    /// The access role record, if there is one.
    async fn record(&mut self) -> Result<Option<create_role::Output>> {
        let arn = &self.request.role_arn;
        let input =
            create_role::Input { project_id: self.project.clone(), role_arn: arn.clone(), atlas_secret_id: None };
        let records = match self.input.project_id {
            Some(_) => CreateRole::observe(self.readers, &input).await?,
            None => Vec::new(),
        };
        self.plan.add(CreateRole::NAME, &CreateRole::decide(&input, &records)?)?;
        create_role::choose(arn, &self.project, &records)?.map(create_role::output).transpose()
    }

    /// What is going to be written down before role and key policies are changed.
    async fn announcement(&mut self, record: Option<&create_role::Output>) -> Result<Vec<register::RegistryChange>> {
        let role_id = record.map(|record| record.role_id.clone());
        let input = register::Input { announce: true, ..self.registration(role_id)? };
        let changes = Register::decide(&input, &Register::observe(self.readers, &input).await?)?;
        self.plan.add(Register::NAME, &changes)?;
        Ok(changes)
    }

    fn registration(&self, role_id: Option<AccessRoleId>) -> Result<register::Input> {
        Ok(register::Input {
            request: self.request.clone(),
            project_id: self.project.clone(),
            role_id: role_id.map_or_else(|| placeholder::of(placeholder::ROLE_ID), Ok)?,
            key_arn: self.key.clone(),
            previous_key: self.input.previous_key.clone(),
            announce: false,
            execution: self.input.execution.clone(),
        })
    }

    /// The IAM role. The id of the record, if there is one.
    async fn role(&mut self, record: Option<create_role::Output>) -> Result<Option<AccessRoleId>> {
        let arn = &self.request.role_arn;
        let (principal, external_id): (TrustedArn, ExternalId) = match &record {
            Some(record) => (TrustedArn::Principal(record.atlas_aws_account_arn.clone()), record.external_id.clone()),
            None => (placeholder::of(placeholder::PRINCIPAL)?, placeholder::of(placeholder::EXTERNAL_ID)?),
        };
        let input = update_trust::Input {
            project_id: Some(self.project.clone()),
            access_name: None,
            role_arn: arn.clone(),
            key_arn: Some(self.key.clone()),
            regions: self.request.regions().to_vec(),
            principal_arn: principal,
            external_id,
            permissions_boundary: None,
            manage: self.request.manage_role(),
            account: self.request.account.clone(),
            execution: self.input.execution.clone(),
        };
        let observed = RolePolicies::read(self.readers, self.caller(), arn).await?;
        match update_trust::decide(&input, &observed) {
            Ok(changes) => self.plan.add(UpdateTrust::NAME, &changes)?,
            // What a person has to add is listed apart from what atlas-cmk would change.
            Err(_) if self.request.manage_role() == crate::request::ManageRole::None => {}
            Err(error) => return Err(error),
        }
        Ok(record.map(|record| record.role_id))
    }

    async fn grants(&mut self) -> Result<()> {
        if !self.input.grant_keys {
            return Ok(());
        }
        for key in regional_keys(&self.key, self.request.regions()) {
            let made = self.input.key_arn.is_none() || self.input.regions_to_replicate.contains(key.region());
            // A key that is created lets nobody use it yet; a replica has the policy of its primary.
            let policy = match (made, &self.input.key_arn) {
                (true, None) => PolicyDocument::default(),
                (true, Some(primary)) => self.readers.kms_for(primary, self.caller()).await?.policy(primary).await?,
                (false, _) => self.readers.kms_for(&key, self.caller()).await?.policy(&key).await?,
            };
            let changes = grant_key::changes(&self.project, &self.request.role_arn, &key, &policy)?;
            self.plan.add(GrantKey::NAME, &changes)?;
        }
        Ok(())
    }

    async fn encryption(&mut self, role_id: Option<&AccessRoleId>) -> Result<()> {
        let role_id = role_id.cloned().map_or_else(|| placeholder::of(placeholder::ROLE_ID), Ok)?;
        let input = authorize_role::Input {
            project_id: self.project.clone(),
            role_id: role_id.clone(),
            role_arn: self.request.role_arn.clone(),
            atlas_secret_id: None,
        };
        let mut records = match self.input.project_id {
            Some(_) => AuthorizeRole::observe(self.readers, &input).await?,
            None => Vec::new(),
        };
        if !records.iter().any(|record| record.role_id == role_id) {
            records.push(authorize_role::pending(role_id.clone()));
        }
        self.plan.add(AuthorizeRole::NAME, &AuthorizeRole::decide(&input, &records)?)?;

        let input = enable_kms::Input {
            project_id: self.project.clone(),
            role_id,
            key_arn: self.key.clone(),
            require_private_networking: !self.request.regions().is_empty(),
            search_nodes: self.request.search_nodes,
            atlas_secret_id: None,
        };
        let observed = match self.input.project_id {
            Some(_) => EnableKms::observe(self.readers, &input).await?,
            None => crate::atlas::EncryptionAtRest::default(),
        };
        self.plan.add(EnableKms::NAME, &EnableKms::decide(&input, &observed)?)?;
        Ok(())
    }

    async fn endpoints(&mut self) -> Result<()> {
        let regions = self.request.regions();
        let there = match (&self.input.project_id, regions) {
            (None, _) | (_, []) => Vec::new(),
            (Some(project), _) => self.readers.atlas.private_endpoints(project).await?,
        };
        for region in regions {
            let input = create_endpoint::Input {
                project_id: self.project.clone(),
                region: region.clone(),
                atlas_secret_id: None,
            };
            self.plan.add(CreateEndpoint::NAME, &CreateEndpoint::decide(&input, &there)?)?;
        }
        Ok(())
    }

    fn clusters(&mut self) -> Result<()> {
        for name in &self.input.clusters_to_enable {
            let switch = Switch::new(&self.project, name, EncryptionProvider::Aws);
            self.plan.add(SetClusterEncryption::NAME, &[switch])?;
        }
        Ok(())
    }

    async fn registry(&mut self, role_id: Option<AccessRoleId>, announced: &[register::RegistryChange]) -> Result<()> {
        let input = self.registration(role_id)?;
        let mut observed = register::Registered::read(self.readers, &input, &self.input.regions_to_replicate).await?;
        observed.announced(announced);
        if self.input.key_arn.is_none() {
            observed.forget_keys();
        }
        // A replica takes over what the tags of its primary say of projects.
        let of_primary = observed.tags_of(&self.key).unwrap_or_default();
        if self.request.manage_key() == ManageKey::Full {
            for region in &self.input.regions_to_replicate {
                let replica = replica_of(&self.key, region)?;
                let kept = of_primary.iter().filter(|(key, _)| key.starts_with("atlas-cmk:")).cloned();
                observed.add_key(replica, std::iter::once(tags::ours()).chain(kept).collect());
            }
        }
        self.plan.add(Register::NAME, &Register::decide(&input, &observed)?)?;
        Ok(())
    }
}
