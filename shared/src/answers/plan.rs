//! What applying would change, in its order: every step's own decision says it, from the survey of the project. Ids that
//! only applying brings to light have a placeholder.

use crate::{
    answers::{order, survey::Survey},
    atlas::{EncryptionAtRest, EncryptionProvider},
    error::Result,
    ids::KmsKeyArn,
    model::{enablement::Enablement, role_policies::RolePolicies},
    policy::PolicyDocument,
    report::PlannedChange,
    request::{EnableEncryption, ManageKey, ManageRole, regional_keys},
    step::{Converge, Step},
    steps::enable::{
        allow_key_use::{self, AllowKeyUse},
        authorize_role::{self, AuthorizeRole},
        create_endpoint::{self, CreateEndpoint},
        create_role::{self, CreateRole},
        enable_kms::{self, EnableKms},
        ensure_key::{self, EnsureKey},
        ensure_project::{self, EnsureProject},
        register::{self, Register, Registered},
        replicate_key::{self, ReplicateKey},
        set_cluster_encryption::{SetClusterEncryption, Switch},
        update_trust::{self, UpdateTrust},
    },
    tags,
};

/// The changes, with placeholders.
///
/// # Errors
/// What a step would refuse, and what could not be read.
pub(crate) fn changes(
    request: &EnableEncryption,
    survey: &Survey,
    execution: Option<&str>,
) -> Result<Vec<PlannedChange>> {
    let enablement = survey.enablement(request, execution)?;
    Planner { survey, enablement: &enablement, request, plan: order::Plan::in_order(&order::ENABLING) }.changes()
}

struct Planner<'a> {
    survey: &'a Survey,
    enablement: &'a Enablement<'a>,
    request: &'a EnableEncryption,
    plan: order::Plan,
}

impl Planner<'_> {
    fn changes(mut self) -> Result<Vec<PlannedChange>> {
        self.project()?;
        self.key()?;
        self.replicas()?;
        self.record()?;
        let announced = self.announcement()?;
        self.role()?;
        self.grants()?;
        self.encryption()?;
        self.endpoints()?;
        self.clusters()?;
        self.registration(announced)?;
        Ok(self.plan.changes)
    }

    fn project(&mut self) -> Result<()> {
        let Some(input) = ensure_project::Input::of(self.enablement) else { return Ok(()) };
        let project = self.survey.project.as_ref().map_err(Clone::clone)?;
        self.plan.add(EnsureProject::NAME, &EnsureProject::decide(&input, project)?)
    }

    fn key(&mut self) -> Result<()> {
        let Some(input) = ensure_key::Input::of(self.enablement) else { return Ok(()) };
        let found = self.survey.made_key.as_ref().map_err(Clone::clone)?;
        self.plan.add(EnsureKey::NAME, &EnsureKey::decide(&input, found)?)
    }

    fn replicas(&mut self) -> Result<()> {
        for region in &self.survey.regions_without_replica(self.request) {
            let replica = replicate_key::replica(&self.enablement.key_arn, region, PolicyDocument::default(), &[])?;
            self.plan.add(ReplicateKey::NAME, &[replica])?;
        }
        Ok(())
    }

    fn record(&mut self) -> Result<()> {
        let records = self.survey.in_atlas.access_roles.as_ref().map_err(Clone::clone)?;
        let input = create_role::Input::of(self.enablement);
        let changes = CreateRole::decide(&input, records)?;
        if let Some(record) = create_role::choose(&input.role_arn, &input.project_id, records)? {
            create_role::output(record)?;
        }
        self.plan.add(CreateRole::NAME, &changes)
    }

    /// What is going to be written down before role and key policies are changed.
    fn announcement(&mut self) -> Result<Registered> {
        let project = self.survey.registered.clone()?;
        let mut registered = Registered { project, now: self.survey.now, ..Registered::default() };
        let changes = Register::decide(&register::Input::of(self.enablement, true), &registered)?;
        registered.announced(&changes);
        self.plan.add(Register::NAME, &changes)?;
        Ok(registered)
    }

    fn iam_role(&self) -> Result<&RolePolicies> {
        self.survey.iam_role.as_ref().map_err(Clone::clone)
    }

    fn role(&mut self) -> Result<()> {
        match update_trust::decide(&update_trust::Input::of(self.enablement), self.iam_role()?) {
            Ok(changes) => self.plan.add(UpdateTrust::NAME, &changes),
            // What a person has to add is listed apart from what atlas-cmk would change.
            Err(_) if self.request.manage_role() == ManageRole::None => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn grants(&mut self) -> Result<()> {
        if !self.survey.needs_key_statements(self.request) {
            return Ok(());
        }
        let without_replica = self.survey.regions_without_replica(self.request);
        for key in regional_keys(&self.enablement.key_arn, self.request.regions()) {
            // A replica that is going to be made has the policy of its primary.
            let source = if without_replica.contains(key.region()) { &self.enablement.key_arn } else { &key };
            let there = self.survey.keys.iter().find(|it| it.arn == *source);
            let policy = there.map(|it| it.policy.clone()).transpose()?.flatten();
            // A key that is created lets nobody use it yet.
            let policy = policy.unwrap_or_default();
            let changes = allow_key_use::changes(&self.enablement.project_id, &self.request.role_arn, &key, &policy)?;
            self.plan.add(AllowKeyUse::NAME, &changes)?;
        }
        Ok(())
    }

    fn encryption(&mut self) -> Result<()> {
        let input = authorize_role::Input::of(self.enablement);
        let mut records = self.survey.in_atlas.access_roles.clone()?;
        if !records.iter().any(|record| record.role_id == input.role_id) {
            records.push(authorize_role::pending(input.role_id.clone()));
        }
        self.plan.add(AuthorizeRole::NAME, &AuthorizeRole::decide(&input, &records)?)?;
        let encryption: EncryptionAtRest = self.survey.in_atlas.encryption.clone()?;
        self.plan.add(EnableKms::NAME, &EnableKms::decide(&enable_kms::Input::of(self.enablement), &encryption)?)
    }

    fn endpoints(&mut self) -> Result<()> {
        for region in self.request.regions() {
            let there = self.survey.in_atlas.endpoints.as_ref().map_err(Clone::clone)?;
            let input = create_endpoint::Input::of(self.enablement, region);
            self.plan.add(CreateEndpoint::NAME, &CreateEndpoint::decide(&input, there)?)?;
        }
        Ok(())
    }

    fn clusters(&mut self) -> Result<()> {
        for name in &self.survey.clusters_to_enable(self.request) {
            let switch = Switch::new(&self.enablement.project_id, name, EncryptionProvider::Aws);
            self.plan.add(SetClusterEncryption::NAME, &[switch])?;
        }
        Ok(())
    }

    fn registration(&mut self, announced: Registered) -> Result<()> {
        let registered = Registered { role: self.tags_of_role()?, keys: self.tags_of_keys()?, ..announced };
        self.plan.add(Register::NAME, &Register::decide(&register::Input::of(self.enablement, false), &registered)?)
    }

    fn tags_of_role(&self) -> Result<Vec<tags::Tag>> {
        let role = self.iam_role()?.role.as_ref().filter(|_| self.request.manage_role() == ManageRole::Full);
        Ok(role.map(|role| role.tags.clone()).unwrap_or_default())
    }

    /// The tags that the keys have or will have before they are registered.
    fn tags_of_keys(&self) -> Result<Vec<(KmsKeyArn, Vec<tags::Tag>)>> {
        if self.request.manage_key() == ManageKey::None {
            return Ok(Vec::new());
        }
        let key = &self.enablement.key_arn;
        let there = |arn: &KmsKeyArn| match self.survey.keys.iter().find(|it| it.arn == *arn) {
            Some(found) => found.tags.clone(),
            None => Ok(Vec::new()),
        };
        // A replica takes over what the tags of its primary say of projects.
        let kept = there(key)?.into_iter().filter(|(name, _)| name.starts_with("atlas-cmk:"));
        let of_replica: Vec<tags::Tag> = std::iter::once(tags::ours()).chain(kept).collect();
        let without_replica = self.survey.regions_without_replica(self.request);
        regional_keys(key, self.request.regions())
            .into_iter()
            .map(|arn| {
                let tags = if without_replica.contains(arn.region()) { of_replica.clone() } else { there(&arn)? };
                Ok((arn, tags))
            })
            .collect()
    }
}
