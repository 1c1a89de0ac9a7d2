//! Everything that exists for a project and may have to be removed.

use super::Input;
use crate::{
    answers::survey::{InAtlas, Parts},
    atlas::{AccessRole, BackupCompliancePolicy, ErrorCode},
    aws::Caller,
    error::{Error, ErrorName, Result},
    ids::{AccountAccess, IamRoleArn, KmsKeyArn, ProjectId},
    policy::Owner,
    registry::{self, Entry, Project, approvals::Given},
    report::Kept,
    request::{DisableEncryption, ManageKey, ManageRole, Scope, regional_keys},
    step::Readers,
    steps::disable::{remove_key_use::KeyMarks, remove_trust::RoleUse, unregister::Written},
};

/// What is there.
#[derive(Debug)]
pub struct Remains {
    /// What is written down of the project.
    pub(super) registered: Option<Project>,
    /// What Atlas has of it, all of it read; `None` if the project is gone.
    pub(super) atlas: Option<InAtlas>,
    /// Its backup compliance policy, if clusters or the key are to be switched off.
    pub(super) compliance: Option<BackupCompliancePolicy>,
    /// The account of role and keys.
    pub(super) account: Option<AccountAccess>,
    /// The IAM role, if it is to go.
    pub(super) role: Option<(IamRoleArn, RoleUse)>,
    /// The keys, if their marks are to go. One that does not exist has none.
    pub(super) keys: Vec<(KmsKeyArn, Option<KeyMarks>)>,
    /// The keys that could not be read.
    pub(super) out_of_reach: Vec<Kept>,
    /// Whether the deployment demands approvals.
    pub(super) requires_approval: bool,
    /// What was approved.
    pub(super) approvals: Given,
}

impl Remains {
    pub(super) async fn read(readers: &Readers, input: &Input) -> Result<Self> {
        let request = &input.request;
        let registered = registry::read(&readers.registry()?, &request.project_id).await?;
        let entry = registered.as_ref().and_then(Project::entry);
        let atlas = match in_atlas(readers, request).await {
            Ok(found) => Some(found),
            // What a project that was deleted leaves behind on the other side is removed nevertheless.
            Err(error) if is_gone(&error) && entry.is_some() => None,
            Err(error) => return Err(error),
        };
        let compliance = match (&atlas, request.scope) {
            (None, _) | (_, Scope::Endpoints) => None,
            _ => readers.atlas.backup_compliance_policy(&request.project_id).await?,
        };
        let account = request.account.clone().or_else(|| entry.and_then(|entry| entry.desired.account.clone()));
        let requires_approval = readers.requires_approval;
        let approvals = if requires_approval || request.approval == Some(true) {
            Given::read(&readers.registry()?, &request.project_id, input.execution.as_deref()).await?
        } else {
            Given::default()
        };
        let (role, keys, out_of_reach) = (None, Vec::new(), Vec::new());
        let mut found =
            Self { registered, atlas, compliance, account, role, keys, out_of_reach, requires_approval, approvals };
        if request.scope == Scope::Role {
            let account = found.account.clone();
            let caller = Caller { account: account.as_ref(), execution: input.execution.as_deref() };
            found.read_role(readers, caller).await?;
            found.read_keys(readers, caller, &request.project_id).await?;
        }
        Ok(found)
    }

    async fn read_role(&mut self, readers: &Readers, caller: Caller<'_>) -> Result<()> {
        let Some(arn) = self.role_arn() else { return Ok(()) };
        let found = RoleUse::read(readers, caller, &arn).await?;
        self.role = Some((arn, found));
        Ok(())
    }

    /// Reads every key that may carry our marks, and the same key in all its regions: so that everything that was ever
    /// granted is found.
    async fn read_keys(&mut self, readers: &Readers, caller: Caller<'_>, project: &ProjectId) -> Result<()> {
        let mut arns = self.key_arns(project);
        let mut next = 0;
        while let Some(arn) = arns.get(next).cloned() {
            next += 1;
            match KeyMarks::read(readers, caller, &arn).await {
                Ok(marks) => {
                    for relative in marks.iter().flat_map(|marks| &marks.relatives) {
                        if !arns.contains(relative) {
                            arns.push(relative.clone());
                        }
                    }
                    self.keys.push((arn, marks));
                }
                Err(error) if matches!(error.name(), ErrorName::AccountAccessDenied | ErrorName::InputInvalid) => {
                    self.out_of_reach.push(out_of_reach(&arn, &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What `unregister` would find. What is owed is closed with the project, and no part of a plan.
    pub(super) fn written(&self) -> Written {
        Written { project: self.registered.clone(), owed: Vec::new() }
    }

    fn entry(&self) -> Option<&Entry> {
        self.registered.as_ref()?.entry()
    }

    /// The access role record: the one that was written down, or the one the key is used with.
    pub(super) fn record(&self) -> Option<&AccessRole> {
        let records = || self.atlas.iter().flat_map(InAtlas::access_roles);
        let registered = self.entry().and_then(|entry| records().find(|it| it.role_id == entry.role_id));
        let in_use = self.aws_kms().and_then(|kms| kms.role_id.as_deref());
        registered.or_else(|| records().find(|record| Some(record.role_id.as_ref()) == in_use))
    }

    /// The same, if it is ours: written down, or trusted by a statement of ours.
    pub(super) fn own_record(&self, project: &ProjectId) -> Option<&AccessRole> {
        let trusts = |(_, role): &(IamRoleArn, RoleUse)| {
            role.trust_policy().is_some_and(|trust| trust.statement(&Owner::ProjectTrust(project).sid()).is_some())
        };
        let is_ours = self.entry().is_some() || self.role.as_ref().is_some_and(trusts);
        self.record().filter(|_| is_ours)
    }

    pub(super) fn aws_kms(&self) -> Option<&crate::atlas::AwsKms> {
        self.atlas.as_ref()?.aws_kms()
    }

    /// Which parts of the role atlas-cmk may write.
    pub(super) fn manage_role(&self) -> ManageRole {
        self.entry().map(|entry| entry.desired.manage_role()).unwrap_or_default()
    }

    fn role_arn(&self) -> Option<IamRoleArn> {
        let registered = self.entry().map(|entry| entry.desired.role_arn.clone());
        registered.or_else(|| self.record()?.iam_assumed_role_arn.as_ref()?.parse().ok())
    }

    /// Every key that may carry our marks: the one that is used, those before, and all that the role is allowed to use.
    fn key_arns(&self, project: &ProjectId) -> Vec<KmsKeyArn> {
        let entry = self.entry();
        if entry.is_some_and(|entry| entry.desired.manage_key() == ManageKey::None) {
            return Vec::new();
        }
        let mut arns: Vec<KmsKeyArn> =
            entry.map(|entry| regional_keys(&entry.key_arn, entry.desired.regions())).unwrap_or_default();
        let of_role = self.role.iter().flat_map(|(_, role)| role.keys(project));
        let before = self.registered.iter().flat_map(Project::keys);
        let in_use = self.aws_kms().and_then(|kms| kms.customer_master_key_id.clone());
        for key in of_role.chain(before).chain(in_use) {
            if let Ok(arn) = key.parse::<KmsKeyArn>()
                && !arns.contains(&arn)
            {
                arns.push(arn);
            }
        }
        arns
    }
}

fn out_of_reach(arn: &KmsKeyArn, error: &Error) -> Kept {
    Kept { resource: arn.to_string(), reason: format!("it could not be read: {}", error.message()) }
}

fn is_gone(error: &Error) -> bool {
    error.code() == Some(ErrorCode::GroupNotFound.as_str())
}

async fn in_atlas(readers: &Readers, request: &DisableEncryption) -> Result<InAtlas> {
    let parts = Parts { access_roles: request.scope == Scope::Role, flex_clusters: false, ..Parts::ALL };
    InAtlas::read(&readers.atlas, Some(&request.project_id), parts).await.complete()
}
